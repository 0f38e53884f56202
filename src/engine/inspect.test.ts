import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewState } from './inspect.ts';

const ended = { startedAt: 1, finishedAt: 2, exitCode: 137, oomKilled: true };

test('each state has the fields of Docker', () => {
  const created = viewState({ status: 'created', error: 'no such file', exitCode: 127 });
  assert.deepEqual(
    [created.running, created.exitCode, created.error, created.startedAt],
    [false, 127, 'no such file', undefined],
  );
  const paused = viewState({ status: 'paused', pid: 7, startedAt: 1 });
  assert.deepEqual(
    [paused.running, paused.paused, paused.pid, paused.finishedAt],
    [true, true, 7, undefined],
  );
  const restarting = viewState({ status: 'restarting', ...ended });
  assert.deepEqual(
    [restarting.running, restarting.restarting, restarting.pid, restarting.exitCode],
    [true, true, 0, 137],
  );
  const exited = viewState({ status: 'exited', ...ended });
  assert.deepEqual(
    [exited.running, exited.oomKilled, exited.dead, exited.finishedAt],
    [false, true, false, 2],
  );
  assert.equal(viewState({ status: 'dead', ...ended }).dead, true);
});
