/** One unpacking thread as the daemon sees it: feeds it a tar stream with bounded memory, and does its privileged operations. */
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { EngineError, type ErrorCode, errorCodes } from '../errors/engine-error.ts';
import type { FileOperation } from '../host/launcher-types.ts';
import type { UnpackReply, UnpackRequest } from './unpack-messages.ts';

export interface UnpackedTree {
  /** Digest of the tar stream. */
  diffId: string;
  /** Bytes of file data. */
  size: number;
  /** Paths (bytes as `latin1`) of opaque directories. */
  opaque: string[];
}

type DoOperations = (operations: readonly FileOperation[]) => Promise<void>;
type Awaited = Exclude<UnpackReply, { kind: 'consumed' | 'failed' }>;

/** Bytes handed to the thread and not yet written. */
const window = 8 * 1024 * 1024;

/** Beside this file in the sources; `unpack-worker.js` beside the bundled daemon. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './unpack-worker.ts' : './unpack-worker.js',
  import.meta.url,
);

export class UnpackThread {
  readonly #worker = new Worker(workerUrl);
  #outstanding = 0;
  #failure: Error | undefined;
  #reply: Awaited | undefined;
  #wake: (() => void) | undefined;

  constructor() {
    this.#worker.unref();
    this.#worker.on('message', (reply: UnpackReply) => this.#receive(reply));
    this.#worker.on('error', (error) =>
      this.#fail(new EngineError('internal', `an unpacking thread died: ${String(error)}`)),
    );
    this.#worker.on('exit', () => this.#fail(new EngineError('internal', 'an unpacking thread ended')));
  }

  /** False once the thread has died. */
  alive = true;

  /** Unpacks `tar` into the empty directory `root`. Rejects with EngineError; what was written stays for the caller to remove. */
  async unpack(
    root: string,
    tar: Readable,
    doOperations: DoOperations,
    signal?: AbortSignal,
  ): Promise<UnpackedTree> {
    const onAbort = (): void => {
      tar.destroy(new EngineError('cancelled', 'unpacking was cancelled'));
      this.#wake?.();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#worker.ref();
    this.#begin(root);
    try {
      return await this.#run(tar, doOperations, signal);
    } catch (error) {
      // Once it is gone, nothing writes below `root` any more.
      this.alive = false;
      await this.close();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#worker.unref();
    }
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #begin(root: string): void {
    this.#failure = undefined;
    this.#reply = undefined;
    this.#outstanding = 0;
    this.#post({ kind: 'begin', root });
  }

  async #run(tar: Readable, doOperations: DoOperations, signal?: AbortSignal): Promise<UnpackedTree> {
    for await (const chunk of tar) {
      this.#send(chunk);
      while (this.#outstanding > window) await this.#next(signal);
      if (this.#failure !== undefined) throw this.#failure;
    }
    this.#post({ kind: 'end' });
    const extracted = await this.#answer('extracted', signal);
    await doOperations(asBuffers(extracted.operations));
    this.#post({ kind: 'finish' });
    const { operations, size, opaque } = await this.#answer('finished', signal);
    await doOperations(asBuffers(operations));
    return { diffId: extracted.diffId, size, opaque };
  }

  /** The chunk may be a view of a buffer that its producer uses again: a copy is what can be given away. */
  #send(chunk: Uint8Array): void {
    const data = new Uint8Array(chunk);
    this.#outstanding += data.length;
    this.#worker.postMessage({ kind: 'chunk', data } satisfies UnpackRequest, [data.buffer]);
  }

  #post(request: UnpackRequest): void {
    this.#worker.postMessage(request);
  }

  async #answer<K extends Awaited['kind']>(
    kind: K,
    signal?: AbortSignal,
  ): Promise<Extract<Awaited, { kind: K }>> {
    while (this.#reply?.kind !== kind) await this.#next(signal);
    return this.#reply as Extract<Awaited, { kind: K }>;
  }

  /** Waits for anything to happen. Rejects where that is the end. */
  async #next(signal?: AbortSignal): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (signal?.aborted === true) throw new EngineError('cancelled', 'unpacking was cancelled');
    if (this.#failure !== undefined) throw this.#failure;
  }

  #receive(reply: UnpackReply): void {
    if (reply.kind === 'consumed') this.#outstanding -= reply.bytes;
    else if (reply.kind === 'failed') this.#failure = failureOf(reply);
    else this.#reply = reply;
    this.#wake?.();
  }

  #fail(error: Error): void {
    this.alive = false;
    this.#failure ??= error;
    this.#wake?.();
  }
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return errorCodes.some((known) => known === code);
}

function failureOf(reply: Extract<UnpackReply, { kind: 'failed' }>): EngineError {
  if (isErrorCode(reply.code)) {
    return new EngineError(reply.code, reply.message, reply.hint === undefined ? {} : { hint: reply.hint });
  }
  if (reply.errno === 'ENOSPC' || reply.errno === 'EDQUOT') return noSpace();
  return new EngineError('invalid-argument', reply.message);
}

/** Docker's words for a full disk. */
export function noSpace(): EngineError {
  return new EngineError('resource-exhausted', 'no space left on device', {
    hint: 'free space below the data root: remove images, containers and volumes that are not needed',
  });
}

/** Buffers arrive from another thread as plain byte arrays. */
function asBuffers(operations: readonly FileOperation[]): FileOperation[] {
  return operations.map((operation) => ({
    ...operation,
    path: typeof operation.path === 'string' ? operation.path : Buffer.from(operation.path),
  }));
}
