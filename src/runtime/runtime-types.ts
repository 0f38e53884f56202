/** What a supervised process is to the engine: a shim that holds a container (or an exec), and how to talk with it. */
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { NetworkSetup } from '../host/network-setup.ts';
import type { SpecResources } from '../oci/runtime-spec.ts';

/** The directory of a process's shim; it holds the shim's socket, pid and exit status. */
export function shimDirectory(execRoot: string, processId: string): string {
  return join(execRoot, 'shims', processId);
}

/**
 * What the OCI config must name as the path of its network namespace where `network` is `new` or `path` (with `host` it names none): the shim binds
 * its namespace there, visible only in its own mount namespace, where the OCI runtime runs.
 */
export function networkNamespacePath(execRoot: string, processId: string): string {
  return join(shimDirectory(execRoot, processId), 'netns');
}

/** How one process ended. Written durably by the shim, so that a daemon that was down learns it later. */
export interface ExitStatus {
  /** 0 to 255; 128 + n where signal n ended the process. */
  exitCode: number;
  /** Milliseconds since the epoch. */
  finishedAt: number;
  /** The kernel ended a process of this container for want of memory. */
  oomKilled: boolean;
}

export interface LogTarget {
  /** The json-file log, e.g. `…/containers/ID/ID-json.log`; rotated files get `.1`, `.2`, … */
  path: string;
  /** Bytes at which the file is rotated; 0 for never. */
  maxSize: number;
  /** Files kept, the current one included. */
  maxFiles: number;
  /** Bytes of output that may wait for the disk, more are dropped; undefined or 0 where the process waits for it. */
  buffer?: number;
  /** Put as it is before the time of each line: `"attrs":{"tag":"web"},`. */
  attributes?: string;
}

/** The overlay root that the shim mounts in its private mount namespace. */
export interface RootMount {
  /** Top layer first. */
  lower: readonly string[];
  upper: string;
  work: string;
  /** Where it is mounted; the same path that the OCI config's root names. Made (mode 0700) where it is missing; its parent must exist. */
  target: string;
}

/** Which network namespace the shim is in: its own new one (set up by `setup`), the daemon's, or that at a path. */
export type NetworkNamespace =
  | { kind: 'new'; setup: NetworkSetup }
  | { kind: 'host' }
  | { kind: 'path'; path: string };

export interface RuntimeProgram {
  /** Absolute path of crun, runc, runsc, … */
  path: string;
  /** Global arguments put before the command. */
  args: readonly string[];
}

export interface StartProcess {
  /** Container ID (64 hex digits). */
  containerId: string;
  /** The container's ID again, or the exec's. Names the shim's directory. */
  processId: string;
  kind:
    | {
        kind: 'container';
        bundle: string;
        root?: RootMount;
        network: NetworkNamespace;
        oomFile?: string;
        restoreFrom?: string;
      }
    | { kind: 'exec'; processFile: string };
  runtime: RuntimeProgram;
  terminal: boolean;
  /** Initial size of the terminal. */
  size?: { columns: number; rows: number };
  openStdin: boolean;
  /** Close standard input when the first attached client that sends input closes it or goes. */
  stdinOnce: boolean;
  log?: LogTarget;
}

export type ProcessStream = 'stdout' | 'stderr';

export interface AttachOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/** One client attached to a process. */
export interface Attachment {
  /** Chunks in order, tagged by stream; ends when the process's streams end or `detach` is called. A reader that lags never stalls the process. */
  output: AsyncIterable<{ stream: ProcessStream; data: Buffer }>;
  /** Present if stdin was asked for. `end()` half-closes the process's standard input. */
  input?: Writable;
  detach(): void;
}

/** A process that a shim holds. Survives the daemon: `Runtime.adopt` finds it again. */
export interface SupervisedProcess {
  /** The process's pid in the daemon's pid namespace. Known once `start` resolved. */
  readonly pid: number;
  /** The shim's own pid. `/proc/SHIM/ns/net` is the container's network namespace. */
  readonly shimPid: number;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  attach(options: AttachOptions): Promise<Attachment>;
  resize(size: { columns: number; rows: number }): Promise<void>;
  /** Sends a signal to the process. EngineError `not-found` where it has ended. */
  kill(signal: number): Promise<void>;
  /** Removes what was logged so far, rotated files too. EngineError `not-found` where the process has ended. */
  clearLog(): Promise<void>;
  /** Puts the compressed file at `from` in the place of the rotated log file with that inode. EngineError `not-found` where there is none (any more). */
  replaceLog(inode: bigint, from: string): Promise<void>;
  /** Resolves when the process has ended and its output streams were drained, or the shim itself was lost (exit code 137). Same promise each time. */
  readonly exited: Promise<ExitStatus>;
  /** Resolves when the shim is gone too, with everything it held on the host. */
  readonly released: Promise<void>;
}

/** A shim that has its mounts and network and waits for the word to start. Attach here to miss no output. */
export interface PreparedProcess {
  readonly shimPid: number;
  attach(options: AttachOptions): Promise<Attachment>;
  /**
   * Runs the OCI runtime. Rejects with EngineError in Docker's words: `invalid-argument` for a command that is missing
   * or not executable (message contains "executable file not found in $PATH", "no such file or directory" or "permission denied"),
   * `internal` otherwise, also for a runtime that takes too long; `cancelled` where `signal` aborted. Nothing is left then.
   */
  start(signal?: AbortSignal): Promise<SupervisedProcess>;
  /** Gives up: the shim goes, and all it held. */
  cancel(): Promise<void>;
}

/** Durations of the parts of a start in milliseconds, for `run --explain`. */
export interface StartTimings {
  mountMs: number;
  networkMs: number;
  runtimeMs: number;
}

/** Limits of a container, as the OCI runtime takes them. */
export type ResourceLimits = Omit<SpecResources, 'devices'>;

export interface Runtime {
  /** Starts a shim and lets it prepare mounts and network. */
  prepare(request: StartProcess): Promise<PreparedProcess & { timings(): StartTimings }>;
  /**
   * Finds a process again after a daemon restart. Undefined where its shim is gone: then read `exitStatus`, which is
   * undefined only if the shim itself was killed; in that case call `destroy`.
   */
  adopt(containerId: string, processId: string): Promise<SupervisedProcess | undefined>;
  exitStatus(processId: string): Promise<ExitStatus | undefined>;
  /** Removes the shim's directory of a process that has ended. */
  forget(processId: string): Promise<void>;
  /** Ends whatever is left of a container whose shim was killed: processes, cgroup, the runtime's state. Idempotent. */
  destroy(containerId: string, runtime: RuntimeProgram): Promise<void>;
  /** `pause` and `resume` through the OCI runtime. */
  pause(containerId: string, runtime: RuntimeProgram): Promise<void>;
  resume(containerId: string, runtime: RuntimeProgram): Promise<void>;
  /** Changes the limits that `resources` names, and leaves the others. EngineError `internal`. */
  update(containerId: string, runtime: RuntimeProgram, resources: ResourceLimits): Promise<void>;
  /** Saves the processes through CRIU; they end with that unless `leaveRunning`. EngineError `internal` with the runtime's own words. */
  checkpoint(
    containerId: string,
    runtime: RuntimeProgram,
    options: { path: string; leaveRunning: boolean },
  ): Promise<void>;
  /** Pids (host view) of all processes of the container. */
  pids(containerId: string, runtime: RuntimeProgram): Promise<number[]>;
}
