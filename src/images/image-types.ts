/** What the image room offers to the engine and the API. */
import type { Readable } from 'node:stream';
import type { ImageConfig, ImageProcess } from '../oci/image-config.ts';
import type { Platform } from '../oci/platform.ts';
import type { Reference } from '../oci/reference.ts';
import type { BuildLease, ImageBuilds } from './image-builds.ts';

import type { BlobRecord, LayerOfImage } from './image-records.ts';
import type { RegistryConfig } from './registry/endpoints.ts';
import type {
  DocumentSource,
  FetchedDocument,
  LayerForm,
  LayerSource,
  RepositoryPush,
  SavePlan,
} from './transfer-types.ts';

export interface Image {
  /** Digest of the config: `sha256:…`. */
  id: string;
  /** ID of the image that it was committed or built from on this host. It may be gone. */
  parentId?: string;
  config: ImageConfig;
  /** Chain IDs, base layer first. */
  chainIds: string[];
  /** Sum of the layers' sizes on disk, bytes. */
  size: number;
  /** `busybox:latest`, in Docker's familiar form. */
  repoTags: string[];
  /** `busybox@sha256:…`. */
  repoDigests: string[];
  /** Digest of the manifest it came with, where there is one. */
  manifestDigest?: string;
  /** Milliseconds since the epoch: when it was tagged last. */
  lastTaggedAt: number;
}

/** One line of Docker's progress stream, camelCase; `api` turns it into `{status, id, progressDetail}`. */
export interface ProgressMessage {
  status?: string;
  id?: string;
  current?: number;
  total?: number;
  /** Printed as it is (`Loaded image: …`). */
  stream?: string;
}

export type Progress = (message: ProgressMessage) => void;

export interface RegistryAuth {
  username?: string;
  password?: string;
  identityToken?: string;
  registryToken?: string;
}

export interface PullRequest {
  /** As the user wrote it: `alpine`, `host:5000/a/b:tag`, `a@sha256:…`. */
  reference: string;
  platform?: string;
  auth?: RegistryAuth;
  progress: Progress;
  signal?: AbortSignal;
}

/** `push` of one tag, or of all tags of a repository. */
export interface PushRequest {
  /** As the user wrote it; with a tag or, to push all tags, without one. */
  reference: string;
  allTags: boolean;
  /** The image must be for this one. */
  platform?: string;
  auth?: RegistryAuth;
  progress: Progress;
  /** Hears what each tag was pushed as, for the stream's `aux` line. */
  onPushed?: (pushed: PushedTag) => void;
  signal?: AbortSignal;
}

export interface PushedTag {
  tag: string;
  /** Of the manifest. */
  digest: string;
  /** Of the manifest, bytes. */
  size: number;
}

/** A container's file system made into an image. */
export interface CommitRequest {
  /** The image that the container was made of. */
  parent: Image;
  /** What changed in the container's read-write layer: a layer's tar with whiteouts (OCI image-spec, layer.md). */
  layer: Readable;
  /** Before `changes`. */
  process: ImageProcess;
  changes: readonly string[];
  reference?: string;
  author?: string;
  comment?: string;
  /** For the history. */
  createdBy: string;
}

/** What a registry says of a reference, without pulling it. */
export interface DistributionInfo {
  mediaType: string;
  digest: string;
  /** Bytes. */
  size: number;
  platforms: Platform[];
}

/** A manifest as a registry has it: `manifest inspect`. */
export interface RemoteManifest {
  /** Familiar, with digest. */
  reference: string;
  mediaType: string;
  digest: string;
  data: Buffer;
  platform?: Platform;
}

/** A manifest or index to put into a registry as it is. */
export interface ManifestPut {
  /** As the user wrote it: by tag, or by the manifest's own digest. */
  reference: string;
  mediaType: string;
  data: Buffer;
  /** A repository of the same registry, from which all that the manifest names is mounted first. */
  from?: string;
  /** Without TLS, or with a certificate that nobody knows. */
  insecure: boolean;
  auth?: RegistryAuth;
  signal?: AbortSignal;
}

export interface SearchResult {
  name: string;
  description: string;
  starCount: number;
  isOfficial: boolean;
  isAutomated: boolean;
}

export interface RegistryLogin {
  status: string;
  /** '' where the registry gives none. */
  identityToken: string;
}

export interface RemovedImage {
  untagged?: string;
  deleted?: string;
}

/** One step of `docker history`. */
export interface ImageHistoryEntry {
  /** The image's ID for the newest step, `<missing>` for the others. */
  id: string;
  /** Milliseconds since the epoch; undefined where the step does not say. */
  created: number | undefined;
  createdBy: string;
  tags: string[];
  /** Bytes of the layer that the step made; 0 for none. */
  size: number;
  comment: string;
}

export interface RepositoryAccess {
  /** As the user wrote it. */
  reference: string;
  auth?: RegistryAuth | undefined;
  isInsecure: boolean;
  signal: AbortSignal;
}

/** What outputs and caches of builds do with blobs: take them in, give them other forms, and bring them to registries and from them. */
export interface ImageTransfers {
  lease(): BuildLease;
  /** Ends it, and deletes what of it nothing needs. */
  release(lease: BuildLease): Promise<void>;
  open(digest: string): Promise<Readable>;
  /** Returns the digest. */
  put(lease: BuildLease, data: Buffer): Promise<string>;
  take(lease: BuildLease, source: Readable, signal: AbortSignal): Promise<{ digest: string; size: number }>;
  /** The layer's blob in that form. Images name one in gzip from then on, so that it is made once. */
  inForm(lease: BuildLease, layer: LayerOfImage, form: LayerForm, signal: AbortSignal): Promise<BlobRecord>;
  /** The layer with no file in it younger than `latest` (seconds since 1970), on top of `below`: unpacked here, and held by `lease`. */
  clamped(
    lease: BuildLease,
    layer: LayerOfImage,
    below: readonly LayerOfImage[],
    latest: number,
    signal: AbortSignal,
  ): Promise<LayerOfImage>;
  /** An archive of blobs and documents. What is in it stays until the stream is closed. */
  archive(plan: SavePlan): Readable;
  /** Rejects with EngineError in Docker's words. */
  push<T>(access: RepositoryAccess, work: (push: RepositoryPush) => Promise<T>): Promise<T>;
  /** What a reference names. Rejects with EngineError in Docker's words. */
  fetch(access: RepositoryAccess): Promise<{ client: DocumentSource; answer: FetchedDocument }>;
  /** Brings layers (base first) here, and unpacks them; `lease` holds them. */
  layers(
    lease: BuildLease,
    source: LayerSource,
    layers: ReadonlyArray<{ diffId: string; blob: BlobRecord }>,
    signal: AbortSignal,
  ): Promise<LayerOfImage[]>;
  /** The image has this manifest from now on, by which it is pushed and saved; with `reference` it is in that repository, too. */
  remember(imageId: string, manifest: { digest: string; data: Buffer }, reference?: Reference): Promise<void>;
}

export interface ImageService {
  /** What builds do with images and layers. */
  readonly builds: ImageBuilds;
  /** What outputs and caches of builds do with blobs and registries. */
  readonly transfers: ImageTransfers;
  /** Replaces what is known of registries (mirrors, which are insecure, certificates, proxies), when the daemon's configuration was read again. */
  configure(config: RegistryConfig): void;
  pull(request: PullRequest): Promise<Image>;
  /** All tags of a repository, one after the other. */
  pullAll(request: PullRequest): Promise<Image[]>;
  /** EngineErrors in Docker's words; `not-found` where there is no such tag here. */
  push(request: PushRequest): Promise<void>;
  /** One archive of several images, which every Docker loads: `manifest.json` over an OCI layout. EngineError `not-found` before the first byte. */
  save(names: readonly string[], options: { platform?: string }, signal?: AbortSignal): Promise<Readable>;
  commit(request: CommitRequest, signal?: AbortSignal): Promise<Image>;
  /** EngineErrors as from `pull`. */
  distribution(reference: string, auth?: RegistryAuth, signal?: AbortSignal): Promise<DistributionInfo>;
  /** The manifest, or all that an index names with `expand`. */
  remoteManifests(
    reference: string,
    options: { expand: boolean; insecure: boolean },
    auth?: RegistryAuth,
    signal?: AbortSignal,
  ): Promise<RemoteManifest[]>;
  /** Gives the digest. EngineErrors as from `push`. */
  putManifest(put: ManifestPut): Promise<string>;
  /** Are these credentials good? EngineError `unauthorized` in Docker's words. `server` is '' for Docker Hub. */
  login(server: string, auth: RegistryAuth, signal?: AbortSignal): Promise<RegistryLogin>;
  search(term: string, limit: number, auth?: RegistryAuth, signal?: AbortSignal): Promise<SearchResult[]>;
  /**
   * Docker archive or OCI layout, plain or compressed. Says `Loaded image: NAME` for each. With `platform` only what is for that one:
   * EngineError `not-found` where nothing is.
   */
  load(
    archive: Readable,
    progress: Progress,
    signal?: AbortSignal,
    options?: { platform?: string },
  ): Promise<Image[]>;
  /** A root file system tar into an image of one layer. */
  import(
    tar: Readable,
    options: { reference?: string; message?: string; changes: readonly string[]; platform?: string },
    signal?: AbortSignal,
  ): Promise<Image>;
  /** For the start: unpacks again what the host lost when it went down. Returns the layers' chain IDs. */
  repair(): Promise<string[]>;
  /** By ID, unique ID prefix, name or digest. EngineError `not-found`: "No such image: NAME". */
  get(nameOrId: string): Image;
  find(nameOrId: string): Image | undefined;
  list(): Image[];
  tag(source: string, target: string): void;
  /**
   * Untags, and deletes what nothing needs any more. `usedBy` tells which container uses an image ID.
   * Conflicts in Docker's words (`conflict: unable to remove repository reference "x" (must force) - container abc is using its referenced image def`).
   */
  remove(
    nameOrId: string,
    options: {
      force: boolean;
      prune: boolean;
      usedBy: (imageId: string) => { id: string; running: boolean } | undefined;
    },
  ): Promise<RemovedImage[]>;
  /** Steps of an image, newest first. EngineError `not-found`. */
  history(nameOrId: string): ImageHistoryEntry[];
  /** Deletes blobs and layers that no image, container or operation under way needs. Returns the chain IDs of removed layers. */
  collectGarbage(): Promise<string[]>;
}
