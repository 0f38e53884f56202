/** Tables, numbers, sizes, durations and progress look as docker's do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Output } from '../io.ts';
import { formatGeneral, formatShortest } from './go-number.ts';
import { ago, binarySize, ellipsis, humanDuration, humanSize, localTime, shortId } from './human.ts';
import { ProgressDisplay, progressBar } from './progress.ts';
import { alignColumns } from './tabwriter.ts';

test('columns are as wide as their widest cell and three spaces, ten at least', () => {
  assert.equal(alignColumns('ID\tNAME\nabcdefghijkl\tx\n'), 'ID             NAME\nabcdefghijkl   x\n');
  assert.equal(alignColumns('A\tB\tC\nü\tb\tc\n'), 'A         B         C\nü         b         c\n');
  assert.equal(alignColumns('a\tb\n', { minWidth: 20, padding: 1 }), `a${' '.repeat(19)}b\n`);
});

test('a line with fewer cells breaks a column', () => {
  assert.equal(alignColumns('aaaaaaaaaaaa\tb\nx\nc\td\n'), 'aaaaaaaaaaaa   b\nx\nc         d\n');
});

test('numbers as %g prints them', () => {
  assert.equal(formatGeneral(999.96, 4), '1000');
  assert.equal(formatGeneral(999.9, 3), '1e+03');
  assert.equal(formatGeneral(4.2612, 3), '4.26');
  assert.equal(formatGeneral(100, 3), '100');
  assert.equal(formatGeneral(0.00001234, 3), '1.23e-05');
  assert.equal(formatShortest(1.5), '1.5');
  assert.equal(formatShortest(1e21), '1000000000000000000000');
});

test('sizes', () => {
  assert.equal(humanSize(0), '0B');
  assert.equal(humanSize(999), '999B');
  assert.equal(humanSize(4_261_502, 3), '4.26MB');
  assert.equal(humanSize(4_261_502), '4.262MB');
  assert.equal(humanSize(1_500_000_000_000), '1.5TB');
  assert.equal(binarySize(64 * 1024 ** 2), '64MiB');
});

test('durations', () => {
  const second = 1000;
  const [minute, hour] = [60 * second, 3600 * second];
  const [day, year] = [24 * hour, 365 * 24 * hour];
  const cases: ReadonlyArray<readonly [number, string]> = [
    [0.5 * second, 'Less than a second'],
    [1.9 * second, '1 second'],
    [47 * second, '47 seconds'],
    [90 * second, 'About a minute'],
    [46 * minute, '46 minutes'],
    [80 * minute, 'About an hour'],
    [100 * minute, '2 hours'],
    [47 * hour, '47 hours'],
    [3 * day, '3 days'],
    [13 * day, '13 days'],
    [20 * day, '2 weeks'],
    [70 * day, '2 months'],
    [3 * year, '3 years'],
  ];
  for (const [ms, text] of cases) assert.equal(humanDuration(ms), text);
  assert.equal(ago(100, 105_000), '5 seconds ago');
});

test('short forms', () => {
  assert.equal(ellipsis('abcdef', 4), 'abc…');
  assert.equal(ellipsis('äöü', 3), 'äöü');
  assert.equal(shortId(`sha256:${'a'.repeat(64)}`), 'a'.repeat(12));
  assert.match(localTime(0), /^19(70-01-01|69-12-31) \d\d:\d\d:\d\d [+-]\d{4} \S+$/);
});

function capture(isTerminal: boolean, columns = 120): { output: Output; text: () => string } {
  let text = '';
  const write = (data: string | Uint8Array) => {
    text += typeof data === 'string' ? data : Buffer.from(data).toString();
  };
  const output = { isTerminal, columns: () => columns, write, send: async (data: Uint8Array) => write(data) };
  return { output, text: () => text };
}

const pull = [
  { status: 'Pulling from library/x', id: 'latest' },
  { status: 'Pulling fs layer', progressDetail: {}, id: 'aaa' },
  { status: 'Pulling fs layer', progressDetail: {}, id: 'bbb' },
  { status: 'Downloading', progressDetail: { current: 500, total: 1000 }, id: 'aaa' },
  { status: 'Pull complete', progressDetail: {}, id: 'aaa' },
  { status: 'Digest: sha256:1' },
];

test('without a terminal: one line for each step and none for bars', () => {
  const { output, text } = capture(false);
  const display = new ProgressDisplay(output);
  for (const message of pull) display.show(message);
  assert.equal(
    text(),
    'latest: Pulling from library/x\naaa: Pulling fs layer\nbbb: Pulling fs layer\naaa: Pull complete\nDigest: sha256:1\n',
  );
});

test('on a terminal each layer keeps its line', () => {
  const { output, text } = capture(true);
  const display = new ProgressDisplay(output);
  for (const message of pull) display.show(message);
  const screen = renderScreen(text());
  assert.deepEqual(screen, [
    'latest: Pulling from library/x',
    'aaa: Pull complete',
    'bbb: Pulling fs layer',
    'Digest: sha256:1',
  ]);
});

/** What a terminal shows of text with cursor movements. */
function renderScreen(text: string): string[] {
  const lines: string[] = [''];
  let row = 0;
  for (const [part] of text.replaceAll('\x1b', '␛').matchAll(/␛\[\d*[A-Z]|[\r\n]|[^\r\n␛]+/g)) {
    const move = /^␛\[(\d+)([AB])$/.exec(part);
    if (move !== null) row += move[2] === 'A' ? -Number(move[1]) : Number(move[1]);
    else if (part === '␛[2K') lines[row] = '';
    else if (part === '\n') row += 1;
    else if (part !== '\r') lines[row] = (lines[row] ?? '') + part;
    lines[row] ??= '';
  }
  return lines.map((line) => line.trimEnd()).filter((line) => line !== '');
}

test('an error in the stream is thrown', () => {
  const { output } = capture(false);
  const display = new ProgressDisplay(output);
  assert.throws(
    () => display.show({ errorDetail: { message: 'manifest unknown' }, error: 'manifest unknown' }),
    {
      message: 'manifest unknown',
    },
  );
});

test('bars', () => {
  assert.equal(
    progressBar({ current: 500, total: 1000 }, 120),
    `[${'='.repeat(25)}>${' '.repeat(25)}]     500B/1kB`,
  );
  assert.equal(progressBar({ current: 500, total: 1000 }, 80), '    500B/1kB');
  assert.equal(progressBar({ current: 1500 }, 120), '   1.5kB');
  assert.equal(progressBar({}, 120), '');
});
