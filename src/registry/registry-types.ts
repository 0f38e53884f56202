/** What the parts of the registry say to each other: storage below, policies beside, HTTP above. */
import type { Readable } from 'node:stream';

/** Both ends count, as in a `Range` header. */
export interface ByteRange {
  first: number;
  last: number;
}

export interface StoredBlob {
  digest: string;
  /** Bytes. */
  size: number;
  /** Milliseconds since the epoch: written, or last asked for by someone who may push it. */
  usedAt: number;
}

/** A manifest or an index as one repository has it; its bytes are a blob. */
export interface StoredManifest {
  digest: string;
  mediaType: string;
  /** Bytes. */
  size: number;
  /** Config, layers and manifests that it names and that must be here. */
  references: string[];
  /** Digest of what it refers to (OCI image-spec, manifest.md, `subject`). */
  subject?: string;
  /** OCI distribution-spec, "Listing Referrers". */
  artifactType?: string;
  annotations?: Record<string, string>;
  /** Milliseconds since the epoch. */
  pushedAt: number;
  /** Milliseconds since the epoch; 0 for never. */
  pulledAt: number;
  /**
   * It came from an upstream, not by a push: its references need not be here (they are brought when someone asks for them; a collection
   * keeps those that are), and it may be purged when nobody pulls it. A push of the same manifest makes it a local one for good.
   */
  cached?: boolean;
}

export interface StoredTag {
  name: string;
  digest: string;
  /** Milliseconds since the epoch. */
  taggedAt: number;
  /** Set by a cached manifest, not by a push: an upstream may move it. */
  cached?: boolean;
}

export interface UploadStatus {
  /** A UUID, which the client sees in the upload's URL. */
  id: string;
  repository: string;
  /** Bytes that are durable: where the next chunk begins. */
  offset: number;
  /** Milliseconds since the epoch. */
  startedAt: number;
}

/** An upload that one request has in its hands. Ends with exactly one of `suspend`, `commit` and `cancel`. */
export interface Upload {
  readonly status: UploadStatus;
  /** Waits while the disk, or the object storage, is behind. EngineErrors `resource-exhausted`, `unavailable`. */
  write(data: Uint8Array): Promise<void>;
  /** Keeps what came, for the next request, also after a crash. */
  suspend(): Promise<void>;
  /** Publishes the bytes and links them to the repository. EngineError `data-loss` where their digest is another one: the upload is gone then. */
  commit(digest: string): Promise<StoredBlob>;
  cancel(): Promise<void>;
}

export interface Page {
  /** Only names after this one, in the order of bytes. */
  after?: string;
  limit: number;
}

/** What is stored at one moment. */
export interface StoredTotals {
  blobs: number;
  /** Of all blobs. */
  bytes: number;
  /** Uploads that were begun and neither ended nor given up. */
  uploads: number;
}

/**
 * All that a registry keeps. A blob is seen in a repository only once it is linked there (by an upload, a mount or a manifest); its bytes are
 * held once. What a manifest needs is never collected: `putManifest` and the collection exclude each other, and a blob that was pushed, mounted
 * or asked for (`hasBlob`) within the grace period stays, so that a push that found it here may rely on it.
 * Names and digests come checked. Every promise rejects with EngineError only.
 */
export interface RegistryStorage {
  /** Bytes that each chunk of an upload but the last should have; absent where it does not matter. */
  readonly minimumChunk?: number;
  /** The blob where it is linked to `repository`; counts as a use. */
  blob(repository: string, digest: string): Promise<StoredBlob | undefined>;
  /** The bytes of a stored blob, verified when they were written. EngineError `not-found`. */
  open(digest: string, range?: ByteRange): Promise<Readable>;
  /** The whole of a small blob. EngineErrors `not-found`, `resource-exhausted` above 8 MiB. */
  read(digest: string): Promise<Buffer>;
  /** Links a blob that is in `from`, or anywhere where no `from` is given. Undefined where it is not. */
  mount(repository: string, digest: string, from: string | undefined): Promise<StoredBlob | undefined>;
  /** Unlinks. False where it was not linked. EngineError `conflict` while a manifest of the repository needs it. */
  deleteBlob(repository: string, digest: string): Promise<boolean>;

  beginUpload(repository: string): Promise<Upload>;
  /** Undefined where there is none. EngineError `conflict` while another request has it. */
  resumeUpload(repository: string, id: string): Promise<Upload | undefined>;
  uploadStatus(repository: string, id: string): Promise<UploadStatus | undefined>;

  manifest(repository: string, digest: string): Promise<StoredManifest | undefined>;
  tag(repository: string, name: string): Promise<StoredTag | undefined>;
  /**
   * Stores a manifest's bytes, and lets `tags` name it: all or nothing. EngineError `not-found` with `details.digest` where one of its
   * `references` is not linked to the repository (as a blob, or as a manifest for those of an index). With `manifest.cached`, references
   * may be missing, tags that were pushed stay as they are, and a manifest that was pushed stays a local one.
   */
  putManifest(
    repository: string,
    manifest: Omit<StoredManifest, 'pushedAt' | 'pulledAt' | 'size'>,
    data: Buffer,
    tags: readonly string[],
  ): Promise<StoredManifest>;
  /** With all tags that name it. False where it is not there. */
  deleteManifest(repository: string, digest: string): Promise<boolean>;
  deleteTag(repository: string, name: string): Promise<boolean>;
  /** For retention by last use; cheap, and durable some time later. */
  notePull(repository: string, digest: string): void;
  /** Manifests whose `subject` is `digest`, oldest first. */
  referrers(repository: string, digest: string): Promise<StoredManifest[]>;

  /** Names that hold at least one manifest. */
  repositories(page: Page): Promise<string[]>;
  /** Undefined where the repository does not exist. */
  tags(repository: string, page: Page): Promise<StoredTag[] | undefined>;
  manifests(repository: string): Promise<StoredManifest[]>;
  /** Bytes of all blobs linked to repositories of this name or below it, each counted once. */
  usage(prefix: string): Promise<number>;
  /** What is stored in all, for metrics; absent where counting it would be dear. */
  totals?(): Promise<StoredTotals>;

  collect(options: CollectOptions): Promise<CollectReport>;
  close(): Promise<void>;
}

export interface CollectOptions {
  /** Milliseconds for which an unreferenced blob, or an upload that nobody goes on with, stays. */
  grace: number;
  /** For uploads, where another time than `grace` is meant; Infinity keeps them. */
  uploadGrace?: number;
  /** Delete manifests that no tag, index or subject names, too. */
  untagged: boolean;
  dryRun: boolean;
  signal?: AbortSignal;
}

export interface CollectReport {
  blobs: number;
  manifests: number;
  uploads: number;
  /** Bytes. */
  freed: number;
}

/** What a request wants to do with a repository; `*` for the catalogue of all. */
export type RegistryAction = 'pull' | 'push' | 'delete' | '*';

export interface AccessRequest {
  type: 'repository' | 'registry';
  /** The repository's name; `catalog` for the registry. */
  name: string;
  actions: RegistryAction[];
}

/** Who asks: '' for nobody in particular. */
export interface Principal {
  name: string;
}

/** Lets a request through, or says how to ask for leave. */
export interface AccessController {
  /**
   * EngineErrors: `unauthorized` with `details.challenge`, the value for `WWW-Authenticate`; `forbidden` for someone known who may not.
   * `accesses` is empty for `/v2/`. `authorization` is the header of that name. `origin` is how the client reached the registry
   * (`https://HOST:PORT`, as in absolute `Location` headers): a challenge may have to name a URL of the registry's own.
   */
  authorize(
    authorization: string | undefined,
    accesses: readonly AccessRequest[],
    origin?: string,
  ): Promise<Principal>;
  /** May `principal` pull from `repository`? For mounts and lists; never rejects. */
  mayPull(principal: Principal, repository: string): Promise<boolean>;
}

/** What happened, for webhooks and counters (distribution's notifications). */
export interface RegistryEvent {
  action: 'push' | 'pull' | 'mount' | 'delete';
  repository: string;
  /** Of the manifest or blob; a deletion of a tag alone has none. */
  digest?: string;
  mediaType: string;
  /** Bytes. */
  size: number;
  tag?: string;
  /** For `mount`. */
  fromRepository?: string;
  /** What a pushed manifest names. */
  references?: Array<{ mediaType: string; digest: string; size: number }>;
  request: { id: string; address: string; host: string; method: string; userAgent: string };
  actor: Principal;
}

export type RegistryListener = (event: RegistryEvent) => void;

/** Bounds what may be pushed. */
export interface PushPolicy {
  /**
   * Called before an upload begins, when it grows, and before a manifest is put. `bytes` is what the upload holds, or would.
   * `from` is the repository that a blob is mounted from: nothing grows for a quota that counts both.
   * EngineError `forbidden` with a sentence that names the quota; it is answered as DENIED.
   */
  checkPush(repository: string, bytes: number, from?: string): Promise<void>;
  /** Called before a manifest is put, tagged or not, besides the others. EngineError `forbidden` where the repository would have too many. */
  checkManifest?(repository: string, digest: string): Promise<void>;
  /** Also called for each tag that the deletion of a manifest would take. EngineError `forbidden` for a tag that must not be moved or removed, or is one too many. */
  checkTag(repository: string, tag: string, digest: string | undefined): Promise<void>;
}

/** Repositories that come from elsewhere where they are not here (pull-through). */
export interface UpstreamCache {
  /** Does an upstream serve this repository? `namespace` is containerd's `?ns=` parameter. */
  serves(repository: string, namespace: string | undefined): boolean;
  /** Brings the manifest that `reference` (tag or digest) names here if it is missing or a tag is too old. Errors are only for what is not here at all. */
  bringManifest(repository: string, reference: string, namespace: string | undefined): Promise<void>;
  /**
   * A blob that is not here: its bytes as they come, written to the storage meanwhile. Undefined where the upstream has none.
   * Storage names the repository as the client does.
   */
  bringBlob(
    repository: string,
    digest: string,
    namespace: string | undefined,
  ): Promise<{ size: number; body: Readable } | undefined>;
  close(): Promise<void>;
}

/** The parts that `registry-server.ts` serves. */
export interface RegistryParts {
  storage: RegistryStorage;
  access: AccessController;
  listeners: readonly RegistryListener[];
  policy?: PushPolicy;
  upstreams?: UpstreamCache;
  settings: RegistrySettings;
  /** One line for each request that was answered. */
  onAnswer?: (answer: AnsweredRequest) => void;
}

export interface RegistrySettings {
  readOnly: boolean;
  /** May manifests, tags and blobs be deleted? */
  deletes: boolean;
  /** `Location` headers without host. */
  relativeUrls: boolean;
  /** The registry's URL where it is known by another one than requests come with; '' for none. */
  host: string;
  /** Sent with every answer. */
  headers: Record<string, string[]>;
  /** Names of a page of `_catalog` at most. */
  catalogLimit: number;
  /**
   * A mount that names no repository finds whatever the storage holds, also what is in no repository: for a registry that shares its store with
   * an engine. Whoever knows a digest gets the blob, so only where everyone may pull everything.
   */
  mountsAnywhere?: boolean;
  /** What stands before `/v2/` in the registry's paths (`/registry`, without a slash at its end); absent for nothing. */
  prefix?: string;
  /** Bounds the `urls` of descriptors in pushed manifests: one of `allow` must match each, none of `deny` may. Absent: any. */
  foreignUrls?: { allow: RegExp[]; deny: RegExp[] };
}

export interface AnsweredRequest {
  method: string;
  path: string;
  /** `base`, `manifest`, `blob`, `upload`, `tags`, `referrers`, `catalog`, or `unknown`. */
  route: string;
  status: number;
  /** Of the body. */
  bytes: number;
  milliseconds: number;
  address: string;
  userAgent: string;
  id: string;
  principal: string;
  /** What was thrown, where that is the registry's fault (5xx, or an answer that broke off). */
  fault?: unknown;
}
