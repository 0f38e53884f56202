/** Much at once, but never too much, and the first failure ends it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { mapParallel } from './parallel.ts';

test('results are in order, and no more runs at once than allowed', async () => {
  let running = 0;
  let most = 0;
  const results = await mapParallel(
    [5, 1, 3, 2, 4],
    async (value) => {
      running += 1;
      most = Math.max(most, running);
      await sleep(value);
      running -= 1;
      return value * 2;
    },
    2,
  );
  assert.deepEqual(results, [10, 2, 6, 4, 8]);
  assert.equal(most, 2);
});

test('after a failure nothing new is begun, and what runs is waited for', async () => {
  const begun: number[] = [];
  const ended: number[] = [];
  const work = mapParallel(
    [0, 1, 2, 3, 4],
    async (value) => {
      begun.push(value);
      if (value === 0) throw new Error('no');
      await sleep(10);
      ended.push(value);
    },
    2,
  );
  await assert.rejects(work, /no/);
  assert.deepEqual(begun, [0, 1]);
  assert.deepEqual(ended, [1]);
});
