/**
 * What a build is asked for and what it tells: the one contract between the builder and those who call it (the classic `POST /build`, BuildKit's
 * control API, the embedded engine). No wire format is known here.
 */
import type { Duplex, Readable } from 'node:stream';
import type { RegistryAuth } from '../images/image-types.ts';

/** Files that a build may read: the main context, a named one (`--build-context`), or that in which the Dockerfile is. */
export interface BuildContext {
  /**
   * Brings the files that `query` selects here and returns a directory that holds them (others may be there too, and are to be left alone). It stays
   * unchanged until `release`. Called once for all that a build needs; a second call may name more.
   */
  sync(query: ContextQuery, signal: AbortSignal): Promise<ContextTree>;
  /** Bytes of one file, for Dockerfiles and ignore files; undefined where there is none. EngineError `resource-exhausted` above `limit` bytes. */
  readFile(path: string, limit: number, signal: AbortSignal): Promise<Buffer | undefined>;
}

export interface ContextQuery {
  /** Patterns of an ignore file (see dockerfile/ignore.ts): what they match is not part of the context. */
  ignore: readonly string[];
  /** Only these paths and what is below them are needed (wildcards as in COPY); everything without. */
  paths?: readonly string[];
  /** Bytes of file data that have come so far. */
  onProgress?: (bytes: number) => void;
}

export interface ContextTree {
  /** An absolute path on this host; all names below it are data of whoever builds: nothing may follow a link out of it. */
  root: string;
  release(): Promise<void>;
}

/** A named context that is no directory of files. */
export type NamedContext =
  | { kind: 'files'; context: BuildContext }
  /** `docker-image://REFERENCE`. */
  | { kind: 'image'; reference: string }
  /** `https://…` or `git@…`. */
  | { kind: 'remote'; url: string }
  /** `oci-layout://…@sha256:…`: content by digest from whoever asked for the build. */
  | { kind: 'oci-layout'; digest: string; open: (digest: string) => Promise<Readable> };

/** What of a build the client keeps and gives only on request. */
export interface BuildSecrets {
  /** Undefined where there is none of this ID. At most 500 KiB. */
  secret(id: string, signal: AbortSignal): Promise<Buffer | undefined>;
  /** A connection to the client's SSH agent; undefined where it forwards none of this ID. */
  ssh(id: string, signal: AbortSignal): Promise<Duplex | undefined>;
  /** Credentials for a registry's host. */
  credentials(host: string, signal: AbortSignal): Promise<RegistryAuth | undefined>;
}

export interface BuildRequest {
  /** Unique; what `cancel` and `build shell` name it by. */
  id: string;
  context: BuildContext;
  /** Where the Dockerfile and its ignore file are looked for; the context itself without. */
  dockerfileContext?: BuildContext;
  /** Slash-separated, relative to that. */
  dockerfileName: string;
  namedContexts: ReadonlyMap<string, NamedContext>;
  secrets: BuildSecrets;
  target?: string;
  buildArgs: ReadonlyMap<string, string>;
  labels: ReadonlyMap<string, string>;
  /** `os/arch[/variant]`; the host's without. Several make an index. */
  platforms: readonly string[];
  /** True: nothing is taken from the cache; names of stages: nothing of these. */
  noCache: boolean | readonly string[];
  /** Ask the registries for newer base images. */
  pull: boolean;
  /** Of RUN: `default` (a bridge), `host`, `none`, or (classic only) a network's name or `container:…`. */
  networkMode: string;
  /** `NAME:ADDRESS`, `host-gateway` allowed. */
  extraHosts: readonly string[];
  /** Of RUN steps; zero is none. Bytes, and as in a container's HostConfig. */
  resources: BuildResources;
  /** Granted to RUN `--security=insecure` and `--network=host`. */
  entitlements: ReadonlySet<'security.insecure' | 'network.host'>;
  /** Seconds since 1970; also as the build argument SOURCE_DATE_EPOCH. */
  sourceDateEpoch?: number;
  outputs: readonly BuildOutput[];
  cacheFrom: readonly CacheReference[];
  cacheTo: readonly CacheReference[];
  /** Report build checks, and do nothing else. */
  checkOnly: boolean;
  /** One layer of all that was added to the base image (classic `squash`). */
  squash: boolean;
  /** Keep what a failed step had, for `build shell`. */
  keepFailed: boolean;
  onEvent: (event: BuildEvent) => void;
}

export interface BuildResources {
  memory: number;
  memorySwap: number;
  cpuShares: number;
  cpuPeriod: number;
  cpuQuota: number;
  cpusetCpus: string;
  cpusetMems: string;
  shmSize: number;
  ulimits: ReadonlyArray<{ name: string; soft: number; hard: number }>;
  cgroupParent: string;
}

/** `type=…`, with its other attributes (`dest`, `ref`, `mode`, …) as the user wrote them. */
export interface CacheReference {
  type: 'registry' | 'inline' | 'local' | 'oci';
  attributes: Readonly<Record<string, string>>;
  /** For `local`: content by digest from, or to, whoever asked. */
  content?: LayoutAccess;
}

/** An OCI layout at the client's. */
export interface LayoutAccess {
  read(digest: string): Promise<Readable>;
  write(digest: string, size: number, data: Readable): Promise<void>;
  /** `index.json` is read and written by that name, too; who asked sees to it by itself without. */
  hasIndex?: boolean;
}

/** Further attributes of an output, as the user wrote them: `compression`, `force-compression`, `oci-mediatypes`, `rewrite-timestamp` (see outputs/output-options.ts). */
export type OutputAttributes = Readonly<Record<string, string>>;

export type BuildOutput =
  /** The engine's image store. Names may be none. */
  | {
      kind: 'image';
      names: readonly string[];
      push: boolean;
      isInsecure: boolean;
      annotations: Readonly<Record<string, string>>;
      attributes?: OutputAttributes;
    }
  /** A tar: the file system, or an archive that `docker load` reads, or an OCI layout. The builder writes, and ends or destroys it. */
  | {
      kind: 'tar' | 'docker' | 'oci';
      names: readonly string[];
      open: () => Promise<NodeJS.WritableStream>;
      annotations?: Readonly<Record<string, string>>;
      attributes?: OutputAttributes;
    }
  /** The file system, as files: the caller is given a directory and copies it to where it belongs before it returns. */
  | {
      kind: 'local';
      copy: (root: string, signal: AbortSignal) => Promise<void>;
      attributes?: OutputAttributes;
    }
  /** Only warm the cache. */
  | { kind: 'none' };

/** A vertex is a step, as BuildKit has them: pulling a base image, loading a context, an instruction, an export. Times are in milliseconds since 1970. */
export interface BuildVertex {
  /** `sha256:…`; the same for the same step of the same build. */
  digest: string;
  /** `[stage 2/5] RUN make`, `[internal] load build context`. */
  name: string;
  inputs: readonly string[];
  startedAt?: number;
  completedAt?: number;
  isCached?: boolean;
  /** Why it could not be taken from the cache, for `--why`. */
  missReason?: string;
  error?: string;
  /** `[start line, end line]`, 1-based, of the Dockerfile. */
  lines?: readonly [number, number];
}

export type BuildEvent =
  | { kind: 'vertex'; vertex: BuildVertex }
  /** `stream`: 1 stdout, 2 stderr. */
  | { kind: 'log'; vertex: string; stream: 1 | 2; data: Buffer; at: number }
  /** Of something that takes long within a vertex. `total` 0: not known. */
  | {
      kind: 'progress';
      vertex: string;
      id: string;
      name: string;
      current: number;
      total: number;
      startedAt?: number;
      completedAt?: number;
    }
  | {
      kind: 'warning';
      vertex: string;
      rule: string;
      message: string;
      detail: string;
      url: string;
      fileName: string;
      lines: readonly [number, number];
      source: Buffer;
    };

export interface BuildResult {
  /** Undefined where nothing was stored as an image. */
  imageId?: string;
  /** Of the manifest or index, where one was made. */
  manifestDigest?: string;
  /** As buildx writes with `--metadata-file`: `containerimage.digest`, `containerimage.config.digest`, `image.name`, …. */
  metadata: Readonly<Record<string, string>>;
}

/** Use of the cache, for `builder du`. Times are in milliseconds since 1970. */
export interface CacheRecord {
  id: string;
  parents: readonly string[];
  description: string;
  type: 'regular' | 'source.local' | 'source.git.checkout' | 'exec.cachemount' | 'frontend' | 'internal';
  size: number;
  isInUse: boolean;
  isShared: boolean;
  createdAt: number;
  lastUsedAt: number | undefined;
  usageCount: number;
}

export interface PruneCacheQuery {
  /** Also what a next build is likely to use: everything that nothing needs. */
  all: boolean;
  /** Bytes to keep, and bounds of space; 0 is none. */
  keepStorage: number;
  maxUsedSpace: number;
  minFreeSpace: number;
  /** Milliseconds not used; 0 is any. */
  unusedFor: number;
  /** By field of `CacheRecord`, as `builder prune --filter`: `id`, `parent`, `type`, `inuse`, `shared`, `private`, `description`. */
  filters: ReadonlyMap<string, readonly string[]>;
}

/** Errors come when the context is first used: `invalid-argument` for what is none, `unavailable`. */
export interface ContextOpener {
  /** A tar, in any compression that Docker reads. */
  archive(open: (signal: AbortSignal) => Promise<Readable>): BuildContext & { close(): Promise<void> };
  /** A repository, an archive, or a Dockerfile, which is all of the context then, under the name `dockerfileName`. */
  remote(url: string, dockerfileName?: string): BuildContext & { close(): Promise<void> };
}

/** Made once a daemon by `createBuilder` (create-builder.ts). */
export interface Builder {
  /** Contexts that are archives or addresses: what comes is below the data root until whoever synced it has released it. */
  readonly contexts: ContextOpener;
  /**
   * Rejects with EngineError: a DockerfileError with a place in the file, `failed-precondition` with `details.exitCode` for a RUN that failed (in
   * Docker's words), `cancelled`. Nothing of a build that failed is left but its cache.
   */
  build(request: BuildRequest, signal: AbortSignal): Promise<BuildResult>;
  /** Ends a build that runs. False where there is none of this ID. */
  cancel(id: string): boolean;
  cache(): CacheRecord[];
  /** IDs and bytes of what went. */
  prune(query: PruneCacheQuery, signal: AbortSignal): Promise<{ ids: string[]; bytes: number }>;
  /** The failed step of a build, as something that a shell can be started in; EngineError `not-found`. Returns the ID of a container to exec into. */
  openFailedStep(buildId: string, vertex?: string): Promise<string>;
  close(): Promise<void>;
}
