/** Mutexes, waiters, queues and undo stacks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEngineError } from '../errors/engine-error.ts';
import { AsyncQueue } from './async-queue.ts';
import { KeyedMutex, Mutex } from './mutex.ts';
import { Undo } from './undo.ts';
import { Waiters } from './waiters.ts';

const isCancelled = (error: unknown): boolean => isEngineError(error, 'cancelled');

test('a mutex runs one piece of work at a time, in the order of asking, also past failures', async () => {
  const mutex = new Mutex();
  const seen: string[] = [];
  const work = (name: string) => async (): Promise<void> => {
    seen.push(`${name} begins`);
    await sleep(2);
    seen.push(`${name} ends`);
    if (name === 'b') throw new Error('b fails');
  };
  await Promise.allSettled(['a', 'b', 'c'].map((name) => mutex.run(work(name))));
  assert.deepEqual(seen, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  assert.equal(mutex.held, false);
});

test('whoever stops waiting for a mutex is passed over', async () => {
  const mutex = new Mutex();
  const abort = new AbortController();
  let release = (): void => undefined;
  const holder = mutex.run(() => new Promise<void>((resolve) => (release = resolve)));
  const given = mutex.run(() => 'never', abort.signal);
  const last = mutex.run(() => 'last');
  abort.abort();
  await assert.rejects(given, isCancelled);
  release();
  await holder;
  assert.equal(await last, 'last');
  await assert.rejects(
    mutex.run(() => 'late', abort.signal),
    isCancelled,
  );
});

test('keys lock each for itself and leave nothing behind', async () => {
  const mutex = new KeyedMutex();
  let both = 0;
  const meet = async (): Promise<void> => {
    both += 1;
    await sleep(5);
    assert.equal(both, 2);
  };
  await Promise.all([mutex.run('a', meet), mutex.run('b', meet)]);
  assert.equal(mutex.size, 0);
});

test('waiters are told once, those who left are not', async () => {
  const waiters = new Waiters<number>();
  const abort = new AbortController();
  const first = waiters.wait();
  const second = waiters.wait(abort.signal);
  abort.abort();
  await assert.rejects(second, isCancelled);
  assert.equal(waiters.size, 1);
  waiters.notify(7);
  assert.equal(await first, 7);
  assert.equal(waiters.size, 0);
  await assert.rejects(waiters.wait(abort.signal), isCancelled);
});

test('a queue gives everything in order, then its end or its failure', async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  setTimeout(() => {
    queue.push(2);
    queue.push(3);
    queue.fail(new Error('broken'));
    queue.push(4);
  }, 1);
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const item of queue) seen.push(item);
  }, /broken/);
  assert.deepEqual(seen, [1, 2, 3]);
});

test('leaving the loop closes the queue', async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  queue.push(2);
  for await (const item of queue) if (item === 1) break;
  assert.equal(queue.closed, true);
  assert.equal(queue.length, 0);
});

test('undo goes backwards and past failures', async () => {
  const seen: string[] = [];
  const failures: unknown[] = [];
  const undo = new Undo();
  undo.add(() => seen.push('first'));
  undo.add(() => Promise.reject(new Error('second')));
  undo.add(() => seen.push('third'));
  await undo.run((error) => failures.push(error));
  assert.deepEqual(seen, ['third', 'first']);
  assert.equal(failures.length, 1);
  await undo.run(() => assert.fail('nothing is left to undo'));
});
