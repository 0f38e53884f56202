/** The transition table of containers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import type { ContainerState } from './model.ts';
import { errorOf, exitCodeOf, follow, hasProcess, isActive, mayFollow } from './state.ts';

const running: ContainerState = { status: 'running', pid: 5, startedAt: 1 };
const exited: ContainerState = {
  status: 'exited',
  startedAt: 1,
  finishedAt: 2,
  exitCode: 3,
  oomKilled: false,
};

test('a container goes only along the table', () => {
  assert.equal(follow({ status: 'created' }, running), running);
  assert.equal(follow(running, exited), exited);
  assert.throws(
    () => follow({ status: 'created' }, { ...running, status: 'paused' }),
    (error: unknown) => isEngineError(error, 'internal') && error.message.includes('from created to paused'),
  );
  assert.equal(mayFollow('running', 'removing'), false);
  assert.equal(mayFollow('removing', 'running'), false);
});

test('a container between two runs is active without a process', () => {
  const restarting: ContainerState = { status: 'restarting', startedAt: 1, finishedAt: 2, exitCode: 1 };
  assert.deepEqual([isActive(restarting), hasProcess(restarting)], [true, false]);
  assert.deepEqual([isActive(running), hasProcess(running)], [true, true]);
  assert.deepEqual([isActive(exited), hasProcess(exited)], [false, false]);
});

test('exit code and error of a start that failed are those of its state', () => {
  const failed: ContainerState = { status: 'created', error: 'no such file', exitCode: 127 };
  assert.deepEqual([exitCodeOf(failed), errorOf(failed)], [127, 'no such file']);
  assert.deepEqual([exitCodeOf({ status: 'created' }), errorOf({ status: 'created' })], [0, '']);
});
