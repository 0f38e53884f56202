/** One blob on its way from an upstream into the storage, whoever watches. */
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, isEngineError, messageOf } from '../../errors/engine-error.ts';
import { Deferred } from '../../util/deferred.ts';
import type { RegistryStorage, Upload } from '../registry-types.ts';
import { Spool } from './spool.ts';
import { type Upstream, type UpstreamBlob, wrongBytes } from './upstream.ts';

export interface BlobFillParts {
  storage: RegistryStorage;
  upstream: Upstream;
  /** As clients name it. */
  repository: string;
  digest: string;
  spoolDirectory: string;
  /** Bytes from the upstream, and to clients. */
  onPulled: (bytes: number) => void;
  onPushed: (bytes: number) => void;
  /** Nobody must join any more: called before those who wait hear of it. */
  onFailure: () => void;
  warn: (message: string) => void;
  signal: AbortSignal;
}

/** Connections that broke in a row without bringing anything. */
const maxFailures = 5;
const firstDelay = 200;
/** Milliseconds for which the last byte waits for the storage. */
const commitPatience = 3000;

export class BlobFill {
  /** Settles when all is over: the blob is stored, or is not. Never rejects. */
  readonly over: Promise<void>;
  readonly #parts: BlobFillParts;
  readonly #hash = createHash('sha256');
  /** Undefined where the upstream has no such blob. */
  readonly #begun = new Deferred<{ spool: Spool; size: number } | undefined>();
  #received = 0;
  #upload: Upload | undefined;

  constructor(parts: BlobFillParts) {
    this.#parts = parts;
    this.over = this.#run();
  }

  /** All bytes, as they come. Rejects with EngineError where the upstream does not answer. */
  async join(): Promise<{ size: number; body: Readable } | undefined> {
    const begun = await this.#begun.promise;
    if (begun === undefined) return undefined;
    return { size: begun.size, body: begun.spool.reader(this.#parts.onPushed) };
  }

  async #run(): Promise<void> {
    const { upstream, storage, repository, spoolDirectory, warn } = this.#parts;
    let spool: Spool | undefined;
    try {
      const answer = await this.#ask();
      if (answer === undefined) {
        this.#begun.resolve(undefined);
        return;
      }
      // Whoever fails from here on must not leave the connection waiting.
      answer.body.on('error', () => undefined);
      spool = await Spool.open(spoolDirectory).catch((error: unknown) => {
        answer.body.destroy();
        throw noSpool(spoolDirectory, error);
      });
      this.#upload = await storage.beginUpload(repository);
      if (answer.size !== undefined) this.#begun.resolve({ spool, size: answer.size });
      await this.#receive(spool, answer);
      this.#verify();
      // Without a length from the upstream nobody could be answered before now.
      this.#begun.resolve({ spool, size: this.#received });
      const committed = this.#commit();
      // Who has read the whole finds it in the storage, too, unless that takes long.
      await Promise.race([committed, sleep(commitPatience, undefined, { ref: false })]);
      spool.finish();
      await committed;
    } catch (error) {
      this.#parts.onFailure();
      this.#begun.reject(error);
      spool?.fail(error);
      if (!this.#parts.signal.aborted)
        warn(`${repository}@${this.#parts.digest} did not come from ${upstream.name}: ${messageOf(error)}`);
      await this.#dropUpload();
    }
  }

  async #ask(): Promise<UpstreamBlob | undefined> {
    const { upstream, repository, digest, signal } = this.#parts;
    return await upstream.blob(upstream.remoteName(repository), digest, this.#received, { signal });
  }

  /** Goes on where a connection broke. */
  async #receive(spool: Spool, first: UpstreamBlob): Promise<void> {
    const { upstream, signal } = this.#parts;
    const { size } = first;
    let failures = 0;
    for (let answer: UpstreamBlob | undefined = first; ; ) {
      const before = this.#received;
      const broken = await this.#take(spool, answer, size);
      if (broken === undefined && (size === undefined || this.#received === size)) return;
      failures = this.#received > before ? 1 : failures + 1;
      if (signal.aborted || failures > maxFailures || (size === undefined && broken !== undefined))
        throw brokenOff(upstream, this.#received, broken);
      await sleep(firstDelay * 2 ** (failures - 1), undefined, { signal }).catch(() => undefined);
      answer = await this.#ask();
      if (answer === undefined) throw brokenOff(upstream, this.#received, broken);
      answer.body.on('error', () => undefined);
    }
  }

  /** Returns what broke the connection; what fails here on our side is thrown. */
  async #take(spool: Spool, answer: UpstreamBlob, size: number | undefined): Promise<unknown> {
    let skip = this.#received - answer.offset;
    if (skip < 0) {
      answer.body.destroy();
      return new Error('the upstream skipped bytes');
    }
    const pieces: AsyncIterator<Buffer> = answer.body[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await pieces.next().catch((error: unknown) => ({ error }));
        if ('error' in next) return next.error;
        if (next.done === true) return undefined;
        const piece = next.value.subarray(Math.min(skip, next.value.length));
        skip -= next.value.length - piece.length;
        if (size !== undefined && this.#received + piece.length > size)
          throw wrongBytes(this.#parts.upstream.name, this.#parts.digest, 'more bytes than announced');
        if (piece.length > 0) await this.#keep(spool, piece);
      }
    } finally {
      answer.body.destroy();
    }
  }

  async #keep(spool: Spool, piece: Buffer): Promise<void> {
    this.#hash.update(piece);
    this.#parts.onPulled(piece.length);
    await Promise.all([spool.append(piece), this.#write(piece)]);
    this.#received += piece.length;
  }

  /** A storage that takes no more is no reason to refuse the client. */
  async #write(piece: Buffer): Promise<void> {
    try {
      await this.#upload?.write(piece);
    } catch (error) {
      this.#parts.warn(`${this.#parts.digest} is passed on without being kept: ${messageOf(error)}`);
      await this.#dropUpload();
    }
  }

  #verify(): void {
    const { upstream, digest } = this.#parts;
    const actual = `sha256:${this.#hash.digest('hex')}`;
    if (actual !== digest) throw wrongBytes(upstream.name, digest, actual);
  }

  async #commit(): Promise<void> {
    const upload = this.#upload;
    this.#upload = undefined;
    try {
      await upload?.commit(this.#parts.digest);
    } catch (error) {
      this.#parts.warn(`${this.#parts.digest} could not be kept: ${messageOf(error)}`);
    }
  }

  async #dropUpload(): Promise<void> {
    const upload = this.#upload;
    this.#upload = undefined;
    await upload?.cancel().catch(() => undefined);
  }
}

function brokenOff(upstream: Upstream, received: number, cause: unknown): EngineError {
  if (isEngineError(cause)) return cause;
  const why = cause === undefined ? 'it ended early' : messageOf(cause);
  return new EngineError('unavailable', `${upstream.name} broke off after ${received} bytes: ${why}`, {
    cause,
    hint: 'try again: what came is fetched anew',
  });
}

function noSpool(directory: string, cause: unknown): EngineError {
  return new EngineError(
    'resource-exhausted',
    `${directory} takes no bytes on their way from an upstream: ${messageOf(cause)}`,
    { cause, hint: 'make room there, or set TMPDIR to a directory that has room' },
  );
}
