/** The registry's storage on this host: bytes in the content store, everything else in the database and in memory. */
import type { Readable } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Database } from '../../store/database.ts';
import type {
  ByteRange,
  CollectOptions,
  CollectReport,
  Page,
  RegistryStorage,
  StoredBlob,
  StoredManifest,
  StoredTag,
  StoredTotals,
  Upload,
  UploadStatus,
} from '../registry-types.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { LocalUploads } from './local-uploads.ts';
import { RegistryTables } from './registry-tables.ts';
import { findDamage } from './repair.ts';

export interface LocalStorageParts {
  blobs: BlobStore;
  database: Database;
  /**
   * Where the store is shared with an engine: digests that the engine needs. Blobs that never were in the registry are then left to the
   * engine altogether. Without it, all blobs of the store are the registry's.
   */
  extraRoots?: () => ReadonlySet<string>;
  /** Awaited before a blob's bytes are read for the first time; rejects with EngineError where they must not be. */
  beforeRead?: (digest: string) => Promise<void>;
  warn?: (message: string) => void;
  onClose?: () => Promise<void> | void;
}

/** Times of use reach the database this late at most (milliseconds). */
const useInterval = 5000;

/**
 * Opened by `open-local-storage.ts`, or over the parts of an engine. Each change is made in memory first, in one go without an await between the
 * question that it depends on and the change itself, and then made durable: so pushes and the collection never see each other half done.
 */
export class LocalStorage implements RegistryStorage {
  readonly #parts: LocalStorageParts;
  readonly #tables: RegistryTables;
  readonly #uploads: LocalUploads;
  readonly #collector: GarbageCollector;
  readonly #useTimer: NodeJS.Timeout;
  readonly #repaired: Promise<void>;
  #isClosed = false;

  constructor(parts: LocalStorageParts) {
    const { blobs, database, extraRoots, warn } = parts;
    this.#parts = parts;
    this.#tables = new RegistryTables(database, (digest) => (blobs.has(digest) ? blobs.size(digest) : 0));
    this.#uploads = new LocalUploads(this.#tables, blobs.uploads);
    this.#collector = new GarbageCollector({
      blobs,
      tables: this.#tables,
      uploads: this.#uploads,
      ...(extraRoots === undefined ? {} : { extraRoots }),
    });
    if (extraRoots === undefined) this.#adoptOrphans();
    this.#repaired = this.#repair();
    this.#repaired.catch((error: unknown) => warn?.(`the registry could not be repaired: ${String(error)}`));
    this.#useTimer = setInterval(() => {
      this.#tables.writeUses().catch((error: unknown) => warn?.(`times of use were not written: ${error}`));
    }, useInterval).unref();
  }

  /** Must an engine that shares the store keep this blob? */
  keeps(digest: string): boolean {
    const { index } = this.#tables;
    return index.holders(digest) > 0 || index.orphans.has(digest);
  }

  async blob(repository: string, digest: string): Promise<StoredBlob | undefined> {
    return this.#use(repository, digest);
  }

  async open(digest: string, range?: ByteRange): Promise<Readable> {
    await this.#parts.beforeRead?.(digest);
    return await this.#parts.blobs.reader(digest, range);
  }

  async read(digest: string): Promise<Buffer> {
    return await this.#parts.blobs.read(digest);
  }

  async mount(repository: string, digest: string, from: string | undefined): Promise<StoredBlob | undefined> {
    const { blobs } = this.#parts;
    const isThere = from === undefined || this.#tables.index.repository(from)?.has(digest) === true;
    if (!isThere || !blobs.has(digest)) return undefined;
    const linked = this.#use(repository, digest);
    if (linked !== undefined) return linked;
    const usedAt = Date.now();
    await this.#tables.change().link(repository, digest, { usedAt }).commit();
    return { digest, size: blobs.size(digest), usedAt };
  }

  async deleteBlob(repository: string, digest: string): Promise<boolean> {
    const holder = this.#tables.index.repository(repository);
    if (holder === undefined || !holder.has(digest)) return false;
    if (holder.needs(digest) > 0 || holder.manifests.has(digest)) {
      throw new EngineError('conflict', `blob ${digest} is needed by a manifest of ${repository}`, {
        hint: 'delete the manifests that name it first',
      });
    }
    await this.#tables.change().link(repository, digest, undefined).commit();
    return true;
  }

  async beginUpload(repository: string): Promise<Upload> {
    return await this.#uploads.begin(repository);
  }

  async resumeUpload(repository: string, id: string): Promise<Upload | undefined> {
    return await this.#uploads.resume(repository, id);
  }

  async uploadStatus(repository: string, id: string): Promise<UploadStatus | undefined> {
    return this.#uploads.status(repository, id);
  }

  async manifest(repository: string, digest: string): Promise<StoredManifest | undefined> {
    return this.#tables.index.repository(repository)?.manifests.get(digest);
  }

  async tag(repository: string, name: string): Promise<StoredTag | undefined> {
    const tag = this.#tables.index.repository(repository)?.tags.get(name);
    return tag === undefined ? undefined : { name, ...tag };
  }

  async putManifest(
    repository: string,
    manifest: Omit<StoredManifest, 'pushedAt' | 'pulledAt' | 'size'>,
    data: Buffer,
    tags: readonly string[],
  ): Promise<StoredManifest> {
    const { index } = this.#tables;
    const references = manifest.cached === true ? [] : manifest.references;
    this.#checkReferences(repository, references);
    let written: Promise<StoredManifest> | undefined;
    const onPublished = (): void => {
      index.addOrphan(manifest.digest, Date.now());
      // Again, in the moment in which it is recorded: the collection may have come in between.
      this.#checkReferences(repository, references);
      written = this.#record(repository, { ...manifest, size: data.length }, tags);
      written.catch(() => undefined);
    };
    await this.#parts.blobs.put(data, { digest: manifest.digest, onPublished });
    if (written === undefined) throw new EngineError('internal', `${manifest.digest} was not recorded`);
    return await written;
  }

  async deleteManifest(repository: string, digest: string): Promise<boolean> {
    const holder = this.#tables.index.repository(repository);
    if (holder?.manifests.has(digest) !== true) return false;
    const change = this.#tables.change();
    for (const tag of holder.tagsOf(digest)) change.tag(repository, tag, undefined);
    await change.manifest(repository, digest, undefined).commit();
    return true;
  }

  async deleteTag(repository: string, name: string): Promise<boolean> {
    if (this.#tables.index.repository(repository)?.tags.has(name) !== true) return false;
    await this.#tables.change().tag(repository, name, undefined).commit();
    return true;
  }

  notePull(repository: string, digest: string): void {
    const manifest = this.#tables.index.repository(repository)?.manifests.get(digest);
    if (manifest === undefined) return;
    manifest.pulledAt = Date.now();
    this.#tables.noteUse(repository, digest);
  }

  async referrers(repository: string, digest: string): Promise<StoredManifest[]> {
    const holder = this.#tables.index.repository(repository);
    const found = [...(holder?.referrers(digest) ?? [])].flatMap((referrer) => {
      const manifest = holder?.manifests.get(referrer);
      return manifest === undefined ? [] : [manifest];
    });
    return found.sort((a, b) => a.pushedAt - b.pushedAt);
  }

  async repositories(page: Page): Promise<string[]> {
    return this.#tables.index.page(page);
  }

  async tags(repository: string, page: Page): Promise<StoredTag[] | undefined> {
    const holder = this.#tables.index.repository(repository);
    return holder?.tagNames.page(page).flatMap((name) => {
      const tag = holder.tags.get(name);
      return tag === undefined ? [] : [{ name, ...tag }];
    });
  }

  async manifests(repository: string): Promise<StoredManifest[]> {
    return [...(this.#tables.index.repository(repository)?.manifests.values() ?? [])];
  }

  async usage(prefix: string): Promise<number> {
    return this.#tables.index.usage(prefix);
  }

  async totals(): Promise<StoredTotals> {
    const { index } = this.#tables;
    const { blobs } = this.#parts;
    const orphans = [...index.orphans.keys()].filter((digest) => blobs.has(digest));
    return {
      blobs: index.held + orphans.length,
      bytes: orphans.reduce((sum, digest) => sum + blobs.size(digest), index.usage('')),
      uploads: this.#uploads.count,
    };
  }

  async collect(options: CollectOptions): Promise<CollectReport> {
    await this.#repaired;
    return await this.#collector.collect(options);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#useTimer);
    await this.#repaired.catch(() => undefined);
    await this.#collector.close();
    const written = this.#tables.writeUses();
    this.#tables.commits.flush();
    await written;
    await this.#parts.onClose?.();
  }

  #use(repository: string, digest: string): StoredBlob | undefined {
    const { blobs } = this.#parts;
    const holder = this.#tables.index.repository(repository);
    if (holder === undefined || !blobs.has(digest)) return undefined;
    const link = holder.links.get(digest);
    const usedAt = Date.now();
    if (link !== undefined) {
      this.#tables.index.touch(digest, link, usedAt);
      this.#tables.noteUse(repository, digest);
    } else if (!holder.manifests.has(digest)) return undefined;
    return { digest, size: blobs.size(digest), usedAt };
  }

  #checkReferences(repository: string, references: readonly string[]): void {
    const holder = this.#tables.index.repository(repository);
    const missing = references.find((digest) => holder?.has(digest) !== true);
    if (missing === undefined) return;
    throw new EngineError('not-found', `${missing} is unknown to ${repository}`, {
      hint: 'push the blobs and manifests that a manifest names before the manifest',
      details: { digest: missing },
    });
  }

  async #record(
    repository: string,
    given: Omit<StoredManifest, 'pushedAt' | 'pulledAt'>,
    tags: readonly string[],
  ): Promise<StoredManifest> {
    const now = Date.now();
    const holder = this.#tables.index.repository(repository);
    const known = holder?.manifests.get(given.digest);
    const { cached, ...rest } = given;
    // What was pushed is not an upstream's any more.
    const isCached = cached === true && (known === undefined || known.cached === true);
    const origin = isCached ? { cached: true } : {};
    const manifest = { ...rest, ...origin, pushedAt: now, pulledAt: known?.pulledAt ?? 0 };
    const change = this.#tables.change().manifest(repository, given.digest, manifest);
    for (const tag of tags) {
      const present = holder?.tags.get(tag);
      if (cached === true && present !== undefined && present.cached !== true) continue;
      const value = { digest: given.digest, taggedAt: now, ...(cached === true ? { cached: true } : {}) };
      change.tag(repository, tag, value);
    }
    this.#collector.noteManifest(repository, given.digest);
    await change.commit();
    return { ...manifest };
  }

  /** Blobs that came to the disk, but not into a repository, before a crash. */
  #adoptOrphans(): void {
    const { blobs } = this.#parts;
    for (const digest of blobs.digests()) {
      if (this.#tables.index.holders(digest) === 0) this.#tables.index.addOrphan(digest, 0);
    }
  }

  async #repair(): Promise<void> {
    const { blobs, warn } = this.#parts;
    const { change, messages } = findDamage(this.#tables, (digest) => blobs.has(digest));
    for (const message of messages) warn?.(message);
    if (!change.isEmpty) await change.commit();
    await this.#uploads.repair();
  }
}
