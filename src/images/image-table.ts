/** All images and references: in memory for reads, in the database for good. */
import { chainIdsOf } from '../oci/digest.ts';
import { familiarReference, parseReference, type Reference } from '../oci/reference.ts';
import type { Parse } from '../store/database.ts';
import type { Collection } from '../util/collection.ts';
import {
  type BlobRecord,
  type ImageRecord,
  parseImageRecord,
  parseReferenceRecord,
  type ReferenceRecord,
} from './image-records.ts';
import type { Image } from './image-types.ts';
import { LayerHolds, parseHold } from './layer-holds.ts';

/** What this table needs of `store/database.ts`. */
export interface ImageDatabase {
  collection<T>(name: string, parse: Parse<T>): Collection<T>;
  transaction<R>(work: () => R, durable?: boolean): R;
}

export class ImageTable {
  /** Layers that builds keep. */
  readonly holds: LayerHolds;
  readonly #database: ImageDatabase;
  readonly #storedImages: Collection<ImageRecord>;
  readonly #storedReferences: Collection<ReferenceRecord>;
  readonly #layerSize: (chainId: string) => number;
  readonly #images: Map<string, ImageRecord>;
  readonly #references = new Map<string, ReferenceRecord>();
  /** Canonical references by image. */
  readonly #names = new Map<string, Set<string>>();

  constructor(database: ImageDatabase, layerSize: (chainId: string) => number) {
    this.#database = database;
    this.#storedImages = database.collection('images', parseImageRecord);
    this.#storedReferences = database.collection('image_references', parseReferenceRecord);
    this.holds = new LayerHolds(database.collection('layer_holds', parseHold));
    this.#layerSize = layerSize;
    this.#images = new Map(this.#storedImages.entries());
    for (const [canonical, record] of this.#storedReferences.entries()) this.#refer(canonical, record);
  }

  /** IDs, in no order. */
  ids(): string[] {
    return [...this.#images.keys()];
  }

  record(id: string): ImageRecord | undefined {
    return this.#images.get(id);
  }

  records(): ImageRecord[] {
    return [...this.#images.values()];
  }

  /** Was another image that is here made from this one on this host? */
  hasChildren(id: string): boolean {
    return this.records().some(({ parent }) => parent === id);
  }

  /** The images that an image was made from, nearest first, as far as they are here. */
  ancestors(id: string): Image[] {
    const found = new Map<string, Image>();
    for (let next = this.#images.get(id)?.parent; next !== undefined && !found.has(next); ) {
      const record = this.#images.get(next);
      if (record === undefined) break;
      found.set(next, this.view(next, record));
      next = record.parent;
    }
    return [...found.values()];
  }

  /** The image that a canonical reference names. */
  referenced(canonical: string): string | undefined {
    return this.#references.get(canonical)?.imageId;
  }

  /** References to an image, ordered by their canonical form. */
  referencesTo(id: string): Reference[] {
    return [...(this.#names.get(id) ?? [])].toSorted().map(parseReference);
  }

  /** Stores an image and lets references name it: all or nothing, durable on return. */
  put(id: string, given: ImageRecord, references: readonly string[]): void {
    const reference = { imageId: id, taggedAt: Date.now() };
    // An image that was made here, and then came from elsewhere too, keeps its parent.
    const parent = given.parent ?? this.#images.get(id)?.parent;
    const record = parent === undefined ? given : { ...given, parent };
    this.#database.transaction(() => {
      this.#storedImages.put(id, record);
      for (const canonical of references) this.#storedReferences.put(canonical, reference);
    });
    this.#images.set(id, record);
    for (const canonical of references) this.#refer(canonical, reference);
  }

  setReference(canonical: string, imageId: string): void {
    const record = { imageId, taggedAt: Date.now() };
    this.#storedReferences.put(canonical, record);
    this.#refer(canonical, record);
  }

  /** Forgets references, and an image where its ID is given. */
  remove(references: readonly string[], imageId?: string): void {
    this.#database.transaction(() => {
      for (const canonical of references) this.#storedReferences.delete(canonical);
      if (imageId !== undefined) this.#storedImages.delete(imageId);
    });
    for (const canonical of references) this.#unrefer(canonical);
    if (imageId !== undefined) this.#images.delete(imageId);
  }

  /** The blob that a layer of this diff ID came in, from any image or build. */
  blobOf(diffId: string): BlobRecord | undefined {
    for (const { layers } of this.#images.values()) {
      const layer = layers.find((candidate) => candidate.diffId === diffId);
      if (layer !== undefined) return layer.blob;
    }
    return this.holds.ofDiffId(diffId)?.blob;
  }

  /** Digests of all blobs and chain IDs of all layers that some image, or a build's cache, is made of. */
  needed(): Set<string> {
    const needed = this.neededBlobs();
    for (const { layers } of this.#images.values()) for (const { chainId } of layers) needed.add(chainId);
    for (const { chainId } of this.holds.layers()) needed.add(chainId);
    return needed;
  }

  /** Digests of all blobs that some image, or a build's cache, is made of. */
  neededBlobs(): Set<string> {
    const needed = new Set<string>(this.#images.keys());
    for (const { layers, manifestDigests } of this.#images.values()) {
      for (const digest of manifestDigests) needed.add(digest);
      for (const { blob } of layers) needed.add(blob.digest);
    }
    for (const { blob } of this.holds.layers()) needed.add(blob.digest);
    return needed;
  }

  /** An image as the engine sees it. */
  view(id: string, record: ImageRecord): Image {
    const references = this.referencesTo(id);
    const chainIds = chainIdsOf(record.config.rootfs.diff_ids);
    const manifestDigest = record.manifestDigests[0];
    return {
      id,
      ...(record.parent === undefined ? {} : { parentId: record.parent }),
      config: record.config,
      chainIds,
      size: chainIds.reduce((sum, chainId) => sum + this.#layerSize(chainId), 0),
      repoTags: references.filter(({ digest }) => digest === undefined).map(familiarReference),
      repoDigests: references.filter(({ digest }) => digest !== undefined).map(familiarReference),
      ...(manifestDigest === undefined ? {} : { manifestDigest }),
      lastTaggedAt: this.#lastTaggedAt(id),
    };
  }

  #lastTaggedAt(id: string): number {
    const times = [...(this.#names.get(id) ?? [])].map(
      (canonical) => this.#references.get(canonical)?.taggedAt ?? 0,
    );
    return Math.max(0, ...times);
  }

  #refer(canonical: string, record: ReferenceRecord): void {
    this.#unrefer(canonical);
    this.#references.set(canonical, record);
    const names = this.#names.get(record.imageId) ?? new Set();
    this.#names.set(record.imageId, names.add(canonical));
  }

  #unrefer(canonical: string): void {
    const imageId = this.#references.get(canonical)?.imageId;
    this.#references.delete(canonical);
    if (imageId !== undefined) this.#names.get(imageId)?.delete(canonical);
  }
}
