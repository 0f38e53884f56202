/** Values of log options. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import { booleanOption, bytesOf, durationOption, integerOption, sizeOption } from './options.ts';

const refused = (error: unknown): boolean => isEngineError(error, 'invalid-argument');

test('sizes', () => {
  assert.deepEqual(['1', '1k', '1.5K', '2MB', '1 g', '1gib', '0'].map(bytesOf), [
    1,
    1024,
    1536,
    2 << 20,
    1 << 30,
    1 << 30,
    0,
  ]);
  assert.deepEqual(['', 'x', '-1', '1x', '1 k b', '.5k'].map(bytesOf), [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  assert.equal(sizeOption({}, 's', 7), 7);
  assert.throws(() => sizeOption({ s: 'much' }, 's', 7), refused);
});

test('switches, durations, numbers', () => {
  assert.equal(booleanOption({ b: 'TRUE' }, 'b'), true);
  assert.equal(booleanOption({ b: '' }, 'b', true), true);
  assert.throws(() => booleanOption({ b: 'yes' }, 'b'), refused);
  assert.deepEqual(
    ['0', '1s', '1m30s', '1.5h', '250ms'].map((d) => durationOption({ d }, 'd', 1)),
    [0, 1000, 90_000, 5_400_000, 250],
  );
  for (const d of ['1', 's', '1d', '-1s', '1s ']) assert.throws(() => durationOption({ d }, 'd', 1), refused);
  const bounds = { initial: 3, min: 0, max: 9 };
  assert.deepEqual([integerOption({}, 'n', bounds), integerOption({ n: '9' }, 'n', bounds)], [3, 9]);
  for (const n of ['10', '-1', '1.5', 'x']) assert.throws(() => integerOption({ n }, 'n', bounds), refused);
});
