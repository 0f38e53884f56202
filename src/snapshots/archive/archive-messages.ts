/** What the daemon's thread and an archiving thread say to each other. Paths are strings of bytes (`latin1`), relative, without `.` or `..`. */

/** A file system to be read: a container's own directory on top of its layers, the top one first. */
export interface ArchiveTrees {
  /** The read-write directory, which a container may be changing; '' for none, of a `merged` tar. */
  upper: string;
  /** Read-only trees; each with its opaque directories in the record beside it. */
  lower: readonly string[];
}

/** An empty directory or file to mount over, which the runtime makes where there is none; or a link that Docker makes beside them. */
export type MountPoint =
  | { path: string; kind: 'directory' | 'file' }
  | { path: string; kind: 'link'; target: string };

export interface ArchiveJob extends ArchiveTrees {
  /** `changes`: a list of them; `layer`: the same as a layer's tar; `merged`: a tar of all. */
  what: 'changes' | 'layer' | 'merged';
  /** What the runtime makes to mount over: no change of the container's, and part of the whole. */
  mountPoints: readonly MountPoint[];
  shape?: TarShape;
}

/** How members of a `merged` tar are written. */
export interface TarShape {
  /** In front of all names: `linux_amd64/`. */
  prefix?: string;
  /** Seconds since 1970, for all times. */
  time?: number;
  /** Without the end of the archive: another one follows in the same stream. */
  isPart?: boolean;
}

export interface LayerChange {
  path: string;
  kind: 'modified' | 'added' | 'deleted';
}

/** From the thread. */
export type ArchiveReply =
  | { kind: 'chunk'; data: Uint8Array }
  /** To be answered with `attributes`. */
  | { kind: 'attributes'; root: string; paths: readonly string[]; prefixes: readonly string[] }
  /** The end: how many members the tar has, or the changes asked for. */
  | { kind: 'done'; members: number; changes: readonly LayerChange[] }
  | {
      kind: 'failed';
      code: string | undefined;
      errno: string | undefined;
      message: string;
      hint: string | undefined;
    };

/** Attributes of a path by name; undefined where it is gone. */
export type Attributes = ReadonlyMap<string, Uint8Array> | undefined;

/** To the thread. `more` lets it send one chunk. */
export type ArchiveRequest = { kind: 'more' } | { kind: 'attributes'; results: readonly Attributes[] };
