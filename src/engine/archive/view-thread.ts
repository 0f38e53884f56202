/** One thread that works in a container's file system, as the daemon sees it: nothing of it blocks the event loop, and no more than a few chunks are in memory. */
import { constants } from 'node:os';
import { Readable } from 'node:stream';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { EngineError, type ErrorCode, errorCodes, messageOf } from '../../errors/engine-error.ts';
import { errnoName } from '../../host/launcher-codec.ts';
import type { FileOperation, Launcher } from '../../host/launcher-types.ts';
import type { Attributes } from '../../snapshots/archive/archive-messages.ts';
import type { PathStat, ViewJob, ViewOperation, ViewReply, ViewRequestMessage } from './view-messages.ts';

/** Chunks on their way to the reader at a time, so that the thread writes one while another is read. */
const chunksAhead = 2;
/** Bytes on their way to the thread at a time. */
const bytesAhead = 4 * 1024 * 1024;

/** Beside this file in the sources; `view-worker.js` beside the bundled daemon. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './view-worker.ts' : './view-worker.js',
  import.meta.url,
);

const { errno } = constants;
/** Attributes of a file that went away are none. */
const goneErrors = new Set<number>([
  errno.ENOENT,
  errno.ENOTDIR,
  errno.ELOOP,
  errno.ESTALE,
  errno.ENAMETOOLONG,
]);
/** Attributes that a file system does not take, or that this daemon may not set, are left out, as in Docker. */
const unsupportedErrors = new Set<number>([errno.ENOTSUP, errno.EPERM]);

type ViewLauncher = Pick<Launcher, 'attributes' | 'fileOperations'>;

export interface ViewThreadOptions {
  launcher: ViewLauncher;
  /** Path of the view's root directory. */
  root: string;
  job: ViewJob;
  /** Called as often as something was copied. */
  onProgress: () => void;
  /** May object at the end: EngineError. */
  verify: () => void;
}

export class ViewThread {
  readonly #options: ViewThreadOptions;
  readonly #worker: Worker;
  readonly #answers: MessagePort;
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  readonly #stat = Promise.withResolvers<PathStat>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();
  #tar: Readable | undefined;
  #outstanding = 0;
  #wake: (() => void) | undefined;
  #isOver = false;
  #failure: EngineError | undefined;

  constructor(options: ViewThreadOptions) {
    this.#options = options;
    const { root, job } = options;
    const { port1, port2 } = new MessageChannel();
    this.#answers = port1;
    this.#worker = new Worker(workerUrl, { workerData: { root, job, answered: this.#answered } });
    this.#worker.postMessage({ kind: 'port', port: port2 } satisfies ViewRequestMessage, [port2]);
    this.#worker.on('message', (message: ViewReply) => this.#receive(message));
    this.#worker.on('error', (error) =>
      this.#fail(new EngineError('internal', messageOf(error), { cause: error })),
    );
    this.#worker.on('exit', () =>
      this.#fail(new EngineError('internal', 'a thread that copies files ended')),
    );
    for (const { promise } of [this.#stat, this.#ready, this.#done]) promise.catch(() => undefined);
  }

  /** What stands at the path, of the jobs `stat` and `read`. */
  get stat(): Promise<PathStat> {
    return this.#stat.promise;
  }

  /** Resolves at the end of the job. */
  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** The tar of the job `read`. Whoever destroys it ends the thread. */
  get tar(): Readable {
    this.#tar ??= this.#openTar();
    return this.#tar;
  }

  /** Resolves when the job `write` found its directory. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Hands over a plain tar, as fast as it is written, and resolves when all of it is there. */
  async write(source: AsyncIterable<Uint8Array>): Promise<void> {
    // What fails is said at once, and not when the next bytes come.
    await Promise.race([this.#feed(source), this.done]);
    await this.done;
  }

  /** Ends the thread, with whatever it has open. */
  async close(): Promise<void> {
    this.#fail(new EngineError('cancelled', 'copying was given up'));
    this.#answers.close();
    await this.#worker.terminate();
  }

  /** Gives up, for a reason that reaches whoever reads, writes or waits. */
  fail(error: EngineError): void {
    this.#fail(error);
  }

  #openTar(): Readable {
    const tar = new Readable({
      highWaterMark: 1024 * 1024,
      read: () => this.#post({ kind: 'more' }),
      destroy: (error, callback) => {
        const done = (): void => callback(error);
        this.close().then(done, done);
      },
    });
    for (let ahead = 1; ahead < chunksAhead; ahead += 1) this.#post({ kind: 'more' });
    // What fails before the stream is read is told by `stat`.
    tar.on('error', () => undefined);
    this.#done.promise.then(
      () => tar.push(null),
      (error: unknown) => tar.destroy(error instanceof Error ? error : undefined),
    );
    return tar;
  }

  async #feed(source: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const chunk of source) {
      while (this.#outstanding >= bytesAhead && this.#failure === undefined) await this.#next();
      if (this.#failure !== undefined) throw this.#failure;
      this.#outstanding += chunk.length;
      this.#post({ kind: 'data', data: chunk });
      this.#options.onProgress();
    }
    this.#post({ kind: 'end' });
  }

  #post(request: ViewRequestMessage): void {
    this.#worker.postMessage(request);
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #receive(message: ViewReply): void {
    switch (message.kind) {
      case 'stat':
        this.#stat.resolve(message.stat);
        break;
      case 'ready':
        this.#ready.resolve();
        break;
      case 'chunk':
        this.#options.onProgress();
        this.#tar?.push(message.data);
        break;
      case 'consumed':
        this.#outstanding -= message.bytes;
        this.#wake?.();
        break;
      case 'attributes':
        this.#readAttributes(message).catch((error: unknown) => this.#fail(asError(error)));
        break;
      case 'operation':
        this.#operate(message.operation).catch((error: unknown) => this.#answer(messageOf(error)));
        break;
      case 'done':
        this.#finish();
        break;
      case 'failed':
        this.#fail(failureOf(message));
        break;
    }
  }

  async #readAttributes(question: Extract<ViewReply, { kind: 'attributes' }>): Promise<void> {
    const { root, paths, prefixes } = question;
    const names = paths.map((path) => Buffer.from(path, 'latin1'));
    const found = await this.#options.launcher.attributes(Buffer.from(root, 'latin1'), names, prefixes);
    const results = found.map((attributes, index): Attributes => {
      if (typeof attributes !== 'number') return attributes;
      if (goneErrors.has(attributes)) return undefined;
      throw new EngineError(
        'internal',
        `cannot read the extended attributes of ${names[index]?.toString()}: ${errnoName(attributes)}`,
      );
    });
    this.#post({ kind: 'attributes', results });
  }

  async #operate(operation: ViewOperation): Promise<void> {
    const isNode = operation.kind === 'mknod';
    const failure = isNode
      ? await this.#options.launcher.fileOperations(operation.directory, [nodeOperation(operation)])
      : await this.#options.launcher.fileOperations('/', [
          { kind: 'setxattr-open', path: operation.file, name: operation.name, value: operation.value },
        ]);
    const isFine = failure === undefined || (!isNode && unsupportedErrors.has(failure.errno));
    const what = isNode ? `mknod ${Buffer.from(operation.name).toString()}` : `setxattr ${operation.name}`;
    this.#answer(isFine ? '' : `${what}: ${errnoName(failure.errno)}`);
  }

  #answer(text: string): void {
    this.#answers.postMessage(text);
    Atomics.store(this.#answered, 0, 1);
    Atomics.notify(this.#answered, 0);
  }

  #finish(): void {
    try {
      this.#options.verify();
    } catch (error) {
      this.#fail(asError(error));
      return;
    }
    this.#isOver = true;
    this.#done.resolve();
  }

  #fail(error: EngineError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = error;
    for (const { reject } of [this.#stat, this.#ready, this.#done]) reject(error);
    this.#wake?.();
  }
}

function nodeOperation(operation: Extract<ViewOperation, { kind: 'mknod' }>): FileOperation {
  const { name, mode, major, minor } = operation;
  return { kind: 'mknod', path: Buffer.from(name), mode, major, minor };
}

function asError(error: unknown): EngineError {
  return error instanceof EngineError
    ? error
    : new EngineError('internal', messageOf(error), { cause: error });
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return errorCodes.some((known) => known === code);
}

function failureOf({
  code,
  errno: name,
  message,
  hint,
}: Extract<ViewReply, { kind: 'failed' }>): EngineError {
  if (isErrorCode(code)) return new EngineError(code, message, hint === undefined ? {} : { hint });
  if (name === 'ENOSPC' || name === 'EDQUOT') {
    return new EngineError('resource-exhausted', 'no space left on device', {
      hint: 'free space where the container keeps its files',
    });
  }
  if (name === 'EROFS') return new EngineError('forbidden', 'read-only file system');
  return new EngineError('internal', message);
}
