/** The block of `run --explain`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderReport } from './explain.ts';
import { styleFor } from './help/style.ts';

const style = styleFor(
  { isTerminal: false, columns: () => 0, write: () => undefined, send: async () => undefined },
  {},
);
const report = {
  Id: 'abcdef0123456789',
  TotalMs: 43.2,
  Steps: [
    { Name: 'image', Detail: 'busybox (sha256:1) is here', Ms: 0.1 },
    { Name: 'create', Detail: '1 read-only layer with a read-write layer on top', Ms: 0.4 },
    { Name: 'network', Detail: 'interface eth0 on gantry0', Ms: 2.5 },
    { Name: 'address', Detail: '172.17.0.2/16', Ms: 4.8 },
    { Name: 'process', Detail: 'true, pid 7', Ms: 35 },
    { Name: 'output', Detail: 'pipes and a log', Ms: 0 },
  ],
};

test('six steps in their order, each with its time and what it did', () => {
  const text = renderReport(report, { pullMs: 1200, createMs: 3, startMs: 45 }, style, 100);
  const lines = text.split('\n');
  assert.equal(lines[0], 'How abcdef012345 started');
  assert.deepEqual(
    lines.filter((line) => /^ {2}\d /.test(line)).map((line) => line.slice(2, 14)),
    ['1    1200 ms', '2     0.4 ms', '3     2.5 ms', '4     4.8 ms', '5      35 ms', '6     0.0 ms'],
  );
  assert.match(text, /busybox \(sha256:1\) was pulled/);
  assert.match(text, /43 ms {2}in the daemon; seen from here: pull 1200 ms, create 3\.0 ms, start 45 ms/);
});

test('long details are broken to the width', () => {
  const long = { ...report, Steps: [{ Name: 'process', Detail: 'word '.repeat(60).trim(), Ms: 1 }] };
  const text = renderReport(long, { pullMs: undefined, createMs: 1, startMs: 1 }, style, 70);
  assert.ok(text.split('\n').every((line) => line.length <= 80));
  assert.match(text, /nothing to do/);
});
