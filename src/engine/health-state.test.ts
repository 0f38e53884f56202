import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HealthOutput } from './health-output.ts';
import { durationText } from './health-probe.ts';
import { healthAfter, healthcheckOf, nextCheckMs, startingHealth, uncheckedHealth } from './health-state.ts';
import { checkHealthcheck } from './health-validate.ts';
import type { ContainerHealth, HealthcheckConfig } from './model.ts';

const blank: HealthcheckConfig = {
  test: [],
  interval: 0,
  timeout: 0,
  startPeriod: 0,
  startInterval: 0,
  retries: 0,
};

function check(changes: Partial<HealthcheckConfig>, shell?: string[]) {
  return healthcheckOf({ healthcheck: { ...blank, ...changes }, ...(shell === undefined ? {} : { shell }) });
}

function after(health: ContainerHealth, exitCode: number, start = 0, startPeriodMs = 0): ContainerHealth {
  return healthAfter(health, { start, end: start, exitCode, output: '' }, { startPeriodMs, retries: 3 }, 0);
}

test('the command of each kind, and none', () => {
  assert.deepEqual(check({ test: ['CMD', 'a', 'b'] })?.command, ['a', 'b']);
  assert.deepEqual(check({ test: ['CMD-SHELL', 'a b'] })?.command, ['/bin/sh', '-c', 'a b']);
  assert.deepEqual(check({ test: ['CMD-SHELL', 'a'] }, ['/bin/bash', '-c'])?.command, [
    '/bin/bash',
    '-c',
    'a',
  ]);
  for (const test of [[], ['NONE'], ['CMD'], ['OTHER', 'a']]) assert.equal(check({ test }), undefined);
  assert.equal(healthcheckOf({}), undefined);
});

test("Docker's defaults, and nanoseconds as milliseconds", () => {
  const defaults = check({ test: ['CMD', 'a'] });
  assert.deepEqual(defaults, {
    command: ['a'],
    intervalMs: 30_000,
    startIntervalMs: 5000,
    startPeriodMs: 0,
    timeoutMs: 30_000,
    retries: 3,
  });
  assert.equal(check({ test: ['CMD', 'a'], timeout: 1_500_000 })?.timeoutMs, 1.5);
});

test('three failures in a row make it unhealthy, one success healthy; five results are kept', () => {
  let health = startingHealth(undefined);
  const seen = [1, 1, 1, 1, 0, 1, 1].map((exitCode) => {
    health = after(health, exitCode);
    return `${health.status} ${health.failingStreak}`;
  });
  assert.deepEqual(seen, [
    'starting 1',
    'starting 2',
    'unhealthy 3',
    'unhealthy 4',
    'healthy 0',
    'healthy 1',
    'healthy 2',
  ]);
  assert.deepEqual(
    health.log.map((one) => one.exitCode),
    [1, 1, 0, 1, 1],
  );
  assert.equal(startingHealth(health).log.length, 5);
  assert.equal(uncheckedHealth(health).status, 'unhealthy');
});

test('failures within the start period do not count until it was healthy once', () => {
  const early = after(startingHealth(undefined), 1, 500, 1000);
  assert.deepEqual([early.status, early.failingStreak, early.log.length], ['starting', 0, 1]);
  assert.equal(after(early, 1, 1000, 1000).failingStreak, 1);
  assert.equal(after(after(early, 0, 600, 1000), 1, 700, 1000).failingStreak, 1);
});

test('checks come more often within the start period, while it starts', () => {
  const own = check({ test: ['CMD', 'a'], startPeriod: 10e9, startInterval: 1e9, interval: 7e9 });
  assert.ok(own !== undefined);
  const starting = startingHealth(undefined);
  assert.equal(nextCheckMs(own, starting, 9999), 1000);
  assert.equal(nextCheckMs(own, starting, 10_000), 7000);
  assert.equal(nextCheckMs(own, after(starting, 0), 5), 7000);
});

test('output is cut at 4096 bytes, with dots where there was more', () => {
  const whole = new HealthOutput();
  whole.add(Buffer.alloc(4000, 'a'));
  whole.add(Buffer.alloc(96, 'b'));
  assert.equal(whole.toString().length, 4096);
  whole.add(Buffer.from('c'));
  assert.equal(whole.toString(), `${'a'.repeat(4000)}${'b'.repeat(96)}...`);
});

test('durations as Go writes them', () => {
  const expected: Array<[number, string]> = [
    [0.5, '0.5ms'],
    [250, '250ms'],
    [1500, '1.5s'],
    [30_000, '30s'],
    [90_000, '1m30s'],
    [3_600_000, '1h0m0s'],
  ];
  for (const [ms, text] of expected) assert.equal(durationText(ms), text);
});

test('what makes no sense is refused in words of Docker', () => {
  checkHealthcheck(undefined);
  checkHealthcheck({ ...blank, interval: 1e6 });
  assert.throws(
    () => checkHealthcheck({ ...blank, timeout: 10 }),
    /Timeout in Healthcheck cannot be less than 1ms/,
  );
  assert.throws(() => checkHealthcheck({ ...blank, startInterval: -1 }), /StartInterval in Healthcheck/);
  assert.throws(
    () => checkHealthcheck({ ...blank, retries: -1 }),
    /Retries in Healthcheck cannot be negative/,
  );
});
