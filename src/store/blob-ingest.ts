/** One blob on its way in: written to a temporary file, hashed on the way, synced, checked, and only then published. */
import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { EngineError, errnoOf, isEngineError, messageOf } from '../errors/engine-error.ts';
import type { GrowingFile } from '../util/growing-file.ts';

/** What is known of bytes that are in a temporary file. */
export interface IngestState {
  hash: Hash;
  /** Bytes. */
  size: number;
  /** The disk has them all. */
  isSynced: boolean;
}

export interface IngestOptions {
  /** Of the temporary file, which is made when the first bytes are written to it. */
  path: string;
  /** What the bytes must have. */
  digest?: string;
  has: (digest: string) => boolean;
  /** Gives the file its name. Calls `onPublished` in the very moment in which the blob can be seen. */
  publish: (path: string, digest: string, size: number, onPublished?: () => void) => Promise<void>;
  /** `state` is there where the ingest was suspended and all its bytes are in the file. */
  onClose: (state?: IngestState) => void;
  /** For those who read it while it comes. */
  growth?: GrowingFile;
}

/** Small writes are gathered up to here. */
const bufferSize = 256 * 1024;

export interface CommitChecks {
  /** Bytes. */
  size?: number;
  digest?: string;
  /** Hears the digest before anybody can see the blob. */
  beforePublish?: (digest: string) => void;
  /** Called in the same moment in which the blob can be seen, or where it was here already; nothing can delete it in between. */
  onPublished?: () => void;
}

/** Ends with exactly one of `commit` (published), `suspend` (kept, to be gone on with) and `discard` (forgotten). */
export class BlobIngest {
  readonly #options: IngestOptions;
  #file: FileHandle | undefined;
  #hash: Hash;
  #offset: number;
  #isSynced: boolean;
  /** One is filled while the other one is written. */
  #filling: Buffer | undefined;
  #spare: Buffer | undefined;
  #bufferedLength = 0;
  /** The flush under way: the next bytes are hashed meanwhile. */
  #flushing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: IngestOptions, state: IngestState) {
    this.#options = options;
    this.#hash = state.hash;
    this.#offset = state.size;
    this.#isSynced = state.isSynced;
  }

  /** For whoever reads it while it comes; not of an upload by name. */
  get growth(): GrowingFile | undefined {
    return this.#options.growth;
  }

  /** Bytes that are here: the next byte to write is that one of the blob. */
  get offset(): number {
    return this.#offset;
  }

  /** Appends bytes, which are the caller's again at once. EngineError `resource-exhausted` where the disk is full. */
  async write(data: Uint8Array): Promise<void> {
    this.#hash.update(data);
    for (let taken = 0; taken < data.length; ) {
      this.#filling ??= Buffer.allocUnsafeSlow(bufferSize);
      const part = data.subarray(taken, taken + bufferSize - this.#bufferedLength);
      this.#filling.set(part, this.#bufferedLength);
      this.#bufferedLength += part.length;
      this.#offset += part.length;
      taken += part.length;
      if (this.#bufferedLength < bufferSize) continue;
      await this.#flushing;
      this.#startFlush();
    }
  }

  /** Starts again from nothing, where the source could not go on. */
  async restart(): Promise<void> {
    this.#options.growth?.end('broken');
    await this.#flushing;
    this.#bufferedLength = 0;
    this.#hash = createHash('sha256');
    this.#offset = 0;
    await (await this.#opened()).truncate(0);
  }

  /**
   * Syncs, checks and publishes. Returns the digest; the ingest is closed then. EngineError `data-loss`
   * where size or digest are not what was promised: the bytes are discarded. `beforePublish` hears the digest first.
   */
  commit(expectedSize?: number, beforePublish?: (digest: string) => void): Promise<string> {
    return this.commitChecked({
      ...(expectedSize === undefined ? {} : { size: expectedSize }),
      ...(beforePublish === undefined ? {} : { beforePublish }),
    });
  }

  /** As `commit`. */
  async commitChecked(checks: CommitChecks): Promise<string> {
    const size = this.#offset;
    const digest = `sha256:${this.#hash.digest('hex')}`;
    const expected = checks.digest ?? this.#options.digest ?? digest;
    if (digest !== expected || (checks.size !== undefined && checks.size !== size)) {
      await this.discard();
      throw new EngineError('data-loss', `filesystem layer verification failed for digest ${expected}`, {
        hint: 'the bytes that came are not those that the digest names: try again, or another registry',
        details: { expected, actual: digest, size },
      });
    }
    if (this.#options.has(digest)) {
      checks.beforePublish?.(digest);
      checks.onPublished?.();
      await this.discard();
      return digest;
    }
    try {
      await this.#publish(digest, size, checks);
    } catch (error) {
      throw writeError(error);
    }
    return digest;
  }

  /** Keeps what came, for a later ingest of the same digest or name. */
  async suspend(): Promise<void> {
    if (this.#isClosed) return;
    let state: IngestState | undefined;
    try {
      if (this.#offset > 0) await this.#sync();
      state = { hash: this.#hash, size: this.#offset, isSynced: this.#isSynced };
    } catch (error) {
      throw writeError(error);
    } finally {
      await this.#close(state);
    }
  }

  async discard(): Promise<void> {
    await this.#flushing.catch(() => undefined);
    const hadFile = this.#file !== undefined || this.#offset > this.#bufferedLength;
    await this.#close();
    if (hadFile) await rm(this.#options.path, { force: true });
  }

  async #publish(digest: string, size: number, checks: CommitChecks): Promise<void> {
    const { path, publish } = this.#options;
    await this.#sync(true);
    await this.#close();
    checks.beforePublish?.(digest);
    await publish(path, digest, size, checks.onPublished);
  }

  /** All bytes are in the file, and the file is on the disk. */
  async #sync(isAll = false): Promise<void> {
    await this.#flushing;
    this.#startFlush();
    await this.#flushing;
    if (isAll) this.#options.growth?.end('whole');
    if (this.#isSynced) return;
    await (await this.#opened()).datasync();
    this.#isSynced = true;
  }

  #startFlush(): void {
    const full = this.#filling;
    if (full === undefined || this.#bufferedLength === 0) return;
    const position = this.#offset - this.#bufferedLength;
    this.#flushing = this.#writeOut(full.subarray(0, this.#bufferedLength), position);
    // Whoever writes, syncs or closes next hears of it.
    this.#flushing.catch(() => undefined);
    [this.#filling, this.#spare] = [this.#spare, full];
    this.#bufferedLength = 0;
  }

  async #writeOut(data: Uint8Array, start: number): Promise<void> {
    this.#isSynced = false;
    try {
      const file = await this.#opened();
      for (let done = 0; done < data.length; ) {
        const { bytesWritten } = await file.write(data, done, data.length - done, start + done);
        done += bytesWritten;
      }
      this.#options.growth?.grow(start + data.length);
    } catch (error) {
      throw writeError(error);
    }
  }

  /** Not in append mode, in which Linux ignores the position of a write. */
  async #opened(): Promise<FileHandle> {
    this.#file ??= await open(this.#options.path, constants.O_RDWR | constants.O_CREAT, 0o600);
    return this.#file;
  }

  async #close(state?: IngestState): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#flushing.catch(() => undefined);
    this.#options.growth?.end('broken');
    await this.#file?.close();
    this.#options.onClose(state);
  }
}

/** What went wrong while a file was written, as an EngineError. */
export function writeError(error: unknown): EngineError {
  if (isEngineError(error)) return error;
  const errno = errnoOf(error);
  if (errno !== 'ENOSPC' && errno !== 'EDQUOT')
    return new EngineError('internal', messageOf(error), { cause: error });
  return new EngineError('resource-exhausted', 'no space left on device', {
    cause: error,
    hint: 'free space below the data root: remove images, containers and volumes that are not needed',
  });
}

/** No bytes. */
export function emptyState(): IngestState {
  return { hash: createHash('sha256'), size: 0, isSynced: false };
}

/** Bytes that came before, hashed again; none where there is no such file. */
export async function readState(path: string): Promise<IngestState> {
  const state = emptyState();
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: bufferSize })) {
      state.hash.update(chunk);
      state.size += chunk.length;
    }
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw writeError(error);
  }
  return state;
}
