/** `gantry/client`: what programs import to drive Gantry, or any Docker. See docs/library.md. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { ApiClient } from './api-client.ts';
import { Attachment } from './attachment.ts';
import { Client, createClient } from './client.ts';
import { ContainerArchives } from './container-archives.ts';
import { Containers } from './containers.ts';
import { Download } from './download.ts';
import { ExecSession } from './execs.ts';
import { Images } from './images.ts';
import { Networks } from './networks.ts';
import { outputText } from './output-chunks.ts';
import { drain } from './progress-stream.ts';
import { System } from './system.ts';
import { Volumes } from './volumes.ts';

export type { ErrorCode } from '../errors/engine-error.ts';
export type { ContainerPathStat } from '../wire/archive.ts';
export type {
  ContainerChange,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerState,
  ContainerSummary,
  ContainersPruneResponse,
  Health,
  HealthResult,
  MountPoint,
  PortSummary,
  TopResponse,
  WaitResponse,
} from '../wire/container.ts';
export type { ContainerConfig, HealthConfig } from '../wire/container-config.ts';
export type { DistributionResponse } from '../wire/distribution.ts';
export type { EndpointSettings, NetworkSettings as ContainerNetworks } from '../wire/endpoint.ts';
export type { EventMessage } from '../wire/event-message.ts';
export type { ExecCreateRequest, ExecInspect } from '../wire/exec.ts';
export type { HostConfig, Mount, PortBinding, Resources, RestartPolicy } from '../wire/host-config.ts';
export type {
  ImageDeleteRow,
  ImageHistoryRow,
  ImageInspect,
  ImageSearchRow,
  ImageSummary,
  ImagesPruneResponse,
} from '../wire/image.ts';
export type { DeepLenient, Lenient } from '../wire/lenient.ts';
export type { Ipam, Network, NetworkCreateResponse, NetworksPruneResponse } from '../wire/network.ts';
export type { ProgressMessage } from '../wire/progress-message.ts';
export type { StatsResponse } from '../wire/stats.ts';
export type {
  AuthConfig,
  AuthResponse,
  DiskUsageResponse,
  InfoResponse,
  VersionResponse,
} from '../wire/system.ts';
export type { UpdateResponse } from '../wire/update.ts';
export type { Volume, VolumeCreateRequest, VolumesPruneResponse } from '../wire/volume.ts';
export type { CallOptions } from './api-client.ts';
export type { AttachOptions } from './attach-container.ts';
export type { BuildOptions } from './build-image.ts';
export type { CallControl, FilterValues, UploadBody } from './call-control.ts';
export type { ClientOptions } from './client-options.ts';
export type { CommitOptions } from './commit-container.ts';
export type { PutArchiveOptions } from './container-archives.ts';
export type { LogOptions } from './container-logs.ts';
export type { ContainerSettings, CreateOptions } from './container-settings.ts';
export type { ListContainersOptions, StopOptions } from './containers.ts';
export type { TlsSettings } from './endpoint.ts';
export type { ExecOptions } from './execs.ts';
export type { ImportOptions, ListImagesOptions, TransferOptions } from './images.ts';
export type { NetworkSettings } from './networks.ts';
export type { OutputChunk, OutputText } from './output-chunks.ts';
export type { RunOptions, RunResult } from './run-container.ts';
export type { EventOptions, Ping } from './system.ts';
export {
  ApiClient,
  Attachment,
  Client,
  ContainerArchives,
  Containers,
  createClient,
  Download,
  drain,
  EngineError,
  ExecSession,
  Images,
  isEngineError,
  Networks,
  outputText,
  System,
  Volumes,
};
