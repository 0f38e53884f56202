/** What the daemon's thread and a thread that works in a container's file system say to each other. */
import type { MessagePort } from 'node:worker_threads';
import type { Attributes } from '../../snapshots/archive/archive-messages.ts';

/** What stands at a path (the API's `X-Docker-Container-Path-Stat`). */
export interface PathStat {
  name: string;
  /** Bytes. */
  size: number;
  /** As stat(2) has it, with the type. */
  mode: number;
  /** Nanoseconds since the epoch. */
  mtime: bigint;
  /** Of a symbolic link: where it leads in the end, as an absolute path in the container. */
  linkTarget: string;
}

/** A mount of the container for which the user said whether it may be written. */
export interface GuardedMount {
  destination: string;
  readOnly: boolean;
}

export interface WriteJob {
  kind: 'write';
  path: string;
  /** Neither a directory takes the place of something else, nor the other way round. */
  noOverwriteDirNonDir: boolean;
  /** Who owns all that is written; undefined for whom the archive says. */
  owner?: { uid: number; gid: number };
  mounts: readonly GuardedMount[];
  readOnlyRoot: boolean;
}

export type ViewJob = { kind: 'stat'; path: string } | { kind: 'read'; path: string } | WriteJob;

export interface ViewThreadData {
  /** Path of the view's root directory, to be opened as it is. */
  root: string;
  job: ViewJob;
  /** Set to 1 once the answer to an `operation` is in its port. */
  answered: Int32Array;
}

/** Something that only the launcher can do. */
export type ViewOperation =
  | { kind: 'mknod'; directory: string; name: Uint8Array; mode: number; major: number; minor: number }
  /** `file` is the path of an open descriptor. */
  | { kind: 'setxattr'; file: string; name: string; value: Uint8Array };

/** From the thread. */
export type ViewReply =
  | { kind: 'stat'; stat: PathStat }
  | { kind: 'chunk'; data: Uint8Array }
  /** To be answered with `attributes`. */
  | { kind: 'attributes'; root: string; paths: readonly string[]; prefixes: readonly string[] }
  /** The thread sleeps until its port has the errno (0 for none). */
  | { kind: 'operation'; operation: ViewOperation }
  /** The path to write to is there, and may be written. */
  | { kind: 'ready' }
  /** Bytes of the archive that were taken. */
  | { kind: 'consumed'; bytes: number }
  | { kind: 'done' }
  | { kind: 'failed'; code: string | undefined; errno: string | undefined; message: string; hint?: string };

/** To the thread. `more` lets it send one chunk; `data` and `end` are the archive that it writes. */
export type ViewRequestMessage =
  | { kind: 'port'; port: MessagePort }
  | { kind: 'more' }
  | { kind: 'attributes'; results: readonly Attributes[] }
  | { kind: 'data'; data: Uint8Array }
  | { kind: 'end' };
