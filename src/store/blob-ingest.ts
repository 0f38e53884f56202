/** One blob on its way in: written to a temporary file, hashed on the way, synced, checked, and only then published. */
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, errnoOf, isEngineError, messageOf } from '../errors/engine-error.ts';
import { digestHex } from '../oci/digest.ts';

interface IngestOptions {
  directory: string;
  /** Names the temporary file, and is what the bytes must have. */
  digest?: string;
  publish: (path: string, digest: string, size: number) => Promise<void>;
  onClose: () => void;
}

/** Small writes are gathered up to here. */
const bufferSize = 1024 * 1024;

/** Ends with exactly one of `commit` (published), `suspend` (kept, to be gone on with) and `discard` (forgotten). */
export class BlobIngest {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #options: IngestOptions;
  #hash: Hash;
  #offset: number;
  #buffered: Uint8Array[] = [];
  #bufferedLength = 0;
  #isClosed = false;

  constructor(path: string, file: FileHandle, hash: Hash, offset: number, options: IngestOptions) {
    this.#path = path;
    this.#file = file;
    this.#hash = hash;
    this.#offset = offset;
    this.#options = options;
  }

  /** Bytes that are here: the next byte to write is that one of the blob. */
  get offset(): number {
    return this.#offset;
  }

  /** Appends bytes. EngineError `resource-exhausted` where the disk is full. */
  async write(data: Uint8Array): Promise<void> {
    this.#hash.update(data);
    this.#offset += data.length;
    this.#buffered.push(data);
    this.#bufferedLength += data.length;
    if (this.#bufferedLength >= bufferSize) await this.#flush();
  }

  /** Starts again from nothing, where the source could not go on. */
  async restart(): Promise<void> {
    this.#buffered = [];
    this.#bufferedLength = 0;
    this.#hash = createHash('sha256');
    this.#offset = 0;
    await this.#file.truncate(0);
  }

  /**
   * Syncs, checks and publishes. Returns the digest; the ingest is closed then. EngineError `data-loss`
   * where size or digest are not what was promised: the bytes are discarded. `beforePublish` hears the digest first.
   */
  async commit(expectedSize?: number, beforePublish?: (digest: string) => void): Promise<string> {
    const size = this.#offset;
    const digest = `sha256:${this.#hash.digest('hex')}`;
    const expected = this.#options.digest ?? digest;
    if (digest !== expected || (expectedSize !== undefined && expectedSize !== size)) {
      await this.discard();
      throw new EngineError('data-loss', `filesystem layer verification failed for digest ${expected}`, {
        hint: 'the bytes that came are not those that the digest names: try again, or another registry',
        details: { expected, actual: digest, size },
      });
    }
    await this.#flush();
    try {
      await this.#file.sync();
      await this.#close();
      beforePublish?.(digest);
      await this.#options.publish(this.#path, digest, size);
    } catch (error) {
      throw writeError(error);
    }
    return digest;
  }

  /** Keeps what came, for a later ingest of the same digest. */
  async suspend(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.#flush();
    } finally {
      await this.#close();
    }
  }

  async discard(): Promise<void> {
    await this.#close();
    await rm(this.#path, { force: true });
  }

  async #flush(): Promise<void> {
    if (this.#bufferedLength === 0) return;
    const buffers = this.#buffered;
    let position = this.#offset - this.#bufferedLength;
    this.#buffered = [];
    this.#bufferedLength = 0;
    try {
      for (let pending = buffers; pending.length > 0; ) {
        const { bytesWritten } = await this.#file.writev(pending, position);
        position += bytesWritten;
        pending = without(pending, bytesWritten);
      }
    } catch (error) {
      throw writeError(error);
    }
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.onClose();
    await this.#file.close();
  }
}

/** What of `buffers` is left once the first `count` bytes are written. */
function without(buffers: readonly Uint8Array[], count: number): Uint8Array[] {
  const left: Uint8Array[] = [];
  let skip = count;
  for (const buffer of buffers) {
    if (skip < buffer.length) left.push(buffer.subarray(skip));
    skip = Math.max(0, skip - buffer.length);
  }
  return left;
}

function writeError(error: unknown): EngineError {
  if (isEngineError(error)) return error;
  const errno = errnoOf(error);
  if (errno !== 'ENOSPC' && errno !== 'EDQUOT')
    return new EngineError('internal', messageOf(error), { cause: error });
  return new EngineError('resource-exhausted', 'no space left on device', {
    cause: error,
    hint: 'free space below the data root: remove images, containers and volumes that are not needed',
  });
}

/** Opens a new ingest, or one that was suspended (also by a crash): its bytes are hashed again. */
export async function openIngest(options: IngestOptions): Promise<BlobIngest> {
  const name =
    options.digest === undefined ? `new-${randomBytes(8).toString('hex')}` : digestHex(options.digest);
  const path = join(options.directory, name);
  const hash = createHash('sha256');
  try {
    const file = await open(path, options.digest === undefined ? 'wx+' : 'a+', 0o600);
    await file.close();
    let size = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: bufferSize })) {
      hash.update(chunk);
      size += chunk.length;
    }
    // Not in append mode, in which Linux ignores the position of a write.
    return new BlobIngest(path, await open(path, 'r+'), hash, size, options);
  } catch (error) {
    throw writeError(error);
  }
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
