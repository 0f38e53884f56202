/** A program that builds and is to be killed: `CONFIG REQUEST-DIRECTORY`. Says `building` when it begins, and `built` at its end. */
import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { createBuilder } from '../../src/build/create-builder.ts';
import { createEngine } from '../../src/engine/create-engine.ts';
import { buildRequest } from './build.ts';

const [config = '', context = ''] = process.argv.slice(2);
const engine = await createEngine(JSON.parse(config), pino({ level: 'silent' }));
const builder = await createBuilder(engine);
const request = buildRequest(context, { networkMode: 'default' });
readFileSync(join(context, 'Dockerfile'));
writeSync(1, 'building\n');
await builder.build(request, new AbortController().signal);
writeSync(1, 'built\n');
setInterval(() => undefined, 1000);
