/** Restart policies and their delays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextDelayMs, type RestartPolicy, wantsRestart } from './restart-policy.ts';

const run = { exitCode: 1, restartCount: 0, stoppedByUser: false };
const policy = (name: RestartPolicy['name'], maximumRetryCount = 0): RestartPolicy => ({
  name,
  maximumRetryCount,
});

test('each policy restarts what it promises', () => {
  assert.equal(wantsRestart(policy('no'), run), false);
  assert.equal(wantsRestart(policy(''), run), false);
  assert.equal(wantsRestart(policy('always'), { ...run, exitCode: 0 }), true);
  assert.equal(wantsRestart(policy('always'), { ...run, stoppedByUser: true }), true);
  assert.equal(wantsRestart(policy('unless-stopped'), { ...run, exitCode: 0 }), true);
  assert.equal(wantsRestart(policy('unless-stopped'), { ...run, stoppedByUser: true }), false);
});

test('on-failure restarts failures only, and not more often than told', () => {
  assert.equal(wantsRestart(policy('on-failure'), { ...run, restartCount: 1000 }), true);
  assert.equal(wantsRestart(policy('on-failure'), { ...run, exitCode: 0 }), false);
  assert.equal(wantsRestart(policy('on-failure'), { ...run, stoppedByUser: true }), false);
  assert.equal(wantsRestart(policy('on-failure', 2), { ...run, restartCount: 1 }), true);
  assert.equal(wantsRestart(policy('on-failure', 2), { ...run, restartCount: 2 }), false);
});

test('the delay doubles from 100 ms to a minute and begins anew after a healthy run', () => {
  const delays: number[] = [];
  for (let delay = 0; delays.length < 12; delays.push(delay)) delay = nextDelayMs(delay, 50);
  assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  assert.equal(nextDelayMs(60_000, 10_000), 100);
  assert.equal(nextDelayMs(400, 9_999), 800);
});
