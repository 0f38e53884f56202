/** The registry's storage in an S3-compatible bucket. All it knows is there, so that several instances may serve one bucket. */
import type { Readable } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import { Mutex } from '../../util/mutex.ts';
import type {
  ByteRange,
  CollectOptions,
  CollectReport,
  Page,
  RegistryStorage,
  StoredBlob,
  StoredManifest,
  StoredTag,
  Upload,
  UploadStatus,
} from '../registry-types.ts';
import { Bucket } from './bucket.ts';
import { collect } from './collect.ts';
import { fieldsOf } from './generations.ts';
import { linkKeys, namesPrefix, referrerKeys } from './keys.ts';
import { type FoundManifest, ManifestRecords, toStored } from './manifest-records.ts';
import { mapParallel } from './parallel.ts';
import { PullNotes } from './pull-notes.ts';
import { type ManifestParts, type NewManifest, putManifest } from './put-manifest.ts';
import { S3Blobs } from './s3-blobs.ts';
import { graceOf, minPartSize, partSizeOf, type S3StorageOptions } from './s3-options.ts';
import { S3Tags } from './s3-tags.ts';
import { S3Uploads } from './s3-uploads.ts';
import { usageBelow } from './usage.ts';

/**
 * Opens the storage. EngineErrors: `unavailable`, with what to check, where the bucket can't be used; `invalid-argument` for a bad chunk size.
 */
export async function openS3Storage(options: S3StorageOptions): Promise<RegistryStorage> {
  const storage = new S3Storage(options);
  try {
    await storage.check();
    return storage;
  } catch (error) {
    await storage.close();
    throw error;
  }
}

class S3Storage implements RegistryStorage {
  /** Smaller ones are taken, at the price of being sent to the bucket twice. */
  readonly minimumChunk = minPartSize;
  readonly #bucket: Bucket;
  readonly #blobs: S3Blobs;
  readonly #uploads: S3Uploads;
  readonly #parts: ManifestParts;
  readonly #pulls: PullNotes;
  readonly #collecting = new Mutex();

  constructor(options: S3StorageOptions) {
    const partSize = partSizeOf(options);
    this.#bucket = new Bucket(options);
    this.#blobs = new S3Blobs(this.#bucket, graceOf(options));
    this.#uploads = new S3Uploads(this.#bucket, this.#blobs, partSize);
    this.#pulls = new PullNotes(this.#bucket);
    this.#parts = {
      bucket: this.#bucket,
      blobs: this.#blobs,
      records: new ManifestRecords(this.#bucket),
      tags: new S3Tags(this.#bucket),
    };
  }

  async check(): Promise<void> {
    await this.#bucket.check();
  }

  async blob(repository: string, digest: string): Promise<StoredBlob | undefined> {
    return await this.#blobs.use(repository, digest);
  }

  async open(digest: string, range?: ByteRange): Promise<Readable> {
    return await this.#blobs.open(digest, range);
  }

  async read(digest: string): Promise<Buffer> {
    return await this.#blobs.read(digest);
  }

  async mount(repository: string, digest: string, from: string | undefined): Promise<StoredBlob | undefined> {
    if (from !== undefined && (await this.#blobs.use(from, digest)) === undefined) return undefined;
    return await this.#blobs.link(repository, digest);
  }

  async deleteBlob(repository: string, digest: string): Promise<boolean> {
    if ((await this.#blobs.linked(repository, digest)).generation === undefined) return false;
    if (await this.#isNeeded(repository, digest)) throw needed(digest);
    const links = await this.#bucket.keys(linkKeys(repository, digest));
    await this.#bucket.remove(links);
    // A manifest that was put meanwhile either found no link, and was refused, or is seen here.
    if (!(await this.#isNeeded(repository, digest))) return true;
    await mapParallel(links, (key) => this.#bucket.put(key));
    throw needed(digest);
  }

  async #isNeeded(repository: string, digest: string): Promise<boolean> {
    const manifests = await this.#parts.records.all(repository);
    return manifests.some(({ record }) => record.references.includes(digest));
  }

  async beginUpload(repository: string): Promise<Upload> {
    return this.#uploads.begin(repository);
  }

  async resumeUpload(repository: string, id: string): Promise<Upload | undefined> {
    return await this.#uploads.resume(repository, id);
  }

  async uploadStatus(repository: string, id: string): Promise<UploadStatus | undefined> {
    return await this.#uploads.status(repository, id);
  }

  async manifest(repository: string, digest: string): Promise<StoredManifest | undefined> {
    const found = await this.#parts.records.find(repository, digest);
    return found === undefined ? undefined : this.#stored(repository, found);
  }

  async tag(repository: string, name: string): Promise<StoredTag | undefined> {
    return await this.#parts.tags.get(repository, name);
  }

  async putManifest(
    repository: string,
    manifest: NewManifest,
    data: Buffer,
    tags: readonly string[],
  ): Promise<StoredManifest> {
    const put = await putManifest(this.#parts, repository, manifest, data, tags);
    return { ...put, pulledAt: Math.max(put.pulledAt, this.#pulls.get(repository, put.digest)) };
  }

  async deleteManifest(repository: string, digest: string): Promise<boolean> {
    const { records, tags } = this.#parts;
    const { all } = await records.generations(repository, digest);
    if (all.length === 0) return false;
    await tags.deleteOf(repository, digest);
    await records.remove(repository, digest, all);
    await records.forgetEmpty(repository);
    return true;
  }

  async deleteTag(repository: string, name: string): Promise<boolean> {
    return await this.#parts.tags.delete(repository, name);
  }

  notePull(repository: string, digest: string): void {
    this.#pulls.add(repository, digest);
  }

  async referrers(repository: string, digest: string): Promise<StoredManifest[]> {
    const keys = await this.#bucket.keys(referrerKeys(repository, digest));
    const digests = new Set(keys.map((key) => `sha256:${fieldsOf(key)[0]}`));
    const found = await mapParallel([...digests], (one) => this.manifest(repository, one));
    return found
      .filter((one) => one?.subject === digest)
      .filter((one) => one !== undefined)
      .sort((a, b) => a.pushedAt - b.pushedAt || (a.digest < b.digest ? -1 : 1));
  }

  async repositories({ after, limit }: Page): Promise<string[]> {
    const names: string[] = [];
    const options = {
      ...(after === undefined ? {} : { after: namesPrefix + after }),
      ...(Number.isFinite(limit) ? { pageSize: limit } : {}),
    };
    if (limit <= 0) return names;
    for await (const { key } of this.#bucket.list(namesPrefix, options)) {
      names.push(key.slice(namesPrefix.length));
      if (names.length >= limit) break;
    }
    return names;
  }

  async tags(repository: string, page: Page): Promise<StoredTag[] | undefined> {
    const found = await this.#parts.tags.list(repository, page);
    return found.length > 0 || (await this.#parts.records.holdsAny(repository)) ? found : undefined;
  }

  async manifests(repository: string): Promise<StoredManifest[]> {
    return (await this.#parts.records.all(repository)).map((found) => this.#stored(repository, found));
  }

  async usage(prefix: string): Promise<number> {
    return await usageBelow(this.#bucket, this.#blobs, prefix);
  }

  /** One at a time in each instance. Several instances may collect at once. */
  async collect(options: CollectOptions): Promise<CollectReport> {
    const { records } = this.#parts;
    const parts = {
      bucket: this.#bucket,
      blobs: this.#blobs,
      records,
      isInHand: (id: string): boolean => this.#uploads.isInHand(id),
    };
    return await this.#collecting.run(() => collect(parts, options), options.signal);
  }

  async close(): Promise<void> {
    await this.#pulls.flush();
    this.#bucket.close();
  }

  #stored(repository: string, found: FoundManifest): StoredManifest {
    const stored = toStored(found);
    return { ...stored, pulledAt: Math.max(stored.pulledAt, this.#pulls.get(repository, stored.digest)) };
  }
}

function needed(digest: string): EngineError {
  return new EngineError('conflict', `the blob ${digest} is needed by a manifest of the repository`, {
    hint: 'delete the manifests that name it first',
    details: { digest },
  });
}
