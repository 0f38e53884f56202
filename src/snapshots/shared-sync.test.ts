/** Syncs that are shared: nobody is told of one that began before he wrote. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandResult, Launcher } from '../host/launcher-types.ts';
import { SharedSync } from './shared-sync.ts';

/** A launcher whose commands end when the test says so. */
function heldLauncher(): { launcher: Pick<Launcher, 'run'>; ends: Array<(exitCode: number) => void> } {
  const ends: Array<(exitCode: number) => void> = [];
  const run = (): Promise<CommandResult> =>
    new Promise((resolve) => {
      const nothing = { signal: null, timedOut: false, stdout: Buffer.alloc(0), stderr: Buffer.from('why') };
      ends.push((exitCode) => resolve({ ...nothing, exitCode }));
    });
  return { launcher: { run }, ends };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('those who come while one runs share the next', async () => {
  const { launcher, ends } = heldLauncher();
  const sync = new SharedSync(launcher, '/');
  const done: string[] = [];
  const ask = (name: string): Promise<void> => sync.run().then(() => void done.push(name));
  const all = [ask('first'), ask('second'), ask('third')];
  await turn();
  assert.equal(ends.length, 1);
  ends[0]?.(0);
  await turn();
  assert.deepEqual(done, ['first']);
  assert.equal(ends.length, 2);
  all.push(ask('fourth'));
  ends[1]?.(0);
  await turn();
  assert.deepEqual(done, ['first', 'second', 'third']);
  ends[2]?.(0);
  await Promise.all(all);
});

test('a failure is told to those who waited for it, and the next tries again', async () => {
  const { launcher, ends } = heldLauncher();
  const sync = new SharedSync(launcher, '/');
  const first = assert.rejects(sync.run(), /cannot sync \/: why/);
  const second = sync.run();
  ends[0]?.(1);
  await first;
  await turn();
  ends[1]?.(0);
  await second;
  assert.equal(ends.length, 2);
});
