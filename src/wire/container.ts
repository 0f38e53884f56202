/** Containers: create, list, inspect, and the answers of their actions. */
import type { ContainerConfig } from './container-config.ts';
import type { EndpointSettings, NetworkSettings } from './endpoint.ts';
import type { HostConfig } from './host-config.ts';
import type { Lenient } from './lenient.ts';

/** Body of `POST /containers/create`. `Cmd` and `Entrypoint` may be one string. */
export type ContainerCreateRequest = Lenient<
  Omit<ContainerConfig, 'Cmd' | 'Entrypoint' | 'Shell' | 'OnBuild'>
> & {
  Cmd?: string[] | string | null;
  Entrypoint?: string[] | string | null;
  Shell?: string[] | string | null;
  OnBuild?: string[] | null;
  HostConfig?: Lenient<HostConfig> | null;
  NetworkingConfig?: { EndpointsConfig?: Record<string, Lenient<EndpointSettings> | null> | null } | null;
};

/** Answer of `POST /commit`. */
export interface CommitResponse {
  Id: string;
}

export interface ContainerCreateResponse {
  Id: string;
  Warnings: string[];
}

/** A published or exposed port in a list of containers. */
export interface PortSummary {
  IP?: string;
  PrivatePort: number;
  PublicPort?: number;
  Type: string;
}

/** A mount as it was resolved. */
export interface MountPoint {
  Type: string;
  Name?: string;
  Source: string;
  Destination: string;
  Driver?: string;
  Mode: string;
  RW: boolean;
  Propagation: string;
}

/** One row of `GET /containers/json`. */
export interface ContainerSummary {
  Id: string;
  /** With a leading slash each. */
  Names: string[];
  Image: string;
  ImageID: string;
  Command: string;
  /** Seconds since the epoch. */
  Created: number;
  Ports: PortSummary[];
  SizeRw?: number;
  SizeRootFs?: number;
  Labels: Record<string, string>;
  State: string;
  /** `Up 5 minutes`. */
  Status: string;
  HostConfig: { NetworkMode: string; Annotations?: Record<string, string> };
  NetworkSettings: { Networks: Record<string, EndpointSettings> };
  Mounts: MountPoint[];
}

export interface HealthResult {
  Start: string;
  End: string;
  ExitCode: number;
  Output: string;
}

export interface Health {
  Status: string;
  FailingStreak: number;
  Log: HealthResult[] | null;
}

export interface ContainerState {
  Status: string;
  Running: boolean;
  Paused: boolean;
  Restarting: boolean;
  OOMKilled: boolean;
  Dead: boolean;
  Pid: number;
  ExitCode: number;
  Error: string;
  /** RFC 3339 with nanoseconds; `0001-01-01T00:00:00Z` for never. */
  StartedAt: string;
  FinishedAt: string;
  Health?: Health;
}

/** `GET /containers/{id}/json`. */
export interface ContainerInspect {
  Id: string;
  Created: string;
  Path: string;
  Args: string[];
  State: ContainerState;
  Image: string;
  ResolvConfPath: string;
  HostnamePath: string;
  HostsPath: string;
  LogPath: string;
  /** With a leading slash. */
  Name: string;
  RestartCount: number;
  Driver: string;
  Platform: string;
  MountLabel: string;
  ProcessLabel: string;
  AppArmorProfile: string;
  ExecIDs: string[] | null;
  HostConfig: HostConfig;
  GraphDriver: { Name: string; Data: Record<string, string> | null };
  SizeRw?: number;
  SizeRootFs?: number;
  Mounts: MountPoint[];
  Config: ContainerConfig;
  NetworkSettings: NetworkSettings;
}

export interface TopResponse {
  Titles: string[];
  Processes: string[][];
}

export interface WaitResponse {
  StatusCode: number;
  Error?: { Message: string };
}

export interface ContainersPruneResponse {
  ContainersDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** One row of `GET /containers/{id}/changes`; null for none. */
export interface ContainerChange {
  Path: string;
  /** 0 changed, 1 added, 2 deleted. */
  Kind: number;
}
