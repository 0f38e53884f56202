import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { Deferred } from '../../util/deferred.ts';
import { type ReadLogOptions, readLog } from './reader.ts';
import { logTimeOf } from './time.ts';

const all: ReadLogOptions = {
  stdout: true,
  stderr: true,
  timestamps: false,
  prefix: '',
  headRoom: 0,
  tail: undefined,
};

function entry(log: string, stream = 'stdout', time = '2026-01-31T12:00:00.5Z'): string {
  return `${JSON.stringify({ log, stream, time })}\n`;
}

function logFile(context: TestContext, content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'logs-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'x-json.log');
  writeFileSync(path, content);
  return path;
}

/** Messages as `[stream, text]`, cut at their ends. */
async function messages(path: string, options: Partial<ReadLogOptions> = {}): Promise<string[][]> {
  const found: string[][] = [];
  for await (const { stream, data, ends } of readLog(
    path,
    { ...all, ...options },
    new AbortController().signal,
  )) {
    for (const [index, end] of ends.entries()) {
      found.push([stream, data.toString('utf8', index === 0 ? 0 : ends[index - 1], end)]);
    }
  }
  return found;
}

async function texts(path: string, options: Partial<ReadLogOptions> = {}): Promise<string[]> {
  return (await messages(path, options)).map(([, text]) => text ?? '');
}

test('messages come in order, by stream, with their ends', async (context) => {
  const path = logFile(context, entry('one\n') + entry('two\n') + entry('bad\n', 'stderr') + entry('part'));
  assert.deepEqual(await messages(path), [
    ['stdout', 'one\n'],
    ['stdout', 'two\n'],
    ['stderr', 'bad\n'],
    ['stdout', 'part'],
  ]);
  assert.deepEqual(await texts(path, { stdout: false }), ['bad\n']);
  assert.deepEqual(await texts(path, { stderr: false }), ['one\n', 'two\n', 'part']);
});

test('a message may be empty', async (context) => {
  const path = logFile(context, entry('') + entry('', 'stderr') + entry('x\n'));
  assert.deepEqual(await messages(path), [
    ['stdout', ''],
    ['stderr', ''],
    ['stdout', 'x\n'],
  ]);
});

test('a reader that is gone is forgotten by whoever tells it of the end', async (context) => {
  const path = logFile(context, entry('a\n'));
  let signal: AbortSignal | undefined;
  const follow = (over: AbortSignal): Promise<void> => {
    signal = over;
    return new Deferred<void>().promise;
  };
  const stop = new AbortController();
  const batches = readLog(path, { ...all, follow }, stop.signal);
  await batches.next();
  const pending = batches.next();
  stop.abort();
  assert.equal((await pending).done, true);
  assert.equal(signal?.aborted, true);
});

test('any text comes back as it was written', async (context) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'binary', maxLength: 40 }), { maxLength: 8 }),
      async (logs) => {
        const path = logFile(context, logs.map((log) => entry(log)).join(''));
        assert.deepEqual(
          await texts(path),
          logs.map((log) => Buffer.from(log).toString()),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test('escapes of any kind are undone', async (context) => {
  const line = String.raw`{"log":"\u003cb\u003e \"q\" \\ \/ \b\f\r\t \u00e9\u20ac \ud83d\ude00 \ud83d!\n","stream":"stdout","time":"2026-01-31T12:00:00Z"}`;
  const path = logFile(context, `${line}\n`);
  assert.deepEqual(await texts(path), ['<b> "q" \\ / \b\f\r\t é€ 😀 \ufffd!\n']);
});

test('times are put before messages with nine decimals', async (context) => {
  const path = logFile(
    context,
    entry('a\n', 'stdout', '2026-01-31T12:00:00.25Z') + entry('b\n', 'stdout', '2026-01-31T12:00:01Z'),
  );
  assert.deepEqual(await texts(path, { timestamps: true, prefix: 'k=v ' }), [
    '2026-01-31T12:00:00.250000000Z k=v a\n',
    '2026-01-31T12:00:01.000000000Z k=v b\n',
  ]);
});

test('room is left before each message for a header', async (context) => {
  const path = logFile(context, entry('a\n') + entry('bc\n') + entry('d\n', 'stderr'));
  const found: Array<[number, number[]]> = [];
  for await (const { data, ends } of readLog(path, { ...all, headRoom: 8 }, new AbortController().signal)) {
    found.push([data.length, ends]);
    assert.equal(data[8], ends.length === 2 ? 0x61 : 0x64);
  }
  assert.deepEqual(found, [
    [21, [10, 21]],
    [10, [10]],
  ]);
});

test('since and until bound to the nanosecond', async (context) => {
  const times = ['00.1Z', '00.12Z', '00.120000001Z', '01Z', '02Z'].map((end) => `2026-01-31T12:00:${end}`);
  const path = logFile(context, times.map((time) => entry(`${time}\n`, 'stdout', time)).join(''));
  const at = (text: string, more = 0n) => logTimeOf(BigInt(Date.parse(text)) * 1_000_000n + more);
  const since = at('2026-01-31T12:00:00.120Z', 1n);
  const until = at('2026-01-31T12:00:01Z');
  assert.deepEqual(await texts(path, { since, until }), [`${times[2]}\n`, `${times[3]}\n`]);
  assert.equal((await texts(path, { since: at('2026-01-31T12:00:00.12Z') })).length, 4);
});

test('the last messages are found from the end, across rotated files', async (context) => {
  const path = logFile(context, Array.from({ length: 3 }, (_, index) => entry(`new ${index}\n`)).join(''));
  writeFileSync(`${path}.1`, Array.from({ length: 3000 }, (_, index) => entry(`mid ${index}\n`)).join(''));
  writeFileSync(`${path}.2`, entry('old\n'));
  assert.equal((await texts(path)).length, 3004);
  assert.deepEqual(await texts(path, { tail: 0 }), []);
  assert.deepEqual(await texts(path, { tail: 2 }), ['new 1\n', 'new 2\n']);
  assert.deepEqual(await texts(path, { tail: 3 }), ['new 0\n', 'new 1\n', 'new 2\n']);
  assert.deepEqual((await texts(path, { tail: 4 }))[0], 'mid 2999\n');
  assert.deepEqual((await texts(path, { tail: 2503 }))[0], 'mid 500\n');
  assert.deepEqual((await texts(path, { tail: 3003 }))[0], 'mid 0\n');
  assert.deepEqual((await texts(path, { tail: 99_999 })).length, 3004);
});

test('a torn last line is left out, one in the middle costs no other', async (context) => {
  const torn = entry('lost\n').slice(0, 20);
  const path = logFile(
    context,
    [entry('one\n'), torn, entry('two\n'), 'rubbish\n', entry('three\n'), torn].join(''),
  );
  assert.deepEqual(await texts(path), ['one\n', 'two\n', 'three\n']);
  assert.deepEqual(await texts(path, { tail: 1 }), ['three\n']);
});

test('lines with attributes or in another order are read', async (context) => {
  const path = logFile(
    context,
    '{"log":"a\\n","stream":"stderr","attrs":{"tag":"x"},"time":"2026-01-31T12:00:00Z"}\n{"time":"2026-01-31T12:00:00Z","stream":"stdout","log":"b\\n"}\n',
  );
  assert.deepEqual(await messages(path), [
    ['stderr', 'a\n'],
    ['stdout', 'b\n'],
  ]);
});

test('long lines and many of them come whole', async (context) => {
  const long = 'x'.repeat(700_000);
  const path = logFile(context, entry(`${long}\n`) + entry('short\n').repeat(20_000));
  const found = await texts(path);
  assert.equal(found[0], `${long}\n`);
  assert.equal(found.length, 20_001);
});

test('no log yet means no messages', async (context) => {
  const path = logFile(context, '');
  rmSync(path);
  assert.deepEqual(await texts(path), []);
  assert.deepEqual(await texts(path, { tail: 5, follow: () => Promise.resolve() }), []);
});

test('following goes on until the end, through rotations', async (context) => {
  const path = logFile(context, entry('0\n'));
  const ended = new Deferred<void>();
  const found = texts(path, { follow: () => ended.promise });
  for (let number = 1; number <= 60; number += 1) {
    if (number % 10 === 0) {
      renameSync(`${path}`, `${path}.1`);
      writeFileSync(path, '');
    }
    const text = entry(`${number}\n`);
    appendFileSync(path, text.slice(0, 7));
    if (number % 7 === 0) await delay(5);
    appendFileSync(path, text.slice(7));
    if (number % 10 === 5) await delay(20);
  }
  ended.resolve();
  assert.deepEqual(
    await found,
    Array.from({ length: 61 }, (_, number) => `${number}\n`),
  );
});

test('following two rotations at once loses nothing', async (context) => {
  const path = logFile(context, entry('a\n'));
  const ended = new Deferred<void>();
  const found = texts(path, { follow: () => ended.promise });
  await delay(30);
  appendFileSync(path, entry('b\n'));
  renameSync(path, `${path}.2`);
  writeFileSync(`${path}.1`, entry('c\n'));
  writeFileSync(path, entry('d\n'));
  await delay(30);
  ended.resolve();
  assert.deepEqual(await found, ['a\n', 'b\n', 'c\n', 'd\n']);
});

test('a follower hears a message within a moment, and ends when it is told to', async (context) => {
  const path = logFile(context, '');
  const stop = new AbortController();
  const batches = readLog(path, { ...all, follow: () => new Deferred<void>().promise }, stop.signal);
  setTimeout(() => appendFileSync(path, entry('now\n')), 30);
  const before = Date.now();
  const first = await batches.next();
  assert.equal(first.done === false && first.value.data.toString(), 'now\n');
  assert.ok(Date.now() - before < 500, 'not only by the poll of every second');
  setTimeout(() => stop.abort(), 10);
  assert.equal((await batches.next()).done, true);
});

test('a follower with a bound in time ends there', async (context) => {
  const path = logFile(context, entry('a\n'));
  const until = logTimeOf(BigInt(Date.now() + 100) * 1_000_000n);
  const before = Date.now();
  assert.deepEqual(await texts(path, { follow: () => new Deferred<void>().promise, until }), ['a\n']);
  assert.ok(Date.now() - before >= 90);
});

test('a reader that is slow holds the file, not the memory', async (context) => {
  const path = logFile(context, entry(`${'y'.repeat(1000)}\n`).repeat(20_000));
  const before = process.memoryUsage().arrayBuffers;
  let seen = 0;
  for await (const { data } of readLog(path, all, new AbortController().signal)) {
    seen += data.length;
    if (seen < 1_000_000) await delay(1);
    assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
  }
  assert.equal(seen, 20_000 * 1001);
});
