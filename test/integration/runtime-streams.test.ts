/** The streams of a supervised process: every byte arrives, nobody who is slow stalls it, and the log has Docker's format. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attachment } from '../../src/runtime/runtime-types.ts';
import { type ContainerOptions, collect, everything, Fixture } from './runtime-fixture.ts';

let fixture: Fixture;
before(async () => {
  fixture = await Fixture.create();
});
after(async () => {
  await fixture.close();
});

async function prepare(options: ContainerOptions) {
  const request = fixture.request(options);
  return { request, prepared: await fixture.runtime.prepare(request), log: request.log?.path ?? '' };
}

const cat = { args: ['cat'], openStdin: true, stdinOnce: true, log: false } as const;

function* blocks(count: number): Generator<Buffer> {
  const block = Buffer.alloc(1 << 20);
  for (let index = 0; index < count; index++) {
    block.writeUInt32LE(index, (index * 977) % (1 << 19));
    yield Buffer.from(block);
  }
}

async function digest(chunks: Iterable<Buffer> | AsyncIterable<{ data: Buffer }>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of chunks) hash.update(Buffer.isBuffer(chunk) ? chunk : chunk.data);
  return hash.digest('hex');
}

test('100 MB through cat come back intact, and the half-close ends it', async () => {
  const { prepared } = await prepare({ ...cat, args: [...cat.args] });
  const attachment = await prepared.attach({ stdin: true, stdout: true, stderr: true });
  const running = await prepared.start();
  if (attachment.input === undefined) throw new Error('no input');
  const [received, sent] = await Promise.all([
    digest(attachment.output),
    digest(blocks(100)),
    pipeline(Readable.from(blocks(100)), attachment.input),
  ]);
  assert.equal(received, sent);
  assert.equal((await running.exited).exitCode, 0);
  await running.released;
});

test('without stdinOnce a client that ends its input does not end the process', async () => {
  const { prepared } = await prepare({ args: ['cat'], openStdin: true });
  const first = await prepared.attach({ stdin: true, stdout: true, stderr: true });
  const running = await prepared.start();
  first.input?.end('one\n');
  for await (const { data } of first.output) if (data.includes('one')) break;
  first.detach();
  const second = await running.attach({ stdin: true, stdout: true, stderr: true });
  second.input?.write('two\n');
  for await (const { data } of second.output) if (data.includes('two')) break;
  await running.kill(9);
  assert.equal((await running.exited).exitCode, 137);
  await running.released;
});

test('with stdinOnce a client that goes ends the input', async () => {
  const { prepared } = await prepare({ ...cat, args: [...cat.args] });
  const attachment = await prepared.attach({ stdin: true, stdout: true, stderr: true });
  const running = await prepared.start();
  attachment.detach();
  assert.equal((await running.exited).exitCode, 0);
  await running.released;
});

test('input written after the end is dropped without an error', async () => {
  const { prepared } = await prepare({ args: ['true'], openStdin: true, stdinOnce: true });
  const attachment = await prepared.attach({ stdin: true, stdout: true, stderr: true });
  const running = await prepared.start();
  await running.exited;
  await collect(attachment);
  await new Promise<void>((resolve) => attachment.input?.end('late', resolve));
  await running.released;
});

test('several clients get the same, each only what it asked for', async () => {
  const { prepared } = await prepare({ args: ['sh', '-c', 'seq 1 50000; echo end >&2'] });
  const clients: Attachment[] = [];
  for (let i = 0; i < 3; i++) clients.push(await prepared.attach(everything));
  const errors = await prepared.attach({ stdin: false, stdout: false, stderr: true });
  const running = await prepared.start();
  const outputs = await Promise.all(clients.map(collect));
  const expected = `${Array.from({ length: 50000 }, (_, index) => index + 1).join('\n')}\n`;
  for (const output of outputs) assert.ok(output.stdout === expected && output.stderr === 'end\n');
  assert.deepEqual(await collect(errors), { stdout: '', stderr: 'end\n' });
  await running.released;
});

test('a client that does not read stalls nobody, and gets every byte after the end', async () => {
  const size = 40_000_000;
  const { prepared, log } = await prepare({
    args: ['head', '-c', String(size), '/dev/zero'],
    log: { maxSize: 1 << 20, maxFiles: 2 },
  });
  const slow = await prepared.attach(everything);
  const fast = await prepared.attach(everything);
  const running = await prepared.start();
  let received = 0;
  for await (const { data } of fast.output) received += data.length;
  assert.equal(received, size);
  assert.equal((await running.exited).exitCode, 0);
  await running.released;
  await fixture.runtime.forget(fixture.dir);
  assert.deepEqual(
    readdirSync(dirname(log)).filter((name) => name.startsWith('.spill')),
    [],
  );
  received = 0;
  for await (const { data } of slow.output) received += data.length;
  assert.equal(received, size);
});

test('a client that lags by more than the limit is dropped, and told', async () => {
  const own = await Fixture.create({ spillLimit: 1 << 20 });
  const request = own.request({ args: ['head', '-c', '20000000', '/dev/zero'], log: false });
  const prepared = await own.runtime.prepare(request);
  const attachment = await prepared.attach(everything);
  const running = await prepared.start();
  assert.equal((await running.exited).exitCode, 0);
  await assert.rejects(collect(attachment), /output was lost/);
  await running.released;
  await own.close();
});

test('a client that attaches later sees what comes from then on', async () => {
  const { prepared } = await prepare({
    args: ['sh', '-c', 'echo early; read x; echo late'],
    openStdin: true,
  });
  const first = await prepared.attach(everything);
  const running = await prepared.start();
  for await (const { data } of first.output) if (data.includes('early')) break;
  const second = await running.attach({ stdin: true, stdout: true, stderr: true });
  second.input?.write('\n');
  assert.equal((await collect(second)).stdout, 'late\n');
  await running.released;
});

interface LogLine {
  log: string;
  stream: string;
  time: string;
}

function readLog(path: string): LogLine[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

test("the log has Docker's format: escapes, streams, times", async () => {
  const script = String.raw`printf 'a"b\\c\t\001<&>\n'; printf 'bad \377\303 end\n'; printf 'ü€😀\n'; sleep 0.05; printf err >&2`;
  const { prepared, log } = await prepare({ args: ['sh', '-c', script] });
  const running = await prepared.start();
  await running.exited;
  const lines = readLog(log);
  assert.deepEqual(
    lines.map(({ log: text, stream }) => [text, stream]),
    [
      ['a"b\\c\t\u0001<&>\n', 'stdout'],
      ['bad \ufffd\ufffd end\n', 'stdout'],
      ['ü€😀\n', 'stdout'],
      ['err', 'stderr'],
    ],
  );
  const raw = readFileSync(log, 'utf8');
  assert.match(raw, /^\{"log":"a\\"b\\\\c\\u0009\\u0001\\u003c\\u0026\\u003e\\n","stream":"stdout","time":"/);
  assert.match(lines[0]?.time ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert.ok(Math.abs(Date.parse(lines[0]?.time ?? '') - Date.now()) < 10_000);
  await running.released;
});

test('long lines are split at 16 KiB', async () => {
  const { prepared, log } = await prepare({ args: ['sh', '-c', 'head -c 40000 /dev/zero; echo; echo next'] });
  const running = await prepared.start();
  await running.exited;
  assert.deepEqual(
    readLog(log).map(({ log: text }) => text.length),
    [16384, 16384, 40000 - 2 * 16384 + 1, 5],
  );
  await running.released;
});

test('a line is in the log soon after it was written', async () => {
  const { prepared, log } = await prepare({ args: ['sh', '-c', 'echo now; sleep 100'] });
  const attachment = await prepared.attach(everything);
  const running = await prepared.start();
  for await (const { data } of attachment.output) if (data.includes('now')) break;
  await sleep(10);
  assert.equal(readLog(log)[0]?.log, 'now\n');
  await running.kill(9);
  await running.released;
});

test('the log is rotated by size and count, between lines', async () => {
  const { prepared, log } = await prepare({
    args: ['sh', '-c', 'seq 1 20000'],
    log: { maxSize: 200_000, maxFiles: 3 },
  });
  const running = await prepared.start();
  await running.released;
  const files = [`${log}.2`, `${log}.1`, log];
  for (const path of files) assert.ok(statSync(path).size < 200_100);
  assert.equal(existsSync(`${log}.3`), false);
  const numbers = files.flatMap(readLog).map(({ log: text }) => Number(text));
  const first = numbers[0] ?? 0;
  assert.deepEqual(
    numbers,
    Array.from({ length: 20001 - first }, (_, index) => first + index),
  );
});

test('a log of one file is emptied when it is full', async () => {
  const { prepared, log } = await prepare({
    args: ['seq', '1', '5000'],
    log: { maxSize: 100_000, maxFiles: 1 },
  });
  const running = await prepared.start();
  await running.released;
  assert.ok(statSync(log).size < 100_100);
  assert.equal(existsSync(`${log}.1`), false);
  assert.equal(readLog(log).at(-1)?.log, '5000\n');
});
