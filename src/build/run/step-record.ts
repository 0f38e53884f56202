/** A RUN step as a container's record, which no table has: what the engine's own isolation is made from. */
import type { ContainerRecord, HostConfig } from '../../engine/model.ts';
import { plainHostConfig } from '../../engine/plain-host-config.ts';
import type { BuildResources } from '../build-types.ts';

/** What processes of a build see as their host's name. */
export const stepHostname = 'buildkitsandbox';

export interface StepRecord {
  id: string;
  args: readonly string[];
  env: readonly string[];
  user: string;
  workingDir: string;
  /** Everything is allowed (`--security=insecure`). */
  isInsecure: boolean;
  networkMode: string;
  extraHosts: readonly string[];
  resources: BuildResources;
}

export function stepRecord(step: StepRecord): ContainerRecord {
  const [path = '', ...args] = step.args;
  return {
    id: step.id,
    name: step.id,
    createdAt: Date.now(),
    imageId: '',
    path,
    args,
    config: {
      hostname: stepHostname,
      domainname: '',
      user: step.user,
      attachStdin: false,
      attachStdout: true,
      attachStderr: true,
      exposedPorts: [],
      tty: false,
      openStdin: false,
      stdinOnce: false,
      env: [...step.env],
      cmd: [...step.args],
      entrypoint: null,
      image: '',
      volumes: [],
      workingDir: step.workingDir,
      networkDisabled: false,
      onBuild: null,
      labels: {},
    },
    hostConfig: hostConfigOf(step),
    endpointConfigs: {},
    mounts: [],
    state: { status: 'created' },
    restartCount: 0,
    stoppedByUser: false,
    platform: 'linux',
  };
}

function hostConfigOf({ resources, networkMode, extraHosts, isInsecure }: StepRecord): HostConfig {
  const { ulimits, ...limits } = resources;
  return {
    ...plainHostConfig(),
    ...limits,
    ulimits: ulimits.map((limit) => ({ ...limit })),
    logConfig: { type: 'none', config: {} },
    networkMode,
    extraHosts: [...extraHosts],
    ipcMode: 'private',
    privileged: isInsecure,
  };
}
