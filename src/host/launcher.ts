/** The client of the native launcher: starts it when it is needed, again if it died, and matches replies to requests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { EngineError } from '../errors/engine-error.ts';
import { encodeFrame, type Frame, FrameReader } from './frame.ts';
import {
  decodeAttributes,
  decodeCommand,
  decodeStarted,
  decodeSteps,
  encodeAttributes,
  encodeCommand,
  encodeDatagrams,
  encodeFiles,
  encodeNetlink,
  encodeView,
  refusalOf,
  requestTypes,
} from './launcher-codec.ts';
import type {
  CommandRequest,
  CommandResult,
  FileAttributes,
  FileOperation,
  Launcher,
  QuotaAnswer,
  QuotaStep,
  StepFailure,
  ViewRequest,
} from './launcher-types.ts';
import { decodeQuotaAnswer, encodeQuota } from './quota-codec.ts';

export interface LauncherOptions {
  /** The gantry-shim binary; that of the build (native/build, or beside the bundle) unless told. */
  shimPath?: string;
}

/** Frames above this are refused by the launcher. */
const maxBody = 16 << 20;

/** Starts the native launcher. Throws `failed-precondition` where its binary is missing. */
export async function startLauncher(options: LauncherOptions = {}): Promise<Launcher> {
  const launcher = new NativeLauncher(options.shimPath ?? findShim());
  await launcher.netlink([]);
  return launcher;
}

/** The gantry-shim binary. EngineError `failed-precondition` where there is none. */
export function findShim(): string {
  const fromEnvironment = process.env['GANTRY_SHIM'];
  const candidates = [
    ...(fromEnvironment === undefined ? [] : [fromEnvironment]),
    join(import.meta.dirname, '../../native/build/gantry-shim'),
    join(import.meta.dirname, '../native/build/gantry-shim'),
    join(import.meta.dirname, 'gantry-shim'),
  ];
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new EngineError(
    'failed-precondition',
    `gantry-shim is missing (looked at ${candidates.join(', ')})`,
    {
      hint: 'Run npm run build.',
    },
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

interface Waiter {
  resolve(body: Buffer): void;
  reject(error: EngineError): void;
}

/** One running launcher process, and the requests it has not answered. */
class Connection {
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #waiters = new Map<number, Waiter>();
  #nextId = 1;
  lost = false;

  constructor(shimPath: string) {
    this.#child = spawn(shimPath, ['launcher', '3'], { stdio: ['ignore', 'inherit', 'inherit', 'pipe'] });
    this.#socket = this.#child.stdio[3] as Socket;
    this.#child.once('error', (error) => this.#lose(error));
    this.#child.once('exit', () => this.#lose());
    this.#socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#reader.push(chunk)) this.#settle(frame);
    });
    this.#socket.on('error', (error) => this.#lose(error));
    this.#socket.on('close', () => this.#lose());
    this.#unrefWhenIdle();
  }

  request(type: number, body: Buffer, onId?: (id: number) => void): Promise<Buffer> {
    const id = this.#nextId++;
    onId?.(id);
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.#waiters.set(id, { resolve, reject });
    this.#socket.ref();
    this.send(type, id, body);
    return promise;
  }

  send(type: number, id: number, body?: Buffer): void {
    this.#socket.write(encodeFrame(type, id, body));
  }

  /** Ends the launcher (shims stay) and resolves when it is gone. */
  async close(): Promise<void> {
    if (this.lost || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.ref();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#child.once('exit', () => resolve());
    this.#socket.end();
    await promise;
  }

  #settle(frame: Frame): void {
    const waiter = this.#waiters.get(frame.id);
    this.#waiters.delete(frame.id);
    this.#unrefWhenIdle();
    if (frame.type === requestTypes.refused) waiter?.reject(refusalOf(frame.body));
    else waiter?.resolve(frame.body);
  }

  /** A launcher without work doesn't keep the daemon's process alive. */
  #unrefWhenIdle(): void {
    if (this.#waiters.size > 0) return;
    this.#child.unref();
    this.#socket.unref();
  }

  #lose(cause?: Error): void {
    if (this.lost) return;
    this.lost = true;
    this.#socket.destroy();
    const error = new EngineError('unavailable', 'the native helper ended before it answered', { cause });
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
}

class NativeLauncher implements Launcher {
  readonly #shimPath: string;
  #connection: Connection | undefined;
  #closed = false;

  constructor(shimPath: string) {
    this.#shimPath = shimPath;
  }

  async run(request: CommandRequest): Promise<CommandResult> {
    const { signal } = request;
    if (signal?.aborted) throw cancelled(request);
    const connection = this.#connect();
    let cancel: (() => void) | undefined;
    try {
      const body = await connection.request(requestTypes.run, checked(encodeCommand(request)), (id) => {
        cancel = () => connection.send(requestTypes.cancel, id);
        signal?.addEventListener('abort', cancel, { once: true });
      });
      if (signal?.aborted) throw cancelled(request);
      return decodeCommand(body, request.argv);
    } finally {
      if (cancel !== undefined) signal?.removeEventListener('abort', cancel);
    }
  }

  async netlink(
    messages: readonly Uint8Array[],
    netns?: string,
  ): Promise<{ replies: Buffer[]; failure?: StepFailure }> {
    const body = checked(encodeNetlink(messages, netns));
    return decodeSteps(await this.#connect().request(requestTypes.netlink, body));
  }

  async fileOperations(root: string, operations: readonly FileOperation[]): Promise<StepFailure | undefined> {
    const body = checked(encodeFiles(root, operations));
    return decodeSteps(await this.#connect().request(requestTypes.files, body)).failure;
  }

  async sendDatagrams(path: string, messages: readonly Uint8Array[]): Promise<StepFailure | undefined> {
    const body = checked(encodeDatagrams(path, messages));
    return decodeSteps(await this.#connect().request(requestTypes.datagrams, body)).failure;
  }

  async quota(
    root: string,
    steps: readonly QuotaStep[],
  ): Promise<{ replies: QuotaAnswer[]; failure?: StepFailure }> {
    const body = checked(encodeQuota(root, steps));
    const { replies, ...rest } = decodeSteps(await this.#connect().request(requestTypes.quota, body));
    return { replies: replies.map(decodeQuotaAnswer), ...rest };
  }

  async attributes(
    root: string | Buffer,
    paths: readonly Buffer[],
    prefixes: readonly string[],
  ): Promise<FileAttributes[]> {
    const results: FileAttributes[] = [];
    // An answer that has grown long leaves the rest of the paths to another request.
    while (results.length < paths.length) {
      const body = checked(encodeAttributes(root, paths.slice(results.length), prefixes));
      const answered = decodeAttributes(await this.#connect().request(requestTypes.attributes, body));
      if (answered.length === 0) throw new EngineError('internal', 'the native helper answered no path');
      results.push(...answered);
    }
    return results;
  }

  async startShim(request: Uint8Array): Promise<number> {
    const body = checked(Buffer.from(request.buffer, request.byteOffset, request.byteLength));
    return decodeStarted(await this.#connect().request(requestTypes.shim, body), 'prepare the container');
  }

  async openView(request: ViewRequest): Promise<number> {
    const body = checked(encodeView(request));
    return decodeStarted(
      await this.#connect().request(requestTypes.view, body),
      'show the files of the container',
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#connection?.close();
  }

  #connect(): Connection {
    if (this.#closed) throw new EngineError('unavailable', 'the native helper was closed');
    if (this.#connection === undefined || this.#connection.lost)
      this.#connection = new Connection(this.#shimPath);
    return this.#connection;
  }
}

function checked(body: Buffer): Buffer {
  if (body.length <= maxBody) return body;
  throw new EngineError(
    'invalid-argument',
    `a request of ${body.length} bytes is too long for the native helper`,
  );
}

function cancelled(request: CommandRequest): EngineError {
  return new EngineError('cancelled', `${request.argv[0]} was cancelled`);
}
