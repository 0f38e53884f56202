/** The displays of a build's progress: lines that stay, lines in place, documents. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { BuildLine, WireVertex } from '../../wire/build-session.ts';
import { ProgressModel } from './progress-model.ts';
import { PlainDisplay } from './progress-plain.ts';
import { RawDisplay } from './progress-raw.ts';
import { TtyDisplay } from './progress-tty.ts';

const vertex = (name: string, change: Partial<WireVertex> = {}): BuildLine => ({
  vertex: { digest: name, name, inputs: [], startedAt: 1000, ...change },
});
const log = (of: string, data: string, at = 1123): BuildLine => ({
  log: { vertex: of, stream: 1, data: Buffer.from(data).toString('base64'), at },
});

function written(columns = 40) {
  const pieces: string[] = [];
  const output = {
    write: (text: string | Uint8Array) => void pieces.push(String(text)),
    columns: () => columns,
  };
  return { output, text: () => pieces.join(''), last: () => pieces.at(-1) ?? '' };
}

function plain(why: boolean, ...lines: BuildLine[]): string {
  const { output, text } = written();
  const display = new PlainDisplay(new ProgressModel(1000), output, { why });
  for (const line of lines) display.take(line);
  display.end();
  return text();
}

test('plain: the name, the output with its times, the end', () => {
  const text = plain(
    false,
    vertex('RUN make'),
    log('RUN make', 'one\ntw'),
    log('RUN make', 'o\nrest', 2000),
    vertex('RUN make', { completedAt: 2500 }),
  );
  assert.equal(text, '#1 RUN make\n#1 0.123 one\n#1 1.000 two\n#1 1.500 rest\n#1 DONE 1.5s\n\n');
});

test('plain: of two steps at once each line says whose it is', () => {
  const text = plain(
    false,
    vertex('a'),
    vertex('b'),
    log('a', 'x\n'),
    vertex('b', { completedAt: 1100, isCached: true }),
    vertex('a', { completedAt: 1200, error: 'no' }),
  );
  assert.equal(
    text,
    '#1 a\n#1 ...\n\n#2 b\n#2 ...\n\n#1 a\n#1 0.123 x\n#1 ...\n\n#2 b\n#2 CACHED\n\n#1 a\n#1 ERROR: no\n\n',
  );
});

test('plain: why a step was not cached, where that is asked for', () => {
  const end = vertex('a', { completedAt: 1200, missReason: 'the files have changed' });
  assert.match(plain(true, vertex('a'), end), /^#1 WHY not cached: the files have changed$/m);
  assert.ok(!plain(false, vertex('a'), end).includes('WHY'));
});

test('a progress bar that redraws itself is shown as it stood last, and letters cut in two are whole', () => {
  const text = plain(
    false,
    vertex('a'),
    log('a', '10%\r50%\r100%\n'),
    {
      log: { vertex: 'a', stream: 1, data: Buffer.from([0xc3]).toString('base64'), at: 1000 },
    },
    { log: { vertex: 'a', stream: 1, data: Buffer.from([0xa4, 10]).toString('base64'), at: 1000 } },
  );
  assert.match(text, /^#1 0\.123 100%$/m);
  assert.match(text, /^#1 0\.000 ä$/m);
});

test('rawjson: a document a line, in the fields of BuildKit', () => {
  const { output, text } = written();
  const display = new RawDisplay(new ProgressModel(0), output);
  display.take(vertex('a', { completedAt: 2000, isCached: true }));
  display.take(log('a', 'hi'));
  const [first, second] = text()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(first.vertexes[0].started, '1970-01-01T00:00:01.000Z');
  assert.equal(first.vertexes[0].cached, true);
  assert.equal(Buffer.from(second.logs[0].data, 'base64').toString(), 'hi');
});

test('tty: the running step shows its last lines; nothing is wider than the terminal; control characters do not get through', () => {
  const { output, last } = written(40);
  const model = new ProgressModel(1000);
  const now = 3000;
  const display = new TtyDisplay(model, output, { why: true, rows: () => 24, now: () => now });
  display.take(vertex('[1/2] FROM busybox', { completedAt: 1100, isCached: true }));
  display.take(vertex(`[2/2] RUN ${'x'.repeat(100)}`, { missReason: 'the command has changed' }));
  for (let count = 0; count < 9; count += 1)
    display.take(log(`[2/2] RUN ${'x'.repeat(100)}`, `line ${count}\x1b[31m\x07\n`));
  display.take({ progress: { vertex: '[1/2] FROM busybox', id: 'x', name: 'x', current: 1, total: 2 } });
  display.end();
  const rows = stripVTControlCharacters(last()).replace('\r', '').trimEnd().split('\n');
  assert.equal(rows[0], '[+] Building 2.0s (1/2)');
  assert.match(rows[1] ?? '', /^ => CACHED \[1\/2\] FROM busybox +0\.1s$/);
  assert.match(rows[2] ?? '', /^ => \[2\/2\] RUN x+… 2\.0s$/);
  assert.equal(rows[3], ' => => why not cached: the command has …');
  assert.ok(rows.every((row) => row.length <= 40 && !row.includes('\x07')));
});

test('tty: what is drawn again begins where it began before', async () => {
  const { output, text } = written(60);
  const display = new TtyDisplay(new ProgressModel(1000), output, {
    why: false,
    rows: () => 24,
    now: () => 3000,
  });
  display.take(vertex('RUN a'));
  display.take(log('RUN a', 'hello\n'));
  const deadline = Date.now() + 2000;
  while (!/# hello/.test(text()) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.match(text(), / => => # hello/);
  display.take(vertex('RUN a', { completedAt: 2500 }));
  display.end();
  assert.ok(text().includes('\x1b[3A\r'));
  assert.match(stripVTControlCharacters(text()), /FINISHED[\s\S]*RUN a +1\.5s\n$/);
});
