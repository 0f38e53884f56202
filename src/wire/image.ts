/** Images: list, inspect, history, search, and the answers of their actions. */
import type { ContainerConfig, HealthConfig } from './container-config.ts';

/** One row of `GET /images/json`. */
export interface ImageSummary {
  Id: string;
  ParentId: string;
  RepoTags: string[];
  RepoDigests: string[];
  /** Seconds since the epoch. */
  Created: number;
  Size: number;
  SharedSize: number;
  /** Up to 1.43. */
  VirtualSize?: number;
  Labels: Record<string, string> | null;
  Containers: number;
  /** Where it was asked for, and the daemon keeps several platforms of an image. */
  Manifests?: ImageManifestSummary[];
}

/** One manifest of an image: of a platform, or what attests to one. */
export interface ImageManifestSummary {
  ID: string;
  Kind: string;
  Available: boolean;
  Size: { Content: number; Total: number };
  ImageData?: { Platform: WirePlatform; Containers: string[] | null };
}

/** `Config` of an image: its fields are left out where they are empty, from 1.50 on. */
export interface ImageProcessConfig {
  User?: string;
  ExposedPorts?: Record<string, object>;
  Env?: string[];
  Cmd?: string[] | null;
  Healthcheck?: HealthConfig;
  ArgsEscaped?: boolean;
  Volumes?: Record<string, object> | null;
  WorkingDir?: string;
  Entrypoint?: string[] | null;
  OnBuild?: string[] | null;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  Shell?: string[];
}

/** `GET /images/{name}/json`. */
export interface ImageInspect {
  Id: string;
  RepoTags: string[];
  RepoDigests: string[];
  Parent: string;
  Comment: string;
  /** RFC 3339. */
  Created?: string;
  /** Up to 1.44. */
  Container?: string;
  ContainerConfig?: Partial<ContainerConfig>;
  DockerVersion: string;
  Author: string;
  Config: ImageProcessConfig | null;
  Architecture: string;
  Variant?: string;
  Os: string;
  OsVersion?: string;
  Size: number;
  /** Up to 1.43. */
  VirtualSize?: number;
  GraphDriver: { Name: string; Data: Record<string, string> | null };
  RootFS: { Type: string; Layers?: string[] };
  Metadata: { LastTagTime: string };
}

/** One row of `GET /images/{name}/history`, newest first. */
export interface ImageHistoryRow {
  /** `<missing>` for all but the newest. */
  Id: string;
  Created: number;
  CreatedBy: string;
  Tags: string[] | null;
  Size: number;
  Comment: string;
}

export interface ImageDeleteRow {
  Untagged?: string;
  Deleted?: string;
}

export interface ImagesPruneResponse {
  ImagesDeleted: ImageDeleteRow[] | null;
  SpaceReclaimed: number;
}

/** One row of `GET /images/search`. */
export interface ImageSearchRow {
  star_count: number;
  is_official: boolean;
  name: string;
  is_automated: boolean;
  description: string;
}

/** A platform as OCI's documents write it. */
export interface WirePlatform {
  architecture: string;
  os: string;
  variant?: string;
  'os.version'?: string;
  'os.features'?: string[];
}

/** Body of `PUT /gantry/manifests/{name}`: a manifest for a registry, as it is. */
export interface ManifestPutRequest {
  MediaType: string;
  /** Its bytes, base64. */
  Data: string;
  /** A repository of the same registry, from which all that the manifest names is mounted first. */
  From?: string;
}

export interface ManifestPutResponse {
  Digest: string;
}

/** One row of `GET /gantry/manifests/{name}`: a manifest as its registry has it, or one that an index there names. */
export interface RemoteManifestRow {
  /** Familiar. */
  Ref: string;
  MediaType: string;
  Digest: string;
  Size: number;
  Platform?: WirePlatform;
  /** Its bytes, base64. */
  Data: string;
}
