/** What the builder asks of files: copies of COPY and ADD, digests for cache keys, sources from elsewhere. Done by `BuildFiles` (build-files.ts). */
import type { ContextTree } from '../build-types.ts';

/** A file tree that is copied from, or read for a digest. */
export type FileTree =
  /** A directory of this host (a `ContextTree`, or what `fetchHttp` and `fetchGit` brought): all in it is root's once it is copied. */
  | { kind: 'directory'; root: string }
  /** A stage's or an image's layers, top layer first, as `Snapshotter.trees` gives them; none at all for `scratch`. Owners are kept. */
  | { kind: 'layers'; trees: readonly string[] };

export type CopySource =
  | {
      kind: 'files';
      tree: FileTree;
      /** As in the instruction, expanded: paths with wildcards, `/./` where `parents`. */
      patterns: readonly string[];
      /** Of the context's ignore file; none for stages. */
      ignore?: readonly string[];
      /** Of what was fetched: known, and taken in place of reading it. */
      digest?: string;
    }
  /** A here-document. */
  | { kind: 'inline'; name: string; content: Uint8Array };

/** Where the files go: a layer in the making (`LayerDraft`), on top of what the stage has so far. */
export interface CopyTarget {
  upper: string;
  /** An empty directory on the same file system. */
  work: string;
  /** Top layer first; none for `scratch`, and none for `--link`. */
  lower: readonly string[];
}

export interface CopyOperation {
  /** For errors' words. */
  keyword: 'COPY' | 'ADD';
  /** In order. */
  sources: readonly CopySource[];
  /** As in the instruction, expanded. */
  destination: string;
  /** A relative destination begins here; `/` without. */
  workdir: string;
  target: CopyTarget;
  /** Where names of `chown` are looked up: the stage's layers, top first. `target.lower` without. */
  accounts?: readonly string[];
  /** `USER[:GROUP]`, names or numbers. */
  chown?: string;
  /** Octal or symbolic. */
  chmod?: string;
  parents?: boolean;
  exclude?: readonly string[];
  /** Are tars among the sources unpacked (ADD, `--unpack`)? `local`: those that were not fetched. */
  unpack?: boolean | 'local';
  /** Seconds since 1970: of directories and here-documents, which have no time of their own; now without. */
  createdAt?: number;
}

export interface CopyResult {
  /** Files, links, directories and devices that were written, and bytes of file data. Of unpacked tars only the tars are counted. */
  entries: number;
  bytes: number;
}

/** What of `CopyOperation` decides which files are read. */
export type DigestQuery = Pick<CopyOperation, 'sources' | 'parents' | 'exclude'>;

/** What was brought from elsewhere. */
export interface FetchedSource {
  source: CopySource;
  /** `sha256:…`: of a file's content, or for git of commit and options. */
  digest: string;
  release(): Promise<void>;
}

export interface HttpRequest {
  url: string;
  /** `sha256:…`; EngineError `failed-precondition` where the content has another digest. */
  checksum?: string;
}

export interface GitRequest {
  /** `https://host/repo.git#ref:subdir`, or with `?ref=…&subdir=…`, or `git@host:repo`. */
  url: string;
  keepGitDir?: boolean;
  /** The commit, or its beginning. */
  checksum?: string;
  /** Path of an agent's socket, for `ssh://` and `git@`. */
  sshAgent?: string;
  /** The secret GIT_AUTH_TOKEN: for an https server. */
  token?: string;
}

/** The part of the machine that this folder does; one a builder. */
export interface Files {
  /**
   * Carries out COPY or ADD. Nobody else may write to the target meanwhile; what was written before an error stays there (drop the draft).
   * EngineErrors: `not-found` for a source that is not there (`details.path`), `invalid-argument` in Docker's words for what can't be put
   * there, `resource-exhausted` for a full disk, `cancelled`.
   */
  copy(operation: CopyOperation, signal: AbortSignal): Promise<CopyResult>;
  /**
   * `sha256:…` of all that the operation would read: names, types, modes, owners, attributes, links, content; never times. Files of an
   * unchanged directory are not read again. Errors as in `copy`.
   */
  digestOf(query: DigestQuery, signal: AbortSignal): Promise<string>;
  /** ADD of a URL: a file of mode 0600 with the server's Last-Modified. EngineErrors `unavailable`, `failed-precondition`, `resource-exhausted`. */
  fetchHttp(request: HttpRequest, signal: AbortSignal): Promise<FetchedSource>;
  /** ADD of a repository, or a context of one: a checkout. EngineErrors `unavailable`, `invalid-argument`, `failed-precondition`. */
  fetchGit(request: GitRequest, signal: AbortSignal): Promise<FetchedSource>;
  /**
   * Mounts layers for reading (RUN --mount=type=bind,from=…, outputs). EngineError `internal`. The root is a path through /proc: it is to be
   * followed once, and gone after `release`.
   */
  openLayers(trees: readonly string[]): Promise<ContextTree>;
  close(): Promise<void>;
}
