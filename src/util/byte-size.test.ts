import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseByteSize } from './byte-size.ts';

test('sizes are in powers of 1024', () => {
  const sizes: Array<[string, number | undefined]> = [
    ['512', 512],
    ['10b', 10],
    ['10m', 10 * 1024 ** 2],
    ['1.5GiB', 1.5 * 1024 ** 3],
    ['1 TB', 1024 ** 4],
    ['0', 0],
    ['', undefined],
    ['-1', undefined],
    ['1x', undefined],
    ['g', undefined],
    ['9999999999p', undefined],
  ];
  for (const [text, bytes] of sizes) assert.equal(parseByteSize(text), bytes, text);
});
