/** What the daemon's thread and a thread that works on files say to each other. Paths below a root are strings of bytes (`latin1`). */
import type { MessagePort } from 'node:worker_threads';
import type { Attributes } from '../../snapshots/archive/archive-messages.ts';

/** Files that are read, from a tree that is open. */
export interface OpenedSource {
  kind: 'files';
  /** Path of the tree's root, to be followed once. */
  root: string;
  /** Otherwise all is root's. */
  keepOwners: boolean;
  patterns: readonly string[];
  ignore: readonly string[];
  /** Of what was fetched: its files are not read for a digest. */
  digest: string | undefined;
}

export interface InlineSource {
  kind: 'inline';
  name: string;
  content: Uint8Array;
}

export type OpenSource = OpenedSource | InlineSource;

export interface Selection {
  sources: readonly OpenSource[];
  parents: boolean;
  exclude: readonly string[];
}

export interface CopyJob extends Selection {
  kind: 'copy';
  /** Path of the target's root, to be followed once. */
  target: string;
  /** Absolute. */
  destination: string;
  /** Does the destination name a directory, whether it is there or not? */
  intoDirectory: boolean;
  keyword: string;
  owner: Owner | undefined;
  chmod: string | undefined;
  createdAt: number | undefined;
}

export interface DigestJob extends Selection {
  kind: 'digest';
  /** Where digests of files are kept; none are without. */
  cacheFile: string | undefined;
}

/** Which paths the sources name, in order. */
export interface SelectJob extends Selection {
  kind: 'select';
}

/** A plain tar. */
export interface UnpackJob {
  kind: 'unpack';
  target: string;
  /** An existing directory, absolute in the target. */
  destination: string;
  owner: Owner | undefined;
  /** Open in this process, and the caller's to close. */
  descriptor: number;
  /** Else a file, read from its beginning. */
  isPipe: boolean;
  /** Bytes that may come. */
  limit: number;
}

export interface Owner {
  uid: number;
  gid: number;
}

export type FilesJob = CopyJob | DigestJob | SelectJob | UnpackJob;

/** `path` is relative to the source's root, with all links followed. */
export interface SelectedPath {
  source: number;
  path: string;
  /** As it matched: its last part is the name it is copied under. */
  name: string;
  isFile: boolean;
}

export type FilesResult =
  | { kind: 'copied'; entries: number; bytes: number }
  | { kind: 'digest'; digest: string }
  | { kind: 'selected'; paths: readonly SelectedPath[] }
  | { kind: 'unpacked' };

/** What only the launcher can do. The thread sleeps until it is answered. */
export type FilesQuestion =
  | { kind: 'attributes'; root: string; paths: readonly string[] }
  | { kind: 'mknod'; directory: string; name: string; mode: number; major: number; minor: number }
  /** `file` is the path of an open descriptor. Attributes that the file system does not take are left out. */
  | { kind: 'setxattr'; file: string; name: string; value: Uint8Array };

/** `error` '' for none. */
export interface FilesAnswer {
  error: string;
  attributes: readonly Attributes[];
}

export interface FilesThreadData {
  /** Set to 1 once an answer is in `answers`. */
  answered: Int32Array;
  answers: MessagePort;
}

export type FilesReply =
  | { kind: 'question'; question: FilesQuestion }
  | { kind: 'done'; result: FilesResult }
  | {
      kind: 'failed';
      code: string | undefined;
      errno: string | undefined;
      message: string;
      hint: string | undefined;
      details: Readonly<Record<string, string | number | boolean>>;
    };
