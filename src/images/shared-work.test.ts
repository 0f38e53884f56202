/** Shared work and slots: who starts, who joins, who waits, and who leaves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEngineError } from '../errors/engine-error.ts';
import { SharedWork } from './shared-work.ts';
import { Slots } from './slots.ts';

test('one starts, the others join and hear of the progress', async () => {
  const work = new SharedWork<number, string>();
  let starts = 0;
  const heard: string[][] = [[], []];
  const start = async (report: (text: string) => void): Promise<number> => {
    starts += 1;
    report('a');
    await sleep(10);
    report('b');
    return 7;
  };
  const first = work.run('k', start, (text) => heard[0]?.push(text));
  await sleep(1);
  const second = work.run('k', start, (text) => heard[1]?.push(text));
  assert.deepEqual(await Promise.all([first, second]), [7, 7]);
  assert.equal(starts, 1);
  assert.deepEqual(heard, [
    ['a', 'b'],
    ['a', 'b'],
  ]);
  assert.equal(
    await work.run(
      'k',
      async () => 8,
      () => undefined,
    ),
    8,
  );
});

test('work ends when the last one leaves, not before, and is not joined while it winds up', async () => {
  const work = new SharedWork<string, never>();
  const controllers = [new AbortController(), new AbortController()];
  let isRunning = false;
  const start = async (_: unknown, signal: AbortSignal): Promise<string> => {
    isRunning = true;
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    await sleep(10);
    isRunning = false;
    throw new Error('given up');
  };
  const runs = controllers.map(({ signal }) => work.run('k', start, () => undefined, signal));
  controllers[0]?.abort();
  await assert.rejects(runs[0] ?? Promise.resolve(), (error) => isEngineError(error, 'cancelled'));
  assert.ok(isRunning);
  controllers[1]?.abort();
  await sleep(1);
  const next = work.run(
    'k',
    async () => (isRunning ? 'too early' : 'after'),
    () => undefined,
  );
  await assert.rejects(runs[1] ?? Promise.resolve(), (error) => isEngineError(error, 'cancelled'));
  assert.equal(await next, 'after');
});

test('whoever joined what fails tries by himself', async () => {
  const work = new SharedWork<string, never>();
  const failing = work.run(
    'k',
    () => sleep(5).then(() => Promise.reject(new Error('bad source'))),
    () => undefined,
  );
  const joined = work.run(
    'k',
    async () => 'good source',
    () => undefined,
  );
  await assert.rejects(failing, /bad source/);
  assert.equal(await joined, 'good source');
});

test('slots bound what runs at once, and go on in order', async () => {
  const slots = new Slots(2);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const waited: number[] = [];
  await Promise.allSettled(
    [0, 1, 2, 3, 4].map((index) =>
      slots.run(
        async () => {
          running += 1;
          most = Math.max(most, running);
          await sleep(3);
          running -= 1;
          order.push(index);
          if (index === 1) throw new Error('a slot is free again all the same');
        },
        () => waited.push(index),
      ),
    ),
  );
  assert.equal(most, 2);
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
  assert.deepEqual(waited, [2, 3, 4]);
});
