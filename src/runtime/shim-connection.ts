/** One connection to a shim's socket: requests and their replies, events, output (docs/shim-protocol.md, the shim's socket). */
import { open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { EngineError, errnoOf, isEngineError } from '../errors/engine-error.ts';
import {
  decodeRecord,
  encodeFields,
  encodeFrame,
  type Field,
  type Frame,
  FrameReader,
  numberOf,
} from '../host/frame.ts';
import type { ExitStatus } from './runtime-types.ts';

export const shimRequests = {
  start: 1,
  kill: 2,
  resize: 3,
  attach: 4,
  stdin: 5,
  stdinEnd: 6,
  leave: 7,
  logClear: 8,
  logReplace: 9,
} as const;
export const shimEvents = { state: 16, stdout: 17, stderr: 18, exited: 19, released: 20 } as const;
export const shimFields = {
  errno: 1,
  text: 2,
  phase: 3,
  pid: 4,
  startedAt: 5,
  memo: 6,
  mountMicroseconds: 7,
  networkMicroseconds: 8,
  runtimeMicroseconds: 9,
  exitCode: 10,
  finishedAt: 11,
  oomKilled: 12,
  status: 13,
  shimPid: 14,
} as const;

/** Phases of a shim's life that the daemon tells apart (native/src/state.h). */
export const shimPhases = { prepared: 1, starting: 2 } as const;

export type ShimRecord = ReadonlyMap<number, Buffer>;
/** Longest path that fits into a sockaddr_un. */
const maxSocketPath = 107;

/** Called for what is neither a reply nor an event that the connection keeps: output. */
export type OutputHandler = (frame: Frame) => void;

export class ShimConnection {
  readonly socket: Socket;
  /** The shim's state when the connection was made. */
  readonly state: ShimRecord;
  /** Undefined where the connection closed without word of the process's end. */
  readonly exit: Promise<ExitStatus | undefined>;
  /** True where the shim said that nothing is held any more; false where the connection just closed. */
  readonly released: Promise<boolean>;
  readonly closed: Promise<void>;
  onOutput: OutputHandler = () => {};

  readonly #waiters = new Map<number, PromiseWithResolvers<ShimRecord>>();
  readonly #exit = Promise.withResolvers<ExitStatus | undefined>();
  readonly #released = Promise.withResolvers<boolean>();
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;
  #nextId = 1;

  constructor(socket: Socket, state: ShimRecord, reader: FrameReader, early: readonly Frame[]) {
    this.socket = socket;
    this.state = state;
    this.exit = this.#exit.promise;
    this.released = this.#released.promise;
    this.closed = this.#closed.promise;
    socket.on('error', () => {});
    socket.once('close', () => this.#close());
    socket.on('data', (chunk: Buffer) => this.#take(reader.push(chunk)));
    this.#take(early);
  }

  /** Sends a request and waits for the reply. Rejects with `unavailable` where the shim goes before it answers. */
  request(type: number, fields: readonly Field[] = []): Promise<ShimRecord> {
    if (this.#isClosed) return Promise.reject(gone());
    const id = this.#nextId++;
    const waiter = Promise.withResolvers<ShimRecord>();
    this.#waiters.set(id, waiter);
    this.socket.write(encodeFrame(type, id, encodeFields(fields)));
    return waiter.promise;
  }

  close(): void {
    this.socket.destroy();
  }

  #take(frames: readonly Frame[]): void {
    for (const frame of frames) this.#dispatch(frame);
  }

  #dispatch(frame: Frame): void {
    switch (frame.type) {
      case shimEvents.stdout:
      case shimEvents.stderr:
        this.onOutput(frame);
        return;
      case shimEvents.exited:
        this.#exit.resolve(exitOf(decodeRecord(frame.body)));
        return;
      case shimEvents.released:
        this.#released.resolve(true);
        return;
      default:
        this.#waiters.get(frame.id)?.resolve(decodeRecord(frame.body));
        this.#waiters.delete(frame.id);
    }
  }

  #close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiters.values()) waiter.reject(gone());
    this.#waiters.clear();
    this.#exit.resolve(undefined);
    this.#released.resolve(false);
    this.#closed.resolve();
  }
}

function gone(): EngineError {
  return new EngineError('unavailable', 'the shim ended before it answered');
}

function exitOf(record: ShimRecord): ExitStatus {
  return {
    exitCode: numberOf(record, shimFields.exitCode) ?? 0,
    finishedAt: numberOf(record, shimFields.finishedAt) ?? 0,
    oomKilled: numberOf(record, shimFields.oomKilled) === 1,
  };
}

/** Connects to the shim of a directory and reads its state. Rejects with the system's error (ENOENT, ECONNREFUSED) where there is none. */
export async function openShim(directory: string): Promise<ShimConnection> {
  const path = join(directory, 'shim.sock');
  if (Buffer.byteLength(path) <= maxSocketPath) return await greet(connect(path));
  const handle = await open(directory);
  try {
    return await greet(connect(`/proc/self/fd/${handle.fd}/shim.sock`));
  } finally {
    await handle.close();
  }
}

/** As `openShim`, but undefined where there is no shim. */
export async function findShim(directory: string): Promise<ShimConnection | undefined> {
  return await openShim(directory).catch((error: unknown) => {
    const absent = ['ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ECONNRESET'].includes(errnoOf(error) ?? '');
    if (absent || isEngineError(error, 'unavailable')) return undefined;
    throw error;
  });
}

/** The first frame on a connection tells the state; what came with it is kept for the connection. */
async function greet(socket: Socket): Promise<ShimConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<ShimConnection>();
  const reader = new FrameReader();
  const fail = (error?: Error): void => reject(error ?? gone());
  const onData = (chunk: Buffer): void => {
    const [first, ...early] = reader.push(chunk);
    if (first === undefined) return;
    socket.off('data', onData).off('error', fail).off('close', fail);
    if (first.type === shimEvents.state)
      resolve(new ShimConnection(socket, decodeRecord(first.body), reader, early));
    else reject(new EngineError('internal', 'the shim does not greet as it should'));
  };
  socket.on('data', onData).on('error', fail).on('close', fail);
  return await promise;
}
