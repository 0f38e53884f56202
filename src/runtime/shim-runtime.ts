/** Runs containers and execs under shims. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineError } from '../errors/engine-error.ts';
import { numberOf, textOf } from '../host/frame.ts';
import type { Launcher } from '../host/launcher-types.ts';
import { hiddenCgroupMounts } from './hidden-mounts.ts';
import { answerWithin, type EndedStart, endedStartError, endRuntime } from './hung-runtime.ts';
import { killQuietly, removeCgroups, removeState } from './leftovers.ts';
import { RuntimeCommands } from './runtime-command.ts';
import { failurePrefix, lastWords, startError } from './runtime-errors.ts';
import {
  type AttachOptions,
  type ExitStatus,
  type PreparedProcess,
  type ResourceLimits,
  type Runtime,
  type RuntimeProgram,
  type StartProcess,
  type StartTimings,
  type SupervisedProcess,
  shimDirectory,
} from './runtime-types.ts';
import { attachTo } from './shim-attachment.ts';
import {
  findShim,
  openShim,
  type ShimConnection,
  type ShimRecord,
  shimFields,
  shimPhases,
  shimRequests,
} from './shim-connection.ts';
import { parseMemo, readCommand, readExitStatus, readRuntimeLog } from './shim-files.ts';
import { ShimProcess } from './shim-process.ts';
import { encodeShimRequest, memoOf, type ShimMemo, type ShimSettings } from './shim-request.ts';

export interface ShimRuntimeOptions {
  launcher: Launcher;
  /** Absolute path of a directory for what lives no longer than the host's uptime. Shims' directories are below it. */
  execRoot: string;
  /** Mounts that OCI runtimes must not see; what this host needs unless told. */
  hiddenMounts?: readonly string[];
  /** Milliseconds that an OCI runtime may take to start a process, restoring a checkpoint excepted; 0 for ever; 120,000 unless told. */
  startLimitMs?: number;
  /** Milliseconds that it may take to remove what is left of a container that ended; 30,000 unless told. */
  deleteLimitMs?: number;
  /** Bytes kept on disk for one attached client that lags; 1 GiB unless told. */
  spillLimit?: number;
}

type Prepared = PreparedProcess & { timings(): StartTimings };

export class ShimRuntime implements Runtime {
  readonly #launcher: Launcher;
  readonly #settings: ShimSettings;
  readonly #commands: RuntimeCommands;
  readonly #connections = new Set<ShimConnection>();
  /** Processes whose shims may still hold something. */
  readonly #held = new Map<string, Promise<void>>();
  readonly #startLimitMs: number;
  readonly #deleteLimitMs: number;
  #closed = false;

  constructor(options: ShimRuntimeOptions) {
    const env = {
      PATH: process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    };
    this.#launcher = options.launcher;
    this.#startLimitMs = options.startLimitMs ?? 120_000;
    this.#deleteLimitMs = options.deleteLimitMs ?? 30_000;
    this.#settings = {
      execRoot: options.execRoot,
      hiddenMounts: options.hiddenMounts ?? hiddenCgroupMounts(),
      env,
      spillLimit: options.spillLimit ?? 1 << 30,
    };
    this.#commands = new RuntimeCommands(options.launcher, this.#settings.hiddenMounts, env);
  }

  async prepare(request: StartProcess): Promise<Prepared> {
    const directory = this.#directory(request.processId);
    await this.#held.get(request.processId);
    await mkdir(join(this.#settings.execRoot, 'shims'), { recursive: true, mode: 0o711 });
    try {
      const shimPid = await this.#launcher.startShim(encodeShimRequest(request, this.#settings));
      const connection = this.#hold(await openShim(directory));
      return this.#prepared(request, shimPid, connection);
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  async adopt(containerId: string, processId: string): Promise<SupervisedProcess | undefined> {
    const directory = this.#directory(processId);
    const connection = await findStartedShim(directory);
    const memo = parseMemo(textOf(connection?.state ?? new Map(), shimFields.memo) ?? '');
    if (connection === undefined || memo?.containerId !== containerId) {
      connection?.close();
      return undefined;
    }
    const shimPid = numberOf(connection.state, shimFields.shimPid) ?? 0;
    return this.#process(processId, memo, shimPid, this.#hold(connection), connection.state);
  }

  async exitStatus(processId: string): Promise<ExitStatus | undefined> {
    return await readExitStatus(this.#directory(processId));
  }

  async forget(processId: string): Promise<void> {
    await rm(this.#directory(processId), { recursive: true, force: true });
  }

  destroy(containerId: string, runtime: RuntimeProgram): Promise<void> {
    return this.#commands.delete(containerId, runtime);
  }

  pause(containerId: string, runtime: RuntimeProgram): Promise<void> {
    return this.#commands.pause(containerId, runtime);
  }

  resume(containerId: string, runtime: RuntimeProgram): Promise<void> {
    return this.#commands.resume(containerId, runtime);
  }

  update(containerId: string, runtime: RuntimeProgram, resources: ResourceLimits): Promise<void> {
    return this.#commands.update(containerId, runtime, resources);
  }

  checkpoint(
    containerId: string,
    runtime: RuntimeProgram,
    options: { path: string; leaveRunning: boolean },
  ): Promise<void> {
    return this.#commands.checkpoint(containerId, runtime, options);
  }

  pids(containerId: string, runtime: RuntimeProgram): Promise<number[]> {
    return this.#commands.pids(containerId, runtime);
  }

  /** Lets go of all shims, which go on: `exited` and `released` of their processes stay open. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#connections) connection.close();
  }

  #directory(processId: string): string {
    return shimDirectory(this.#settings.execRoot, processId);
  }

  #hold(connection: ShimConnection): ShimConnection {
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
    return connection;
  }

  #prepared(request: StartProcess, shimPid: number, connection: ShimConnection): Prepared {
    const directory = this.#directory(request.processId);
    const timings = timingsOf(connection.state);
    const memo = memoOf(request);
    return {
      shimPid,
      timings: () => ({ ...timings }),
      attach: (options: AttachOptions) => attachTo(directory, options),
      start: async (signal) => {
        const limitMs = isRestore(request) ? 0 : this.#startLimitMs;
        let ended: EndedStart | undefined;
        const answer = connection.request(shimRequests.start);
        const started = await answerWithin(answer, { shimPid, limitMs, signal }, (one) => {
          ended = one;
        }).catch(async (error: unknown) => {
          await this.#lost(directory, memo, 0);
          await rm(directory, { recursive: true, force: true });
          throw ended === undefined ? error : this.#endedError(request, ended, '');
        });
        if (numberOf(started, shimFields.errno) !== 0)
          throw await this.#startFailed(request, connection, started, ended);
        timings.runtimeMs = milliseconds(started, shimFields.runtimeMicroseconds);
        return this.#process(request.processId, memo, shimPid, connection, started);
      },
      cancel: async () => {
        await connection.request(shimRequests.leave).catch(() => {});
        await connection.closed;
        await rm(directory, { recursive: true, force: true });
      },
    };
  }

  /** The shim has removed all that it held by the time it tells of the failure. */
  async #startFailed(
    request: StartProcess,
    connection: ShimConnection,
    reply: ShimRecord,
    ended: EndedStart | undefined,
  ): Promise<EngineError> {
    await connection.closed;
    const directory = this.#directory(request.processId);
    const text = textOf(reply, shimFields.text) || (await readRuntimeLog(directory));
    if (ended !== undefined) {
      if (request.kind.kind === 'container') await this.#removeLeft(request.containerId, request.runtime);
      await rm(directory, { recursive: true, force: true });
      return this.#endedError(request, ended, text);
    }
    const error = startError({
      kind: request.kind.kind,
      runtime: request.runtime.path,
      text,
      status: numberOf(reply, shimFields.status) ?? 0,
      command: await readCommand(request.kind),
    });
    await rm(directory, { recursive: true, force: true });
    return error;
  }

  #endedError({ kind, runtime }: StartProcess, ended: EndedStart, text: string): EngineError {
    const prefix = failurePrefix({ kind: kind.kind, runtime: runtime.path });
    return endedStartError(ended, runtime, { prefix, limitMs: this.#startLimitMs, says: lastWords(text) });
  }

  /** What a runtime that was ended, or its `delete`, may have left. */
  async #removeLeft(containerId: string, runtime: RuntimeProgram): Promise<void> {
    await removeCgroups(containerId);
    await removeState(containerId, runtime);
  }

  #process(
    processId: string,
    memo: ShimMemo,
    shimPid: number,
    connection: ShimConnection,
    state: ShimRecord,
  ): SupervisedProcess {
    const directory = this.#directory(processId);
    const pid = numberOf(state, shimFields.pid) ?? 0;
    const onLost = async (): Promise<ExitStatus> => await this.#lost(directory, memo, pid);
    const onSlowDelete = async (): Promise<void> => {
      await endRuntime(shimPid, connection.closed);
      await this.#removeLeft(memo.containerId, memo.runtime);
    };
    const { kind } = memo;
    const slow = kind === 'container' ? { deleteLimitMs: this.#deleteLimitMs, onSlowDelete } : {};
    const process = new ShimProcess({ directory, shimPid, connection, state, onLost, ...slow });
    const held = process.released.catch(() => {}).finally(() => this.#held.delete(processId));
    this.#held.set(processId, held);
    return process;
  }

  /** A shim that was killed may have recorded the end before. Otherwise the process is ended now: nobody reads its output any more. */
  async #lost(directory: string, memo: ShimMemo, pid: number): Promise<ExitStatus> {
    if (this.#closed) return await new Promise<never>(() => {});
    // What can't be removed now is for `destroy`; the end itself must become known.
    if (memo.kind === 'container') await this.destroy(memo.containerId, memo.runtime).catch(() => {});
    else if (pid > 0) killQuietly(pid);
    const recorded = await readExitStatus(directory);
    return recorded ?? { exitCode: 137, finishedAt: Date.now(), oomKilled: false };
  }
}

/** How long a checkpoint takes depends on how much memory it holds. */
function isRestore({ kind }: StartProcess): boolean {
  return kind.kind === 'container' && kind.restoreFrom !== undefined;
}

/** The shim of a process that was started. One that waits for a daemon that is gone is sent away; one that starts its process is waited for. */
async function findStartedShim(directory: string): Promise<ShimConnection | undefined> {
  for (;;) {
    const connection = await findShim(directory);
    const phase = connection && numberOf(connection.state, shimFields.phase);
    if (phase !== shimPhases.prepared && phase !== shimPhases.starting) return connection;
    if (phase === shimPhases.prepared) await connection?.request(shimRequests.leave).catch(() => {});
    connection?.close();
    await sleep(20);
  }
}

function timingsOf(state: ShimRecord): StartTimings {
  return {
    mountMs: milliseconds(state, shimFields.mountMicroseconds),
    networkMs: milliseconds(state, shimFields.networkMicroseconds),
    runtimeMs: milliseconds(state, shimFields.runtimeMicroseconds),
  };
}

function milliseconds(record: ShimRecord, tag: number): number {
  return (numberOf(record, tag) ?? 0) / 1000;
}
