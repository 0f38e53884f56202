/** Online garbage collection: takes what nothing needs, a slice at a time, while pushes and pulls go on. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlobStore } from '../../store/blob-store.ts';
import { Mutex } from '../../util/mutex.ts';
import type { CollectOptions, CollectReport } from '../registry-types.ts';
import { type CollectionLedger, DryLedger, RealLedger } from './collection-ledger.ts';
import { LiveManifests } from './live-manifests.ts';
import type { LocalUploads } from './local-uploads.ts';
import type { RegistryTables } from './registry-tables.ts';
import type { Repository } from './repository.ts';

export interface GarbageCollectorParts {
  blobs: BlobStore;
  tables: RegistryTables;
  uploads: LocalUploads;
  /** Digests that an engine needs which shares the store. */
  extraRoots?: () => ReadonlySet<string>;
}

/** Links, or manifests, taken before others get their turn. */
const sliceSize = 200;
/** Those that are only looked at. */
const lookSize = 2000;
/** Files are slower. */
const blobSliceSize = 32;

export class GarbageCollector {
  readonly #parts: GarbageCollectorParts;
  readonly #turn = new Mutex();
  readonly #closing = new AbortController();
  #marking: LiveManifests | undefined;

  constructor(parts: GarbageCollectorParts) {
    this.#parts = parts;
  }

  /** One at a time. Stops early, with what it did, once the signal aborts or the storage closes. */
  async collect(options: CollectOptions): Promise<CollectReport> {
    const signals = [this.#closing.signal, ...(options.signal === undefined ? [] : [options.signal])];
    const signal = AbortSignal.any(signals);
    return await this.#turn.run(() => this.#collect({ ...options, signal }));
  }

  /** A manifest was pushed, or tagged: called in the moment in which it is in the index. */
  noteManifest(repository: string, digest: string): void {
    if (this.#marking?.repository === repository) this.#marking.revive(digest);
  }

  /** Waits until a collection under way has stopped. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#turn.run(() => undefined);
  }

  async #collect(options: CollectOptions & { signal: AbortSignal }): Promise<CollectReport> {
    const { tables } = this.#parts;
    const { grace, untagged, dryRun, signal } = options;
    const report: CollectReport = { blobs: 0, manifests: 0, uploads: 0, freed: 0 };
    const ledger = dryRun ? new DryLedger(tables) : new RealLedger(tables);
    const now = Date.now();
    const cutoff = now - grace;
    // One collection after the other must not keep everybody else from their turn, not even where there is nothing.
    await nextTurn();
    await this.#collectUploads(now - (options.uploadGrace ?? grace), dryRun, report);
    for (const repository of tables.index.repositories()) {
      if (signal.aborted) return report;
      if (untagged) await this.#collectManifests(repository, cutoff, ledger, report);
      await collectLinks(repository, cutoff, ledger);
    }
    for (const orphans = [...ledger.orphans()]; orphans.length > 0 && !signal.aborted; await nextTurn()) {
      const expired = orphans.splice(-sliceSize).filter(([, usedAt]) => usedAt <= cutoff);
      const digests = expired.map(([digest]) => digest);
      if (dryRun) this.#countBlobs(digests, report);
      else await this.#deleteBlobs(digests, cutoff, report);
    }
    return report;
  }

  async #collectUploads(cutoff: number, dryRun: boolean, report: CollectReport): Promise<void> {
    const { uploads } = this.#parts;
    for (const id of uploads.ids()) {
      const size = uploads.abandoned(id, cutoff);
      if (size === undefined) continue;
      report.uploads += 1;
      report.freed += size;
      if (!dryRun) await uploads.forget(id);
    }
  }

  /** Indexes go before what they name, so that whatever is left is whole at any time. */
  async #collectManifests(
    repository: Repository,
    cutoff: number,
    ledger: CollectionLedger,
    report: CollectReport,
  ): Promise<void> {
    const live = new LiveManifests(repository);
    this.#marking = live;
    try {
      await live.mark(cutoff);
      const isDead = (digest: string): boolean =>
        !live.isLive(digest) && !repository.isTagged(digest) && ledger.needs(repository, digest) === 0;
      const dead = await inSlices([...repository.manifests.keys()], isDead);
      for (let count = 1; dead.length > 0; count += 1) {
        const manifest = repository.manifests.get(dead.pop() ?? '');
        if (manifest === undefined || !isDead(manifest.digest)) continue;
        ledger.dropManifest(repository, manifest.digest);
        report.manifests += 1;
        dead.push(...new Set(manifest.references.filter((child) => repository.manifests.has(child))));
        if (count % sliceSize === 0) await ledger.settle();
      }
    } finally {
      this.#marking = undefined;
      await ledger.settle();
    }
  }

  #countBlobs(digests: readonly string[], report: CollectReport): void {
    const roots = this.#parts.extraRoots?.();
    for (const digest of digests) {
      if (!this.#parts.blobs.has(digest) || roots?.has(digest) === true) continue;
      report.blobs += 1;
      report.freed += this.#parts.blobs.size(digest);
    }
  }

  async #deleteBlobs(digests: readonly string[], cutoff: number, report: CollectReport): Promise<void> {
    for (let start = 0; start < digests.length; start += blobSliceSize)
      await this.#deleteSlice(digests.slice(start, start + blobSliceSize), cutoff, report);
  }

  /** From the questions to the deletions there is no await: what someone links meanwhile is linked before, or pushed again after. */
  async #deleteSlice(digests: readonly string[], cutoff: number, report: CollectReport): Promise<void> {
    const { blobs, tables, extraRoots } = this.#parts;
    // What is in memory, but not durable yet, must not cost bytes: where it fails, it is taken back before the questions.
    tables.commits.flush();
    const roots = extraRoots?.();
    const work: Promise<void>[] = [];
    for (const digest of digests) {
      const usedAt = tables.index.orphans.get(digest);
      if (usedAt === undefined || usedAt > cutoff) continue;
      tables.index.forgetOrphan(digest);
      if (!blobs.has(digest) || roots?.has(digest) === true) continue;
      report.blobs += 1;
      report.freed += blobs.size(digest);
      work.push(blobs.delete(digest));
    }
    await Promise.all(work);
  }
}

async function inSlices<T>(items: readonly T[], isWanted: (item: T) => boolean): Promise<T[]> {
  const wanted: T[] = [];
  for (let start = 0; start < items.length; start += lookSize) {
    wanted.push(...items.slice(start, start + lookSize).filter(isWanted));
    await nextTurn();
  }
  return wanted;
}

async function collectLinks(repository: Repository, cutoff: number, ledger: CollectionLedger): Promise<void> {
  const links = [...repository.links.keys()];
  while (links.length > 0) {
    for (const digest of links.splice(-sliceSize)) {
      const link = repository.links.get(digest);
      if (link === undefined || link.usedAt > cutoff || ledger.needs(repository, digest) > 0) continue;
      ledger.dropLink(repository, digest);
    }
    await ledger.settle();
    await nextTurn();
  }
}
