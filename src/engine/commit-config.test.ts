/** The configuration of committed images: what the user asked for, completed by the container's, as Docker does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeProcess, processOfContainer } from './commit-config.ts';
import type { ContainerConfig } from './model.ts';

const bare: ContainerConfig = {
  hostname: 'h',
  domainname: '',
  user: '',
  attachStdin: false,
  attachStdout: true,
  attachStderr: true,
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
};

test('only what belongs to an image is taken from a container', () => {
  assert.deepEqual(processOfContainer(bare), {});
  const full: ContainerConfig = {
    ...bare,
    user: 'u',
    exposedPorts: ['80/tcp'],
    env: ['A=1'],
    cmd: ['c'],
    entrypoint: ['e'],
    volumes: ['/v'],
    workingDir: '/w',
    labels: { l: '1' },
    stopSignal: 'SIGINT',
    healthcheck: { test: ['NONE'], interval: 0, timeout: 5, startPeriod: 0, startInterval: 0, retries: 0 },
  };
  assert.deepEqual(processOfContainer(full), {
    User: 'u',
    ExposedPorts: { '80/tcp': {} },
    Env: ['A=1'],
    Cmd: ['c'],
    Entrypoint: ['e'],
    Volumes: { '/v': {} },
    WorkingDir: '/w',
    Labels: { l: '1' },
    StopSignal: 'SIGINT',
    Healthcheck: { Test: ['NONE'], Timeout: 5 },
  });
});

test('the user’s own comes first, the container’s fills the gaps', () => {
  const merged = completeProcess(
    { Env: ['A=user'], Labels: { own: '1', both: 'user' }, ExposedPorts: { '1/tcp': {} } },
    {
      User: 'u',
      Env: ['A=container', 'B=2'],
      Labels: { both: 'container' },
      ExposedPorts: { '2/tcp': {} },
      Volumes: { '/v': {} },
      WorkingDir: '/w',
      StopSignal: 'SIGINT',
      Cmd: ['c'],
      Entrypoint: ['e'],
    },
  );
  assert.deepEqual(merged, {
    User: 'u',
    Env: ['A=user', 'B=2'],
    Labels: { own: '1', both: 'user' },
    ExposedPorts: { '1/tcp': {}, '2/tcp': {} },
    Volumes: { '/v': {} },
    WorkingDir: '/w',
    StopSignal: 'SIGINT',
    Cmd: ['c'],
    Entrypoint: ['e'],
  });
});

test('an entrypoint of one’s own takes the container’s command away; a command leaves its entrypoint', () => {
  const container = { Cmd: ['c'], Entrypoint: ['e'] };
  assert.deepEqual(completeProcess({ Entrypoint: ['own'] }, container), { Entrypoint: ['own'] });
  assert.deepEqual(completeProcess({ Cmd: ['own'] }, container), { Cmd: ['own'], Entrypoint: ['e'] });
  assert.deepEqual(completeProcess({ Entrypoint: [] }, container), { Entrypoint: [], Cmd: ['c'] });
});
