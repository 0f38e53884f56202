/** A container's record and the input of `buildSpec`, with everything at its default. */

import type { ContainerConfig, ContainerRecord, HostConfig } from '../../src/engine/model.ts';
import { plainHostConfig } from '../../src/engine/plain-host-config.ts';
import type { SpecInput } from '../../src/engine/spec/spec-input.ts';
import type { HostFacts } from '../../src/host/facts.ts';
import { readHostFacts } from '../../src/host/facts.ts';

export function containerConfig(change: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    hostname: '',
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
    image: 'busybox',
    volumes: [],
    workingDir: '',
    networkDisabled: false,
    onBuild: null,
    labels: {},
    ...change,
  };
}

export function hostConfig(change: Partial<HostConfig> = {}): HostConfig {
  return { ...plainHostConfig(), ...change };
}

export interface Changes {
  config?: Partial<ContainerConfig>;
  host?: Partial<HostConfig>;
  record?: Partial<ContainerRecord>;
  input?: Partial<SpecInput>;
}

export function containerRecord(command: readonly string[], changes: Changes = {}): ContainerRecord {
  const [path = 'true', ...args] = command;
  return {
    id: 'ab'.repeat(32),
    name: 'subject',
    createdAt: 0,
    imageId: `sha256:${'00'.repeat(32)}`,
    path,
    args,
    config: containerConfig(changes.config),
    hostConfig: hostConfig(changes.host),
    endpointConfigs: {},
    mounts: [],
    state: { status: 'created' },
    restartCount: 0,
    stoppedByUser: false,
    platform: 'linux',
    ...changes.record,
  };
}

let facts: HostFacts | undefined;

/** This very host's, read once. */
export function hostFacts(): HostFacts {
  facts ??= readHostFacts();
  return facts;
}

export function specInput(command: readonly string[], changes: Changes = {}): SpecInput {
  return {
    container: containerRecord(command, changes),
    host: hostFacts(),
    defaults: { ulimits: [], init: false, shmSize: 64 * 1024 * 1024, noNewPrivileges: false },
    user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
    rootPath: '/somewhere/root',
    hostname: 'abababababab',
    mounts: [],
    files: {},
    networkNamespacePath: '/proc/1/ns/net',
    join: {},
    cgroupsPath: '/subject',
    devices: [],
    blockDevices: new Map(),
    ...changes.input,
  };
}
