import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TreeSizes } from './tree-sizes.ts';

/** Counts that end when they are told to. */
function counted() {
  const state = { now: 1_000_000, counts: 0, size: 10 };
  const pending: Array<() => void> = [];
  const trees = new TreeSizes({
    now: () => state.now,
    measure: () => {
      state.counts++;
      const { size } = state;
      const { promise, resolve } = Promise.withResolvers<number>();
      pending.push(() => resolve(size));
      return promise;
    },
  });
  const ask = async (changedAt: number): Promise<number> => {
    const answer = trees.size('key', '/path', changedAt);
    for (const end of pending.splice(0)) end();
    return await answer;
  };
  return { trees, state, pending, ask };
}

test('what did not change is counted once', async () => {
  const { ask, state } = counted();
  assert.equal(await ask(0), 10);
  state.now += 50_000;
  assert.equal(await ask(999_999), 10);
  assert.equal(state.counts, 1);
});

test('what changed since is counted before the answer', async () => {
  const { ask, state } = counted();
  await ask(0);
  state.size = 20;
  state.now += 5;
  assert.equal(await ask(state.now - 1), 20);
  assert.equal(state.counts, 2);
});

test('what is old is answered, and counted again for the next', async () => {
  const { ask, state, pending } = counted();
  await ask(0);
  state.size = 20;
  state.now += 60_000;
  assert.equal(await ask(0), 10);
  for (const end of pending.splice(0)) end();
  await Promise.resolve();
  assert.equal(await ask(0), 20);
  assert.equal(state.counts, 2);
});

test('what is in use is counted again at most once a second, and a slow count holds up nobody', async () => {
  const { ask, trees, state } = counted();
  await ask(Number.POSITIVE_INFINITY);
  state.now += 500;
  await ask(Number.POSITIVE_INFINITY);
  assert.equal(state.counts, 1);
  state.now += 600;
  state.size = 20;
  assert.equal(
    await trees.size('key', '/path', Number.POSITIVE_INFINITY),
    10,
    'the last count, after a while',
  );
  assert.equal(await trees.size('key', '/path', Number.POSITIVE_INFINITY), 10);
  assert.equal(state.counts, 2, 'who asks meanwhile shares the count');
});

test('what was written to while it was counted is counted again', async () => {
  const { ask, trees, state, pending } = counted();
  const first = trees.size('key', '/path', 0);
  trees.touch('key');
  state.size = 20;
  for (const end of pending.splice(0)) end();
  assert.equal(await first, 10);
  assert.equal(await ask(0), 20);
});
