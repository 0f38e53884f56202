import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration, parseSize } from './duration.ts';

test('durations as Go writes them', () => {
  const cases: Array<[string | number, number | undefined]> = [
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1.5s', 1500],
    ['168h', 604_800_000],
    ['7d', 604_800_000],
    ['0', 0],
    [2_000_000, 2],
    ['2000000', 2],
    ['1', 1e-6],
    ['', undefined],
    ['h', undefined],
    ['-5s', undefined],
    ['5 s', undefined],
    ['5x', undefined],
    [-1, undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseDuration(text), expected, String(text));
});

test('sizes as people write them', () => {
  const cases: Array<[string | number, number | undefined]> = [
    ['10GB', 10 * 1024 ** 3],
    ['512MiB', 512 * 1024 ** 2],
    ['1.5k', 1536],
    ['0', 0],
    [4096, 4096],
    ['12 MB', 12 * 1024 ** 2],
    ['MB', undefined],
    ['-1', undefined],
    [1.5, undefined],
  ];
  for (const [text, expected] of cases) assert.equal(parseSize(text), expected, String(text));
});
