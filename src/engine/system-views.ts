/** What the questions about the daemon as a whole answer, as plain data: `api` translates it to the wire. */
import type { Image } from '../images/image-types.ts';
import type { ContainerSummary } from './container-views.ts';
import type { VolumeView } from './volumes.ts';

/** `GET /info`. What is fixed for every Gantry (swarm inactive, no generic resources, `linux`) `api` adds. */
export interface SystemInfo {
  /** Made once for each data root. */
  id: string;
  containers: number;
  containersRunning: number;
  containersPaused: number;
  containersStopped: number;
  images: number;
  driver: string;
  driverStatus: Array<[string, string]>;
  plugins: { volume: string[]; network: string[]; log: string[] };
  memoryLimit: boolean;
  swapLimit: boolean;
  cpuCfsPeriod: boolean;
  cpuCfsQuota: boolean;
  cpuShares: boolean;
  cpuSet: boolean;
  pidsLimit: boolean;
  oomKillDisable: boolean;
  ipv4Forwarding: boolean;
  debug: boolean;
  /** Open files of the daemon. */
  fileDescriptors: number;
  eventsListeners: number;
  /** Milliseconds since the epoch. */
  systemTime: number;
  loggingDriver: string;
  cgroupDriver: 'cgroupfs' | 'systemd' | 'none';
  cgroupVersion: '1' | '2';
  kernelVersion: string;
  operatingSystem: string;
  osVersion: string;
  /** As `uname -m` says. */
  architecture: string;
  cpuCount: number;
  memoryTotal: number;
  dataRoot: string;
  registryMirrors: string[];
  insecureRegistries: string[];
  /** Mirrors by the host of the registry. */
  registryMirrorsFor: Readonly<Record<string, readonly string[]>>;
  httpProxy: string;
  httpsProxy: string;
  noProxy: string;
  name: string;
  labels: string[];
  serverVersion: string;
  runtimes: Record<string, { path: string; args: string[] }>;
  defaultRuntime: string;
  liveRestore: boolean;
  initBinary: string;
  experimental: boolean;
  cdiSpecDirs: string[];
  /** Devices that CDI documents describe, `vendor.com/class=name`. */
  cdiDevices: string[];
  securityOptions: string[];
  firewallBackend: string;
  warnings: string[];
}

export interface VersionComponent {
  name: string;
  version: string;
  details: Record<string, string>;
}

/** `GET /version`. */
export interface SystemVersion {
  platform: string;
  components: VersionComponent[];
  version: string;
  apiVersion: string;
  minApiVersion: string;
  gitCommit: string;
  /** '' as there is no Go here. */
  goVersion: string;
  os: 'linux';
  architecture: string;
  kernelVersion: string;
  /** RFC 3339. */
  buildTime: string;
}

/** `GET /system/df`. Sizes in bytes. */
export interface DiskUsage {
  layersSize: number;
  images: Array<{ image: Image; sharedSize: number; containers: number }>;
  containers: ContainerSummary[];
  volumes: VolumeView[];
}
