/** Content-addressed blobs on disk: an OCI image layout (image-spec, image-layout.md), verified and durable. */
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { EngineError } from '../errors/engine-error.ts';
import { digestHex, digestOf, isDigestHex, parseDigest } from '../oci/digest.ts';
import { type BlobIngest, openIngest, syncDirectory } from './blob-ingest.ts';

const hour = 3600 * 1000;
/** A download that nobody went on with is forgotten after a day. */
const staleAfter = 24 * hour;

/** On disk: `oci-layout`, `blobs/sha256/HEX`, and `ingest/HEX` for what is still coming in. */
export class BlobStore {
  readonly #blobs: string;
  readonly #ingests: string;
  /** Sizes by digest. */
  readonly #sizes = new Map<string, number>();
  readonly #open = new Set<string>();

  /** Opens (or makes) the layout in `directory`. */
  constructor(directory: string) {
    this.#blobs = join(directory, 'blobs', 'sha256');
    this.#ingests = join(directory, 'ingest');
    for (const path of [this.#blobs, this.#ingests]) mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    for (const name of readdirSync(this.#blobs)) {
      if (isDigestHex(name)) this.#sizes.set(`sha256:${name}`, statSync(join(this.#blobs, name)).size);
    }
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

  /** The whole blob, for manifests and configs. EngineError `resource-exhausted` above `limit` bytes. */
  async read(digest: string, limit = 8 * 1024 * 1024): Promise<Buffer> {
    if (this.size(digest) > limit)
      throw new EngineError('resource-exhausted', `blob ${digest} is too large to be read at once`);
    const data = await readFile(this.path(digest));
    if (digestOf(data) === digest) return data;
    throw new EngineError('data-loss', `blob ${digest} is damaged on disk`, {
      hint: 'remove the image and pull it again',
    });
  }

  /** Stores bytes that are here already. Returns their digest. */
  async put(data: Uint8Array): Promise<string> {
    const digest = digestOf(data);
    if (this.has(digest)) return digest;
    const ingest = await this.ingest(undefined);
    try {
      await ingest.write(data);
      return await ingest.commit();
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
    if (known !== undefined) this.#open.add(known);
    try {
      return await openIngest({
        directory: this.#ingests,
        ...(known === undefined ? {} : { digest: known }),
        publish: (path, actual, size) => this.#publish(path, actual, size),
        onClose: () => void (known !== undefined && this.#open.delete(known)),
      });
    } catch (error) {
      if (known !== undefined) this.#open.delete(known);
      throw error;
    }
  }

  async delete(digest: string): Promise<void> {
    if (!this.#sizes.delete(digest)) return;
    await rm(this.#pathOf(digest), { force: true });
  }

  /** Forgets what an interrupted ingest left. */
  async discardIngest(digest: string): Promise<void> {
    if (!this.#open.has(digest)) await rm(join(this.#ingests, digestHex(digest)), { force: true });
  }

  #pathOf(digest: string): string {
    return join(this.#blobs, digestHex(parseDigest(digest)));
  }

  /** The bytes are on the disk: give them their name. */
  async #publish(path: string, digest: string, size: number): Promise<void> {
    await rename(path, this.#pathOf(digest));
    await syncDirectory(this.#blobs);
    this.#sizes.set(digest, size);
  }

  #forgetStale(): void {
    for (const name of readdirSync(this.#ingests)) {
      const path = join(this.#ingests, name);
      const isStale = !isDigestHex(name) || Date.now() - statSync(path).mtimeMs > staleAfter;
      if (isStale) rmSync(path, { force: true });
    }
  }
}

function missing(digest: string): EngineError {
  return new EngineError('not-found', `blob ${digest} does not exist`);
}
