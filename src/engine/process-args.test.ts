/** The image's configuration and the user's, merged. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import type { ContainerConfig } from './model.ts';
import { mergeConfig, processOf } from './process-args.ts';

function userConfig(changes: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    hostname: '',
    domainname: '',
    user: '',
    attachStdin: false,
    attachStdout: false,
    attachStderr: false,
    exposedPorts: [],
    tty: false,
    openStdin: false,
    stdinOnce: false,
    env: [],
    cmd: null,
    entrypoint: null,
    image: 'x',
    volumes: [],
    workingDir: '',
    networkDisabled: false,
    onBuild: null,
    labels: {},
    ...changes,
  };
}

const image = { Cmd: ['-g', 'daemon off;'], Entrypoint: ['/entry.sh'] };

test("the image's command and entrypoint are taken where the user gives none", () => {
  assert.deepEqual(processOf(mergeConfig(userConfig(), image)), {
    path: '/entry.sh',
    args: ['-g', 'daemon off;'],
  });
});

test("a user's command replaces the image's command and keeps its entrypoint", () => {
  const merged = mergeConfig(userConfig({ cmd: ['bash'] }), image);
  assert.deepEqual(processOf(merged), { path: '/entry.sh', args: ['bash'] });
});

test("a user's entrypoint takes the image's command away", () => {
  const merged = mergeConfig(userConfig({ entrypoint: ['sh', '-c'] }), image);
  assert.deepEqual(processOf(merged), { path: 'sh', args: ['-c'] });
});

test('an empty entrypoint clears that of the image and keeps the command of the user', () => {
  const merged = mergeConfig(userConfig({ entrypoint: [''], cmd: ['ls', '/'] }), image);
  assert.equal(merged.entrypoint, null);
  assert.deepEqual(processOf(merged), { path: 'ls', args: ['/'] });
});

test('nothing to run is refused in the words of Docker', () => {
  const noCommand = (error: unknown): boolean =>
    isEngineError(error, 'invalid-argument') && error.message === 'no command specified';
  assert.throws(() => mergeConfig(userConfig(), {}), noCommand);
  assert.throws(() => mergeConfig(userConfig({ entrypoint: [''] }), image), noCommand);
});

test('variables, labels, ports and volumes are joined, and the user wins', () => {
  const merged = mergeConfig(
    userConfig({
      cmd: ['x'],
      env: ['A=user', 'C=3'],
      labels: { one: 'user' },
      exposedPorts: ['80/tcp'],
      volumes: ['/data'],
    }),
    {
      Env: ['A=image', 'B=2'],
      Labels: { one: 'image', two: 'image' },
      ExposedPorts: { '80/tcp': {}, '443': {} },
      Volumes: { '/var': {} },
      User: 'www',
      WorkingDir: '/srv',
      StopSignal: 'SIGQUIT',
    },
  );
  assert.deepEqual(merged.env, ['A=user', 'C=3', 'B=2']);
  assert.deepEqual(merged.labels, { one: 'user', two: 'image' });
  assert.deepEqual(merged.exposedPorts, ['80/tcp', '443/tcp']);
  assert.deepEqual(merged.volumes, ['/data', '/var']);
  assert.deepEqual([merged.user, merged.workingDir, merged.stopSignal], ['www', '/srv', 'SIGQUIT']);
});

test("a healthcheck of the user's takes the missing fields from the image's", () => {
  const merged = mergeConfig(
    userConfig({
      cmd: ['x'],
      healthcheck: { test: [], interval: 5, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 },
    }),
    { Healthcheck: { Test: ['CMD', 'true'], Interval: 9, Retries: 3 } },
  );
  assert.deepEqual(merged.healthcheck, {
    test: ['CMD', 'true'],
    interval: 5,
    timeout: 0,
    startPeriod: 0,
    startInterval: 0,
    retries: 3,
  });
});
