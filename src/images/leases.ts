/** Keeps what operations under way need from being collected, and collects what nothing needs. */
import type { Snapshotter } from '../snapshots/snapshotter.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { ImageTable } from './image-table.ts';

/** Blob digests and chain IDs that one operation holds. */
/** Milliseconds. */
const day = 24 * 3600 * 1000;

export class Lease {
  readonly held = new Set<string>();

  add(...digests: string[]): void {
    for (const digest of digests) this.held.add(digest);
  }
}

export interface CollectorParts {
  table: ImageTable;
  blobs: BlobStore;
  snapshots: Snapshotter;
  /** Does somebody else who shares the store still hold this blob? The registry does. */
  keepsBlob?: (digest: string) => boolean;
}

export class Collector {
  readonly #parts: CollectorParts;
  readonly #leases = new Set<Lease>();

  constructor(parts: CollectorParts) {
    this.#parts = parts;
  }

  lease(): Lease {
    const lease = new Lease();
    this.#leases.add(lease);
    return lease;
  }

  /** Ends a lease; what it held stays until something collects. */
  release(lease: Lease): void {
    this.#leases.delete(lease);
  }

  /** Ends a lease and deletes what of it no image needs. */
  async releaseAndCollect(lease: Lease): Promise<void> {
    this.release(lease);
    await this.#delete([...lease.held]);
  }

  /** Digests of blobs and chain IDs that images and operations under way need. */
  needed(): Set<string> {
    return this.#withLeased(this.#parts.table.needed());
  }

  /** Deletes all blobs and layers that nothing needs. Returns the chain IDs of the removed layers. */
  async collect(): Promise<string[]> {
    const { blobs, snapshots } = this.#parts;
    return await this.#delete([...blobs.digests(), ...snapshots.layers()]);
  }

  /**
   * For the start: deletes layers that nothing needs, and blobs that nothing has needed for a day. What an interrupted pull had
   * brought is kept that long, for it to go on with.
   */
  async collectAbandoned(): Promise<void> {
    const { table, blobs, snapshots } = this.#parts;
    const needed = table.needed();
    const unneeded = blobs.digests().filter((digest) => !needed.has(digest));
    await this.#delete([...snapshots.layers(), ...unneeded.filter((digest) => blobs.age(digest) > day)]);
  }

  #withLeased(needed: Set<string>): Set<string> {
    for (const lease of this.#leases) for (const digest of lease.held) needed.add(digest);
    return needed;
  }

  async #delete(candidates: readonly string[]): Promise<string[]> {
    const { table, blobs, snapshots, keepsBlob } = this.#parts;
    const needed = this.needed();
    const neededBlobs = this.#withLeased(table.neededBlobs());
    const layersInUse = snapshots.layersInUse();
    const removedLayers: string[] = [];
    const work: Promise<void>[] = [];
    // A base layer's chain ID is its diff ID, and so the digest of its plain blob: each kind is looked at by itself.
    for (const digest of new Set(candidates)) {
      const isFreeBlob = blobs.has(digest) && !neededBlobs.has(digest);
      if (isFreeBlob && keepsBlob?.(digest) !== true) work.push(blobs.delete(digest));
      if (needed.has(digest) || !snapshots.hasLayer(digest) || layersInUse.has(digest)) continue;
      removedLayers.push(digest);
      work.push(snapshots.removeLayer(digest));
    }
    await Promise.all(work);
    return removedLayers;
  }
}
