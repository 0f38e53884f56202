/** One unpacking thread as the daemon sees it: feeds it a tar stream with bounded memory, and does its privileged operations. */
import { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { EngineError, type ErrorCode, errorCodes } from '../errors/engine-error.ts';
import type { GzipHelper } from '../host/gzip-helper.ts';
import type { FileOperation } from '../host/launcher-types.ts';
import { type Gunzip, gunzipFile } from './gunzip-file.ts';
import type { LayerFile } from './snapshotter.ts';
import type { UnpackReply, UnpackRequest } from './unpack-messages.ts';

export interface UnpackedTree {
  /** Digest of the tar stream. */
  diffId: string;
  /** Bytes of file data. */
  size: number;
  /** Paths (bytes as `latin1`) of opaque directories. */
  opaque: string[];
}

/** A plain archive that the helper makes. */
export interface GunzippedLayer {
  gunzip: Gunzip;
  /** Bytes. */
  limit: number | undefined;
}

type DoOperations = (operations: readonly FileOperation[]) => Promise<void>;
type Answer = Exclude<UnpackReply, { kind: 'consumed' | 'read' | 'failed' }>;

/** Bytes handed to the thread and not yet written: the size of the ring through which they go. */
const ringSize = 4 * 1024 * 1024;

/** Beside this file in the sources; `unpack-worker.js` beside the bundled daemon. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './unpack-worker.ts' : './unpack-worker.js',
  import.meta.url,
);

export class UnpackThread {
  readonly #ring = new Uint8Array(new SharedArrayBuffer(ringSize));
  readonly #worker = new Worker(workerUrl, { workerData: this.#ring.buffer });
  /** Where in the ring the next byte goes. */
  #head = 0;
  #outstanding = 0;
  #failure: Error | undefined;
  #reply: Answer | undefined;
  #wake: (() => void) | undefined;
  #onRead: ((bytes: number) => void) | undefined;

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

  /** Unpacks `source` into the empty directory `root`. Rejects with EngineError; what was written stays for the caller to remove. */
  async unpack(
    root: string,
    source: Readable | LayerFile | GunzippedLayer,
    doOperations: DoOperations,
    helper: GzipHelper | undefined,
    signal?: AbortSignal,
  ): Promise<UnpackedTree> {
    const onAbort = (): void => {
      if (source instanceof Readable) source.destroy(new EngineError('cancelled', 'unpacking was cancelled'));
      this.#wake?.();
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#worker.ref();
    this.#reset();
    try {
      throwIfCancelled(signal);
      if (source instanceof Readable) {
        await this.#feed(root, source, signal);
        return await this.#complete(doOperations, signal);
      }
      if ('gunzip' in source) return await this.#unpackPipe(root, source, doOperations, signal);
      return await this.#unpackFile(root, source, doOperations, helper, signal);
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

  #reset(): void {
    this.#failure = undefined;
    this.#reply = undefined;
    this.#outstanding = 0;
    this.#head = 0;
    this.#onRead = undefined;
  }

  async #feed(root: string, tar: Readable, signal?: AbortSignal): Promise<void> {
    this.#post({ kind: 'begin', root });
    for await (const chunk of tar) await this.#send(chunk, signal);
    this.#post({ kind: 'end' });
  }

  async #unpackFile(
    root: string,
    file: LayerFile,
    doOperations: DoOperations,
    helper: GzipHelper | undefined,
    signal?: AbortSignal,
  ): Promise<UnpackedTree> {
    const gunzip = await gunzipFile(helper, file, signal);
    if (gunzip === undefined) {
      this.#onRead = file.onRead;
      this.#post({ kind: 'file', root, path: file.path, limit: file.limit });
      return await this.#complete(doOperations, signal);
    }
    return await this.#unpackPipe(root, { gunzip, limit: file.limit }, doOperations, signal);
  }

  async #unpackPipe(
    root: string,
    { gunzip, limit }: GunzippedLayer,
    doOperations: DoOperations,
    signal?: AbortSignal,
  ): Promise<UnpackedTree> {
    const { stream } = gunzip;
    this.#onRead = (bytes) => gunzip.onPlain(bytes);
    try {
      this.#post({ kind: 'pipe', root, descriptor: stream.output.fd, limit });
      const tree = await this.#complete(doOperations, signal);
      if (stream.failure !== undefined) throw stream.failure;
      return tree;
    } catch (error) {
      // Without its beginning, the archive looks broken too: what broke first counts.
      throw stream.failure ?? error;
    } finally {
      await stream.stop();
      // The thread must not read a descriptor that is another file's by then.
      if (this.#reply?.kind !== 'finished') await this.close();
      await stream.close();
    }
  }

  /** What is left once all bytes are on their way. */
  async #complete(doOperations: DoOperations, signal?: AbortSignal): Promise<UnpackedTree> {
    const extracted = await this.#answer('extracted', signal);
    await doOperations(asBuffers(extracted.operations));
    this.#post({ kind: 'finish' });
    const { operations, size, opaque } = await this.#answer('finished', signal);
    await doOperations(asBuffers(operations));
    return { diffId: extracted.diffId, size, opaque };
  }

  /** Puts the chunk into the ring, as far as there is room at a time. */
  async #send(chunk: Uint8Array, signal?: AbortSignal): Promise<void> {
    for (let sent = 0; sent < chunk.length; ) {
      while (this.#outstanding === ringSize) await this.#next(signal);
      const length = Math.min(chunk.length - sent, ringSize - this.#head, ringSize - this.#outstanding);
      this.#ring.set(chunk.subarray(sent, sent + length), this.#head);
      this.#post({ kind: 'chunk', offset: this.#head, length });
      this.#head = (this.#head + length) % ringSize;
      this.#outstanding += length;
      sent += length;
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #post(request: UnpackRequest): void {
    this.#worker.postMessage(request);
  }

  async #answer<K extends Answer['kind']>(
    kind: K,
    signal?: AbortSignal,
  ): Promise<Extract<Answer, { kind: K }>> {
    while (this.#reply?.kind !== kind) await this.#next(signal);
    return this.#reply as Extract<Answer, { kind: K }>;
  }

  /** Waits for anything to happen. Rejects where that is the end. */
  async #next(signal?: AbortSignal): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    throwIfCancelled(signal);
    if (this.#failure !== undefined) throw this.#failure;
  }

  #receive(reply: UnpackReply): void {
    if (reply.kind === 'consumed') this.#outstanding -= reply.bytes;
    else if (reply.kind === 'failed') this.#failure = failureOf(reply);
    else if (reply.kind === 'read') this.#onRead?.(reply.bytes);
    else this.#reply = reply;
    this.#wake?.();
  }

  #fail(error: Error): void {
    this.alive = false;
    this.#failure ??= error;
    this.#wake?.();
  }
}

/** EngineError `cancelled` once `signal` has aborted. */
export function throwIfCancelled(signal?: AbortSignal): void {
  if (signal?.aborted === true) throw new EngineError('cancelled', 'unpacking was cancelled');
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
