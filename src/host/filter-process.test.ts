/** Streams through programs of the host: their output, their failures, their end. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { filterStream } from './filter-process.ts';

test('what the program writes comes out, with bounded memory in between', async () => {
  const chunk = Buffer.alloc(100_000, 'abc');
  const source = Readable.from(Array.from({ length: 100 }, () => chunk));
  const output = await buffer(filterStream(['tr', 'a', 'A'], source, 'coreutils'));
  assert.equal(output.length, 10_000_000);
  assert.equal(output.toString('latin1', 0, 6), 'AbcAbc');
});

test('a program that fails says why, one that is missing says how to get it', async () => {
  const failing = filterStream(
    ['sh', '-c', 'head -c 10; echo broken >&2; exit 3'],
    Readable.from([Buffer.alloc(10_000_000)]),
    'x',
  );
  await assert.rejects(
    buffer(failing),
    (error) => isEngineError(error, 'data-loss') && /broken sh stream: broken/.test(error.message),
  );
  assert.throws(
    () => filterStream(['no-such-program-here'], Readable.from([]), 'some-package'),
    (error) => isEngineError(error, 'not-implemented') && /install some-package/.test(error.hint ?? ''),
  );
});

test('whoever stops reading ends the program and the source', async () => {
  const source = new Readable({ read: () => {} });
  const output = filterStream(['cat'], source, 'coreutils');
  source.push('first');
  const [first] = await new Promise<Buffer[]>((resolve) =>
    output.once('data', (data: Buffer) => resolve([data])),
  );
  assert.equal(first?.toString(), 'first');
  const closed = new Promise((resolve) => source.once('close', resolve));
  output.destroy();
  await closed;
  const failing = new Readable({ read: () => {} });
  const broken = filterStream(['cat'], failing, 'coreutils');
  failing.destroy(new Error('the client went away'));
  await assert.rejects(buffer(broken), /the client went away/);
});
