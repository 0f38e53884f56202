/** The engine's own nouns: what a container is asked to be, and what it is. Plain data, camelCase; `api` translates. */
import type { ExitStatus } from '../runtime/runtime-types.ts';

export interface HealthcheckConfig {
  test: string[];
  /** Nanoseconds, as Docker has them. */
  interval: number;
  timeout: number;
  startPeriod: number;
  startInterval: number;
  retries: number;
}

/** One health check, as it is logged. Times in milliseconds since the epoch. */
export interface HealthResult {
  start: number;
  end: number;
  /** -1 for a check that could not be made, or took too long. */
  exitCode: number;
  output: string;
}

export interface ContainerHealth {
  status: 'starting' | 'healthy' | 'unhealthy';
  /** Failures in a row. */
  failingStreak: number;
  /** The last five, oldest first. */
  log: HealthResult[];
}

/** What the process is (Docker's `Config`), after defaults and the image's own were merged in. */
export interface ContainerConfig {
  hostname: string;
  domainname: string;
  user: string;
  attachStdin: boolean;
  attachStdout: boolean;
  attachStderr: boolean;
  /** `80/tcp`. */
  exposedPorts: string[];
  tty: boolean;
  openStdin: boolean;
  stdinOnce: boolean;
  env: string[];
  /** null where neither user nor image gave one. */
  cmd: string[] | null;
  entrypoint: string[] | null;
  healthcheck?: HealthcheckConfig;
  /** The reference as the user wrote it. */
  image: string;
  /** Anonymous volumes' paths. */
  volumes: string[];
  workingDir: string;
  networkDisabled: boolean;
  onBuild: string[] | null;
  labels: Record<string, string>;
  stopSignal?: string;
  /** Seconds. */
  stopTimeout?: number;
  shell?: string[];
}

export interface PortBinding {
  hostIp: string;
  /** '' for any, `8080`, or `8000-8010`. */
  hostPort: string;
}

export interface DeviceMapping {
  pathOnHost: string;
  pathInContainer: string;
  cgroupPermissions: string;
}

export interface Ulimit {
  name: string;
  soft: number;
  hard: number;
}

/** An entry of `HostConfig.Mounts` (`--mount`, `--tmpfs` goes into `tmpfs`). */
export interface MountRequest {
  type: 'bind' | 'volume' | 'tmpfs' | 'image' | 'npipe' | 'cluster';
  source: string;
  target: string;
  readOnly: boolean;
  consistency?: string;
  bind?: {
    propagation?: string;
    nonRecursive: boolean;
    createMountpoint: boolean;
    readOnlyNonRecursive: boolean;
    readOnlyForceRecursive: boolean;
  };
  volume?: {
    noCopy: boolean;
    labels: Record<string, string>;
    driver?: { name: string; options: Record<string, string> };
    subpath?: string;
  };
  tmpfs?: {
    sizeBytes?: number;
    mode?: number;
    /** `exec`, `uid=5`. */
    options?: string[];
  };
  image?: { subpath?: string };
}

export interface Resources {
  /** Bytes; 0 for no limit. */
  memory: number;
  memoryReservation: number;
  /** Bytes of memory plus swap; -1 for unlimited swap. */
  memorySwap: number;
  memorySwappiness?: number;
  nanoCpus: number;
  cpuShares: number;
  cpuPeriod: number;
  cpuQuota: number;
  cpuRealtimePeriod: number;
  cpuRealtimeRuntime: number;
  cpusetCpus: string;
  cpusetMems: string;
  /** undefined, 0 or -1 for no limit. */
  pidsLimit?: number;
  blkioWeight: number;
  blkioWeightDevice: Array<{ path: string; weight: number }>;
  blkioDeviceReadBps: Array<{ path: string; rate: number }>;
  blkioDeviceWriteBps: Array<{ path: string; rate: number }>;
  blkioDeviceReadIops: Array<{ path: string; rate: number }>;
  blkioDeviceWriteIops: Array<{ path: string; rate: number }>;
  devices: DeviceMapping[];
  deviceCgroupRules: string[];
  deviceRequests: unknown[];
  cgroupParent: string;
  oomKillDisable?: boolean;
  ulimits: Ulimit[];
}

/** How the host runs it (Docker's `HostConfig`). */
export interface HostConfig extends Resources {
  /** `SOURCE:TARGET[:OPTIONS]`. */
  binds: string[];
  containerIdFile: string;
  logConfig: { type: string; config: Record<string, string> };
  /** `default`, `bridge`, `host`, `none`, `container:ID`. */
  networkMode: string;
  /** By `80/tcp`. */
  portBindings: Record<string, PortBinding[]>;
  restartPolicy: { name: '' | 'no' | 'always' | 'unless-stopped' | 'on-failure'; maximumRetryCount: number };
  /** Gantry's own: a container that is found unhealthy is ended and started again. */
  restartOnUnhealthy?: boolean;
  /** Gantry's own: CIDR blocks and addresses, whose clients alone reach the published ports. */
  publishFrom?: string[];
  autoRemove: boolean;
  volumeDriver: string;
  volumesFrom: string[];
  consoleSize: [height: number, width: number];
  annotations: Record<string, string>;
  capAdd: string[];
  capDrop: string[];
  cgroupnsMode: string;
  dns: string[];
  dnsOptions: string[];
  dnsSearch: string[];
  extraHosts: string[];
  groupAdd: string[];
  ipcMode: string;
  cgroup: string;
  links: string[];
  oomScoreAdj: number;
  pidMode: string;
  privileged: boolean;
  publishAllPorts: boolean;
  readonlyRootfs: boolean;
  securityOpt: string[];
  storageOpt: Record<string, string>;
  tmpfs: Record<string, string>;
  utsMode: string;
  usernsMode: string;
  /** Bytes. */
  shmSize: number;
  sysctls: Record<string, string>;
  runtime: string;
  isolation: string;
  mounts: MountRequest[];
  /** undefined for Docker's defaults. */
  maskedPaths?: string[];
  readonlyPaths?: string[];
  init?: boolean;
}

/** One network that the user asked for in `NetworkingConfig.EndpointsConfig`. */
export interface EndpointConfig {
  aliases: string[];
  ipv4Address?: string;
  ipv6Address?: string;
  /** Further addresses, of 169.254.0.0/16 or fe80::/10. */
  linkLocalIps?: string[];
  macAddress?: string;
  links: string[];
  driverOpts: Record<string, string>;
  /** The default route goes by the network with the highest; 0 unless told. */
  gatewayPriority?: number;
}

/** A mount as it was resolved when the container was made (Docker's `Mounts` of inspect). */
export interface MountPoint {
  type: 'bind' | 'volume' | 'tmpfs' | 'image';
  /** Volume name. */
  name?: string;
  /** Path on the host; '' for tmpfs; the reference of an image. */
  source: string;
  destination: string;
  driver?: string;
  /** Options as the user wrote them (`z`, `ro`, `nocopy`). */
  mode: string;
  readWrite: boolean;
  propagation: string;
  /** tmpfs options for mount(2). */
  tmpfsOptions?: string[];
  nonRecursive?: boolean;
  /** Of a bind by `-v`: the source is made where it is missing. */
  createSource?: boolean;
  /** Of a volume: the image's files are not copied into it. */
  noCopy?: boolean;
  /** Of an image: its ID when the container was made. */
  imageId?: string;
  /** Of an image: the snapshot that keeps its layers. */
  layers?: string;
  /** Directory or file within the volume or image that is mounted in place of all of it; `source` is the volume's own then. */
  subpath?: string;
  /** Of a volume that is a file system: mounted at `source` while a container runs with it. */
  filesystem?: { type: string; device: string; options: string[] };
}

/** The state of a container's process: one object per state, one transition table (`state.ts`). */
export type ContainerState =
  | { status: 'created'; error?: string; exitCode?: number }
  | { status: 'running' | 'paused'; pid: number; startedAt: number }
  | { status: 'restarting'; startedAt: number; finishedAt: number; exitCode: number }
  | {
      status: 'removing';
      previous: 'created' | 'exited' | 'dead';
      startedAt?: number;
      finishedAt?: number;
      exitCode: number;
    }
  | ({ status: 'exited' | 'dead'; startedAt: number; error?: string } & ExitStatus);

/** The durable document of a container. */
export interface ContainerRecord {
  id: string;
  /** Without a leading slash. */
  name: string;
  createdAt: number;
  imageId: string;
  /** Resolved process: entrypoint and command joined. */
  path: string;
  args: string[];
  config: ContainerConfig;
  hostConfig: HostConfig;
  endpointConfigs: Record<string, EndpointConfig>;
  /** It was taken off its last network: without endpoint configurations it is on none, not on that of its mode. */
  offNetworks?: boolean;
  mounts: MountPoint[];
  state: ContainerState;
  restartCount: number;
  /** Of a container with a health check that has run. */
  health?: ContainerHealth;
  /** The user stopped it: `unless-stopped` and `on-failure` leave it alone. */
  stoppedByUser: boolean;
  /** A builder's own: on no list, in no event. */
  hidden?: boolean;
  platform: string;
}

export interface ExecConfig {
  attachStdin: boolean;
  attachStdout: boolean;
  attachStderr: boolean;
  tty: boolean;
  detachKeys?: string;
  env: string[];
  cmd: string[];
  privileged: boolean;
  user: string;
  workingDir: string;
  consoleSize?: [height: number, width: number];
}

export interface ExecRecord {
  id: string;
  containerId: string;
  config: ExecConfig;
  running: boolean;
  pid: number;
  exitCode: number | null;
}

/** `events`: what happened to which object. */
export interface EngineEvent {
  type: 'container' | 'image' | 'network' | 'volume' | 'daemon' | 'builder';
  action: string;
  actorId: string;
  attributes: Record<string, string>;
  /** Nanoseconds since the epoch would lose digits in a number: milliseconds, plus nanoseconds within. */
  timeNano: bigint;
}
