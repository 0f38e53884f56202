/** Answers what the daemon asks for during a build: files, secrets, agents, logins, and where outputs go. */
import { createWriteStream, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '../../errors/engine-error.ts';
import { TarReader } from '../../util/tar/tar-reader.ts';
import type { WireAsk } from '../../wire/build-session.ts';
import type { Channel } from '../../wire/channels.ts';
import type { AuthConfig } from '../../wire/system.ts';
import { LocalExtractor } from '../copy/local-extract.ts';
import type { Output } from '../io.ts';
import { syncContext } from './context-sync.ts';
import { pathsBelow } from './context-tar.ts';
import { type OciLayout, readBlob, writeBlob } from './oci-layouts.ts';
import type { PlannedOutput } from './output-flags.ts';
import type { Agents, Secrets } from './secrets.ts';

export interface Answering {
  /** Directories by the name of the context; '' is the main one. */
  roots: ReadonlyMap<string, string>;
  /** The Dockerfile and its ignore file, where they are in no context. */
  outside: ReadonlyMap<string, Buffer> | undefined;
  secrets: Secrets;
  agents: Agents;
  login: (host: string) => AuthConfig | undefined;
  outputs: readonly PlannedOutput[];
  layouts: { contexts: ReadonlyMap<string, OciLayout>; from: readonly OciLayout[]; to: readonly OciLayout[] };
  stdout: Output;
}

/** Never throws: what fails is told over the channel, and so is the build's failure. */
export function answerAsk(answering: Answering, heading: unknown, channel: Channel): void {
  answer(answering, heading, channel).catch((error: unknown) => {
    channel.destroy(error instanceof Error ? error : new Error(String(error)));
  });
}

function isAsk(heading: unknown): heading is WireAsk {
  return (
    typeof heading === 'object' && heading !== null && 'open' in heading && typeof heading.open === 'string'
  );
}

async function answer(answering: Answering, ask: unknown, channel: Channel): Promise<void> {
  if (!isAsk(ask)) throw new EngineError('invalid-argument', 'the daemon asks for something unknown');
  switch (ask.open) {
    case 'sync': {
      const root = answering.roots.get(ask.context);
      const below = root === undefined ? undefined : pathsBelow(root, ask.paths);
      return await syncContext(root, { ignore: ask.ignore, below }, channel);
    }
    case 'file':
      return await send(channel, readContextFile(answering, ask));
    case 'secret':
      return await send(channel, present(answering.secrets.get(ask.id), `a secret ${ask.id}`)());
    case 'credentials':
      return await send(channel, Buffer.from(JSON.stringify(present(answering.login(ask.host), 'a login'))));
    case 'ssh': {
      const agent = present(answering.agents.get(ask.id), `an agent ${ask.id}`)();
      await Promise.all([pipeline(channel, agent, { end: true }), pipeline(agent, channel)]);
      return;
    }
    case 'output':
      return await store(answering, present(answering.outputs[ask.index], 'an output'), channel);
    case 'layout-read': {
      const { layouts } = answering;
      const layout =
        ask.context === undefined
          ? layouts[ask.isExport === true ? 'to' : 'from'][ask.index ?? -1]
          : layouts.contexts.get(ask.context);
      await pipeline(readBlob(present(layout, 'a layout'), ask.digest), channel);
      return;
    }
    case 'layout-write':
      // The other half is still to be ended: that says that all is stored.
      await writeBlob(
        present(answering.layouts.to[ask.index], 'a layout'),
        ask.digest,
        channel.iterator({ destroyOnReturn: false }),
      );
      channel.end();
      return;
  }
}

function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new EngineError('not-found', `the client has not ${what}`);
  return value;
}

async function send(channel: Channel, data: Buffer): Promise<void> {
  channel.resume();
  await pipeline(Readable.from([data], { objectMode: false }), channel);
}

function readContextFile(
  { roots, outside }: Answering,
  { context, path, isDockerfile }: Extract<WireAsk, { open: 'file' }>,
): Buffer {
  if (isDockerfile) return present(outside?.get(path), path);
  const root = present(roots.get(context), path);
  const at = join(root, path);
  if (!existsSync(at)) throw new EngineError('not-found', `${path} is not there`);
  return readFileSync(at);
}

async function store(
  { stdout }: Answering,
  { wire, destination }: PlannedOutput,
  channel: Channel,
): Promise<void> {
  if (wire.kind === 'local') await extract(destination, channel);
  else if (destination === '-') await pipeline(channel, toOutput(stdout), { end: true });
  else await writeWhole(destination, channel);
  channel.end();
}

async function extract(destination: string, channel: Channel): Promise<void> {
  mkdirSync(destination, { recursive: true });
  const extractor = new LocalExtractor(resolve(destination), { from: '', to: '' });
  const reader = new TarReader(extractor);
  // The other half is still to be ended: that says that all is stored.
  for await (const chunk of channel.iterator({ destroyOnReturn: false })) reader.push(chunk);
  extractor.finish();
}

/** Whole, or not there. */
async function writeWhole(destination: string, channel: Channel): Promise<void> {
  mkdirSync(dirname(destination), { recursive: true });
  const temporary = `${destination}.partial-${process.pid}`;
  try {
    await pipeline(channel, createWriteStream(temporary));
    await rename(temporary, destination);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function toOutput(output: Output): Writable {
  return new Writable({
    write: (chunk: Buffer, _encoding, callback) => {
      output.send(chunk).then(() => callback(), callback);
    },
  });
}
