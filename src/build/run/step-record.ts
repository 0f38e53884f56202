/** A RUN step as a container's record, which no table has: what the engine's own isolation is made from. */
import type { ContainerRecord, HostConfig } from '../../engine/model.ts';
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
  return {
    memory: resources.memory,
    memoryReservation: 0,
    memorySwap: resources.memorySwap,
    nanoCpus: 0,
    cpuShares: resources.cpuShares,
    cpuPeriod: resources.cpuPeriod,
    cpuQuota: resources.cpuQuota,
    cpuRealtimePeriod: 0,
    cpuRealtimeRuntime: 0,
    cpusetCpus: resources.cpusetCpus,
    cpusetMems: resources.cpusetMems,
    blkioWeight: 0,
    blkioWeightDevice: [],
    blkioDeviceReadBps: [],
    blkioDeviceWriteBps: [],
    blkioDeviceReadIops: [],
    blkioDeviceWriteIops: [],
    devices: [],
    deviceCgroupRules: [],
    deviceRequests: [],
    cgroupParent: resources.cgroupParent,
    ulimits: resources.ulimits.map((limit) => ({ ...limit })),
    binds: [],
    containerIdFile: '',
    logConfig: { type: 'none', config: {} },
    networkMode,
    portBindings: {},
    restartPolicy: { name: '', maximumRetryCount: 0 },
    autoRemove: false,
    volumeDriver: '',
    volumesFrom: [],
    consoleSize: [0, 0],
    annotations: {},
    capAdd: [],
    capDrop: [],
    cgroupnsMode: '',
    dns: [],
    dnsOptions: [],
    dnsSearch: [],
    extraHosts: [...extraHosts],
    groupAdd: [],
    ipcMode: 'private',
    cgroup: '',
    links: [],
    oomScoreAdj: 0,
    pidMode: '',
    privileged: isInsecure,
    publishAllPorts: false,
    readonlyRootfs: false,
    securityOpt: [],
    storageOpt: {},
    tmpfs: {},
    utsMode: '',
    usernsMode: '',
    shmSize: resources.shmSize,
    sysctls: {},
    runtime: '',
    isolation: '',
    mounts: [],
    init: false,
  };
}
