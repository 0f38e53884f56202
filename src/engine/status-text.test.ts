import assert from 'node:assert/strict';
import { test } from 'node:test';
import { humanDuration, statusText } from './status-text.ts';

const second = 1000;
const hour = 3600 * second;
const day = 24 * hour;

test('durations are told in the words of Docker', () => {
  const expected: Array<[number, string]> = [
    [-5 * second, 'Less than a second'],
    [450, 'Less than a second'],
    [1 * second, '1 second'],
    [45 * second, '45 seconds'],
    [60 * second, 'About a minute'],
    [119 * second, 'About a minute'],
    [3 * 60 * second, '3 minutes'],
    [59 * 60 * second, '59 minutes'],
    [hour, 'About an hour'],
    [1.4 * hour, 'About an hour'],
    [1.5 * hour, '2 hours'],
    [47 * hour, '47 hours'],
    [48 * hour, '2 days'],
    [13 * day, '13 days'],
    [14 * day, '2 weeks'],
    [59 * day, '8 weeks'],
    [60 * day, '2 months'],
    [23.9 * 30 * day, '23 months'],
    [2 * 365 * day, '2 years'],
    [35 * 30.42 * day, '2 years'],
  ];
  for (const [duration, text] of expected) assert.equal(humanDuration(duration), text);
});

test('each state has its text', () => {
  const now = 10 * day;
  const ended = { startedAt: 0, finishedAt: now - 5 * second, oomKilled: false };
  assert.equal(statusText({ status: 'created' }, now), 'Created');
  assert.equal(statusText({ status: 'running', pid: 1, startedAt: now - 2 * hour }, now), 'Up 2 hours');
  assert.equal(
    statusText({ status: 'paused', pid: 1, startedAt: now - 2 * hour }, now),
    'Up 2 hours (Paused)',
  );
  assert.equal(
    statusText({ status: 'restarting', exitCode: 1, ...ended }, now),
    'Restarting (1) 5 seconds ago',
  );
  assert.equal(statusText({ status: 'exited', exitCode: 137, ...ended }, now), 'Exited (137) 5 seconds ago');
  assert.equal(statusText({ status: 'dead', exitCode: 0, ...ended }, now), 'Dead');
  assert.equal(
    statusText({ status: 'removing', previous: 'exited', exitCode: 0 }, now),
    'Removal In Progress',
  );
});
