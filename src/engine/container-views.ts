/** What lists and inspections of containers answer, as plain data: `api` translates it to the wire. */
import type { PortProtocol } from '../network/network-types.ts';
import type { ContainerConfig, ContainerHealth, HostConfig, MountPoint } from './model.ts';

/** A published or exposed port. Without `publicPort` it is exposed only. */
export interface PortSummary {
  ip?: string;
  privatePort: number;
  publicPort?: number;
  type: PortProtocol;
}

/** A container's place on one network. Addresses are '' and prefix lengths 0 where it isn't connected now. */
export interface EndpointView {
  /** As the user asked for them (`IPAMConfig`). */
  requested?: { ipv4Address?: string; ipv6Address?: string; linkLocalIps?: string[] };
  links: string[];
  aliases: string[];
  driverOpts: Record<string, string>;
  dnsNames: string[];
  networkId: string;
  endpointId: string;
  gateway: string;
  ipAddress: string;
  prefixLength: number;
  ipv6Gateway: string;
  ipv6Address: string;
  ipv6PrefixLength: number;
  macAddress: string;
  gatewayPriority: number;
}

/** One row of `ps`. */
export interface ContainerSummary {
  id: string;
  /** With a leading slash each. */
  names: string[];
  /** As the user wrote it while that name still leads to the same image, its ID after. */
  image: string;
  imageId: string;
  command: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  ports: PortSummary[];
  /** Bytes; only where sizes were asked for. */
  sizeRw?: number;
  sizeRootFs?: number;
  labels: Record<string, string>;
  /** `running`, `exited`, … */
  state: string;
  /** `Up 5 minutes`. */
  status: string;
  networkMode: string;
  annotations: Record<string, string>;
  networks: Record<string, EndpointView>;
  mounts: MountPoint[];
}

/** The state with every field that Docker has. */
export interface StateView {
  status: string;
  /** True for paused and restarting containers too, as in Docker. */
  running: boolean;
  paused: boolean;
  restarting: boolean;
  oomKilled: boolean;
  dead: boolean;
  /** 0 where nothing runs. */
  pid: number;
  exitCode: number;
  error: string;
  /** Milliseconds since the epoch; undefined for never. */
  startedAt?: number;
  finishedAt?: number;
  /** Of a container with a health check. */
  health?: ContainerHealth;
}

export interface NetworkSettingsView {
  /** Derived from the container's ID while it runs, '' otherwise. */
  sandboxId: string;
  /** `/proc/SHIM/ns/net` while it runs, '' otherwise. */
  sandboxKey: string;
  /** By `80/tcp`; null where the port is exposed and not published. */
  ports: Record<string, Array<{ hostIp: string; hostPort: string }> | null>;
  networks: Record<string, EndpointView>;
}

/** `inspect`. */
export interface ContainerDetails {
  id: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  path: string;
  args: string[];
  state: StateView;
  imageId: string;
  resolvConfPath: string;
  hostnamePath: string;
  hostsPath: string;
  logPath: string;
  /** With a leading slash. */
  name: string;
  restartCount: number;
  driver: string;
  platform: string;
  mountLabel: string;
  processLabel: string;
  appArmorProfile: string;
  /** Of execs that run or have not yet been started; null for none. */
  execIds: string[] | null;
  hostConfig: HostConfig;
  graphDriver: { name: string; data: Record<string, string> | null };
  /** Bytes; only where sizes were asked for. */
  sizeRw?: number;
  sizeRootFs?: number;
  mounts: MountPoint[];
  config: ContainerConfig;
  networkSettings: NetworkSettingsView;
}
