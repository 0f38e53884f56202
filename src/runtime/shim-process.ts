/** A process that a shim holds, as the daemon sees it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../errors/engine-error.ts';
import { numberOf } from '../host/frame.ts';
import { errnoName } from '../host/launcher-codec.ts';
import type { Attachment, AttachOptions, ExitStatus, SupervisedProcess } from './runtime-types.ts';
import { attachTo } from './shim-attachment.ts';
import {
  findShim,
  type ShimConnection,
  type ShimRecord,
  shimFields,
  shimRequests,
} from './shim-connection.ts';

export interface ShimProcessOptions {
  directory: string;
  shimPid: number;
  connection: ShimConnection;
  /** State or reply to a start: tells pid and time. */
  state: ShimRecord;
  /** Called where the shim was lost: cleans up, and tells how the process ended. */
  onLost: () => Promise<ExitStatus>;
  /** Milliseconds after its end that the process may hold something; for ever unless told. */
  deleteLimitMs?: number;
  /** Called past that: takes away what is held. */
  onSlowDelete?: () => Promise<void>;
}

export class ShimProcess implements SupervisedProcess {
  readonly pid: number;
  readonly shimPid: number;
  readonly startedAt: number;
  readonly exited: Promise<ExitStatus>;
  readonly released: Promise<void>;
  readonly #directory: string;
  readonly #connection: ShimConnection;

  constructor(options: ShimProcessOptions) {
    this.pid = numberOf(options.state, shimFields.pid) ?? 0;
    this.startedAt = numberOf(options.state, shimFields.startedAt) ?? 0;
    this.shimPid = options.shimPid;
    this.#directory = options.directory;
    this.#connection = options.connection;
    this.exited = options.connection.exit.then(async (status) => status ?? (await options.onLost()));
    this.released = this.exited.then(async () => {
      await releasedInTime(options);
      options.connection.close();
    });
  }

  attach(options: AttachOptions): Promise<Attachment> {
    return attachTo(this.#directory, options);
  }

  async resize(size: { columns: number; rows: number }): Promise<void> {
    await this.#ask(shimRequests.resize, [size.columns, size.rows], 'cannot resize the terminal');
  }

  async kill(signal: number): Promise<void> {
    await this.#ask(shimRequests.kill, [signal], `cannot send signal ${signal}`);
  }

  async clearLog(): Promise<void> {
    await this.#askApart(shimRequests.logClear, [], 'cannot clear the log');
  }

  async replaceLog(inode: bigint, from: string): Promise<void> {
    await this.#askApart(shimRequests.logReplace, [inode, from], 'cannot replace a log file');
  }

  /** Over a connection of its own: a shim of an earlier version closes it, for it knows no such request. */
  async #askApart(type: number, values: readonly (bigint | string)[], what: string): Promise<void> {
    const connection = await findShim(this.#directory);
    if (connection === undefined) throw new EngineError('not-found', `${what}: the process has ended`);
    try {
      await ask(connection, type, values, what);
    } finally {
      connection.close();
    }
  }

  async #ask(type: number, values: readonly number[], what: string): Promise<void> {
    await ask(this.#connection, type, values, what);
  }
}

async function releasedInTime({
  connection,
  deleteLimitMs,
  onSlowDelete,
}: ShimProcessOptions): Promise<void> {
  const timer = new AbortController();
  const released = connection.released.then(() => true);
  try {
    if (deleteLimitMs === undefined) await released;
    else if (
      !(await Promise.race([released, sleep(deleteLimitMs, false, { signal: timer.signal, ref: false })]))
    )
      await onSlowDelete?.();
  } finally {
    timer.abort();
  }
}

async function ask(
  connection: ShimConnection,
  type: number,
  values: readonly (number | bigint | string)[],
  what: string,
): Promise<void> {
  const fields = values.map((value, index) => [index + 1, value] as const);
  const reply = await connection.request(type, fields).catch((cause: unknown) => {
    throw new EngineError('not-found', `${what}: the process has ended`, { cause });
  });
  const errno = numberOf(reply, shimFields.errno) ?? 0;
  if (errno === 0) return;
  const name = errnoName(errno);
  if (name === 'ENOENT') throw new EngineError('not-found', `${what}: there is none`);
  if (name === 'ESRCH') throw new EngineError('not-found', `${what}: the process has ended`);
  throw new EngineError(name === 'EINVAL' ? 'invalid-argument' : 'internal', `${what}: ${name}`);
}
