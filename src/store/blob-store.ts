/** Content-addressed blobs on disk: an OCI image layout (image-spec, image-layout.md), verified and durable. */
import { randomBytes } from 'node:crypto';
import {
  createReadStream,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { copyFile, link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { EngineError, errnoOf } from '../errors/engine-error.ts';
import { digestHex, digestOf, isDigestHex, parseDigest } from '../oci/digest.ts';
import { GrowingFile } from '../util/growing-file.ts';
import { BlobIngest, type CommitChecks, emptyState, readState, writeError } from './blob-ingest.ts';
import { SyncedDirectory } from './synced-directory.ts';
import { UploadFiles } from './upload-files.ts';

const hour = 3600 * 1000;
/** A download that nobody went on with is forgotten after a day. */
const staleAfter = 24 * hour;

/** On disk: `oci-layout`, `blobs/sha256/HEX`, `ingest/HEX` for what is still coming in, and `uploads/NAME` for what has no digest yet. */
export class BlobStore {
  readonly uploads: UploadFiles;
  readonly #blobs: string;
  readonly #ingests: string;
  readonly #names: SyncedDirectory;
  /** Sizes by digest. */
  readonly #sizes = new Map<string, number>();
  readonly #open = new Map<string, GrowingFile>();

  /** Opens (or makes) the layout in `directory`. */
  constructor(directory: string) {
    this.#blobs = join(directory, 'blobs', 'sha256');
    this.#ingests = join(directory, 'ingest');
    for (const path of [this.#blobs, this.#ingests]) mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    for (const name of readdirSync(this.#blobs)) {
      if (isDigestHex(name)) this.#sizes.set(`sha256:${name}`, statSync(join(this.#blobs, name)).size);
    }
    this.#names = new SyncedDirectory(this.#blobs);
    this.uploads = new UploadFiles(join(directory, 'uploads'), {
      has: (digest) => this.has(digest),
      publish: this.#publish.bind(this),
    });
    this.#forgetStale();
  }

  has(digest: string): boolean {
    return this.#sizes.has(digest);
  }

  /** Bytes. EngineError `not-found`. */
  size(digest: string): number {
    const size = this.#sizes.get(digest);
    if (size === undefined) throw missing(digest);
    return size;
  }

  /** Milliseconds since the blob was written. */
  age(digest: string): number {
    return Date.now() - (statSync(this.path(digest), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  }

  digests(): string[] {
    return [...this.#sizes.keys()];
  }

  /** Where the blob's bytes are. EngineError `not-found`. */
  path(digest: string): string {
    if (!this.#sizes.has(digest)) throw missing(digest);
    return this.#pathOf(digest);
  }

  /** A stream of the blob, or of its bytes from `start` on. */
  open(digest: string, start = 0): Readable {
    return createReadStream(this.path(digest), { start, highWaterMark: 256 * 1024 });
  }

  /**
   * A stream of the blob's bytes from `first` to `last` (counted too): it goes on to its end whatever becomes of the blob.
   * EngineError `not-found`.
   */
  async reader(digest: string, range: { first?: number; last?: number } = {}): Promise<Readable> {
    const { first: start, last: end } = range;
    try {
      const file = await open(this.path(digest));
      return file.createReadStream({
        highWaterMark: 256 * 1024,
        ...(start === undefined ? {} : { start }),
        ...(end === undefined ? {} : { end }),
      });
    } catch (error) {
      throw errnoOf(error) === 'ENOENT' ? missing(digest) : writeError(error);
    }
  }

  /** The whole blob, for manifests and configs. EngineError `resource-exhausted` above `limit` bytes. */
  async read(digest: string, limit = 8 * 1024 * 1024): Promise<Buffer> {
    if (this.size(digest) > limit)
      throw new EngineError('resource-exhausted', `blob ${digest} is too large to be read at once`);
    const data = await this.#bytes(digest);
    if (digestOf(data) === digest) return data;
    throw new EngineError('data-loss', `blob ${digest} is damaged on disk`, {
      hint: 'remove the image and pull it again',
    });
  }

  /** Stores bytes that are here already. Returns their digest. */
  async put(data: Uint8Array, checks: CommitChecks = {}): Promise<string> {
    const ingest = await this.ingest(undefined);
    try {
      await ingest.write(data);
      return await ingest.commitChecked(checks);
    } catch (error) {
      await ingest.discard();
      throw error;
    }
  }

  /**
   * Begins to take in a blob. With a digest, it goes on where an earlier, interrupted ingest of that digest stopped: see
   * `BlobIngest.offset`. Without one, the digest is what the bytes have. EngineError `conflict` where that ingest is open already.
   */
  async ingest(digest: string | undefined): Promise<BlobIngest> {
    const known = digest === undefined ? undefined : parseDigest(digest);
    if (known !== undefined && this.#open.has(known))
      throw new EngineError('conflict', `blob ${known} is being written already`);
    const name = known === undefined ? `new-${randomBytes(8).toString('hex')}` : digestHex(known);
    const path = join(this.#ingests, name);
    const growth = new GrowingFile(path);
    if (known !== undefined) this.#open.set(known, growth);
    try {
      const state = known === undefined ? emptyState() : await readState(path);
      growth.grow(state.size);
      const options = {
        path,
        growth,
        ...(known === undefined ? {} : { digest: known }),
        has: (digest: string) => this.has(digest),
        publish: this.#publish.bind(this),
        onClose: () => void (known !== undefined && this.#open.delete(known)),
      };
      return new BlobIngest(options, state);
    } catch (error) {
      if (known !== undefined) this.#open.delete(known);
      throw error;
    }
  }

  /**
   * Gives a file that is on this host already a second name, as the blob `digest`, unseen: whoever adopts it verifies it. Where that cannot be, it is
   * moved, or copied from another file system. False where there is no such file, or the blob is here. `syncNames` makes it durable.
   */
  async adopt(source: string, digest: string): Promise<boolean> {
    const path = this.#pathOf(digest);
    if (this.#sizes.has(digest)) return false;
    try {
      await linkOrMove(source, path, join(this.#ingests, `new-${randomBytes(8).toString('hex')}`));
      this.#sizes.set(digest, (await stat(path)).size);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw writeError(error);
    }
  }

  /** Makes the names of all blobs durable. */
  async syncNames(): Promise<void> {
    await this.#names.sync();
  }

  async delete(digest: string): Promise<void> {
    if (!this.#sizes.delete(digest)) return;
    // Out of the way at once: the same blob may be published again before its bytes are gone.
    const doomed = join(this.#ingests, `old-${randomBytes(8).toString('hex')}`);
    try {
      renameSync(this.#pathOf(digest), doomed);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw writeError(error);
    }
    await rm(doomed, { force: true });
  }

  /** The file of a blob that is being taken in at this moment. */
  incoming(digest: string): GrowingFile | undefined {
    return this.#open.get(digest);
  }

  /** Forgets what an interrupted ingest left. */
  async discardIngest(digest: string): Promise<void> {
    if (!this.#open.has(digest)) await rm(join(this.#ingests, digestHex(digest)), { force: true });
  }

  #pathOf(digest: string): string {
    return join(this.#blobs, digestHex(parseDigest(digest)));
  }

  async #bytes(digest: string): Promise<Buffer> {
    try {
      return await readFile(this.path(digest));
    } catch (error) {
      throw errnoOf(error) === 'ENOENT' ? missing(digest) : writeError(error);
    }
  }

  /** The bytes are on the disk: give them their name. */
  async #publish(path: string, digest: string, size: number, onPublished?: () => void): Promise<void> {
    await rename(path, this.#pathOf(digest));
    this.#sizes.set(digest, size);
    onPublished?.();
    await this.#names.sync();
  }

  #forgetStale(): void {
    for (const name of readdirSync(this.#ingests)) {
      const path = join(this.#ingests, name);
      const isStale = !isDigestHex(name) || Date.now() - statSync(path).mtimeMs > staleAfter;
      if (isStale) rmSync(path, { force: true });
    }
  }
}

/** File systems without hard links have several errors for them. */
async function linkOrMove(source: string, path: string, temporary: string): Promise<void> {
  try {
    await link(source, path);
    return;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return;
    if (errno === 'ENOENT') throw error;
  }
  try {
    await rename(source, path);
  } catch (error) {
    if (errnoOf(error) !== 'EXDEV') throw error;
    await copyFile(source, temporary);
    await syncFile(temporary);
    await rename(temporary, path);
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function missing(digest: string): EngineError {
  return new EngineError('not-found', `blob ${digest} does not exist`);
}
