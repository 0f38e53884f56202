/** What the native launcher does for the daemon, so that the daemon itself never forks. */

export interface CommandRequest {
  /** Program (found through PATH where it has no slash) and its arguments. */
  argv: readonly string[];
  /** Written to its standard input, which is then closed. */
  stdin?: Uint8Array | string;
  /** In place of the daemon's environment, of which only PATH stays (unless given here). */
  env?: Readonly<Record<string, string>>;
  /** Mounts that it shall not see (it then runs in a mount namespace of its own). */
  hiddenMounts?: readonly string[];
  cwd?: string;
  /** Milliseconds until it is killed; 30,000 unless told. */
  timeoutMs?: number;
  signal?: AbortSignal;
  /** Bytes of stdout and of stderr that are kept (1 MiB unless told); the rest is read and dropped. */
  maxOutput?: number;
}

export interface CommandResult {
  /** The process's own status, or null where a signal ended it. */
  exitCode: number | null;
  signal: number | null;
  timedOut: boolean;
  stdout: Buffer;
  stderr: Buffer;
}

/** One change below a root directory that Node.js has no call for. Paths are relative, resolved with openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), the last component never followed. */
export type FileOperation =
  | { kind: 'mknod'; path: string | Buffer; mode: number; major: number; minor: number }
  | { kind: 'setxattr'; path: string | Buffer; name: string; value: Uint8Array }
  /** Of an open file: `path` is `/proc/PID/fd/N`, which is followed. */
  | { kind: 'setxattr-open'; path: string | Buffer; name: string; value: Uint8Array }
  | { kind: 'utime'; path: string | Buffer; seconds: number; nanoseconds: number };

/** Names and values of a file's extended attributes, or the errno for which they could not be read. */
export type FileAttributes = ReadonlyMap<string, Buffer> | number;

/** One mount that a view shall show. */
export interface ViewMount {
  /** On the host; undefined where only the running container itself has it (a tmpfs). */
  source?: string;
  /** Absolute, in the container. */
  destination: string;
  readOnly: boolean;
}

/** A container's file system that the daemon wants to see, with its mounts. */
export interface ViewRequest {
  /** Of a running one: its shim and its process, whose own mounts are shown. Without it the overlay is mounted. */
  running?: { shimDirectory: string; shimPid: number; pid: number };
  /** Top layer first. */
  lower: readonly string[];
  upper: string;
  work: string;
  /** Where the running one's root is mounted in its shim's namespace; else any directory, which is covered only within the view. */
  target: string;
  readOnly: boolean;
  /** Shallow destinations first. */
  mounts: readonly ViewMount[];
}

/** A failed step of a netlink batch or of a list of file operations. */
export interface StepFailure {
  /** Which message or operation, counted from 0. */
  index: number;
  /** Positive errno. */
  errno: number;
}

/** One step on the project quotas of a file system. `path` is a directory below the root, resolved as for `fileOperations`; a project is 1 to 2^32 - 1. */
export type QuotaStep =
  | { kind: 'state' }
  | { kind: 'project'; path: string }
  /** What is made in the directory from now on has the same project. */
  | { kind: 'set-project'; path: string; project: number }
  | { kind: 'usage'; project: number }
  /** 0 bytes for no limit. */
  | { kind: 'limit'; project: number; bytes: number };

/** What a step answers: `state` isEnforced, `project` project (0 for none that is inherited), `usage` bytes and inodes; the rest is 0. */
export interface QuotaAnswer {
  isEnforced: boolean;
  project: number;
  limit: number;
  used: number;
  inodes: number;
}

export interface Launcher {
  /** Runs a short helper command. Rejects only where it could not be started (EngineError `failed-precondition`, hint says which package). */
  run(request: CommandRequest): Promise<CommandResult>;
  /**
   * Sends rtnetlink messages, or nfnetlink ones if the first is, (each a complete nlmsghdr + payload, NLM_F_ACK set) one after the other in the daemon's
   * network namespace, or in that at `netns`. Stops at the first failure. Replies to dumps are concatenated per message.
   */
  netlink(
    messages: readonly Uint8Array[],
    netns?: string,
  ): Promise<{ replies: Buffer[]; failure?: StepFailure }>;
  /** Does file operations below `root`, stops at the first failure. */
  fileOperations(root: string, operations: readonly FileOperation[]): Promise<StepFailure | undefined>;
  /**
   * Extended attributes whose names begin with one of `prefixes`, of each of `paths` below `root` (resolved as for `fileOperations`), in order.
   * One with more than 1 MiB of them is answered with E2BIG. EngineError `internal` where `root` cannot be opened.
   */
  attributes(
    root: string | Buffer,
    paths: readonly Buffer[],
    prefixes: readonly string[],
  ): Promise<FileAttributes[]>;
  /** Takes steps on the project quotas of the file system that has the directory `root`, stops at the first failure. */
  quota(
    root: string,
    steps: readonly QuotaStep[],
  ): Promise<{ replies: QuotaAnswer[]; failure?: StepFailure }>;
  /** Sends messages to the datagram socket at `path` (up to 107 bytes), in order. Stops at the first failure; a receiver that takes nothing for 5 s is one (EAGAIN). */
  sendDatagrams(path: string, messages: readonly Uint8Array[]): Promise<StepFailure | undefined>;
  /** Forks a shim (see docs/shim-protocol.md); resolves once its socket listens. Returns its pid. */
  startShim(request: Uint8Array): Promise<number>;
  /**
   * Forks a process that holds a view. Its descriptor 3 is the view's root directory; it lives until all that have opened the pipe which is its
   * descriptor 4 have closed it, for which it waits 10 seconds, until one byte was written there. Returns its pid. EngineError `internal`.
   */
  openView(request: ViewRequest): Promise<number>;
  close(): Promise<void>;
}
