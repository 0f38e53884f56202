/** Images out of builds: a step's directory that becomes a layer, and an image of layers that are here. */
import { chainIdsOf } from '../oci/digest.ts';
import type { ImageConfig } from '../oci/image-config.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { checkImageConfig } from '../oci/parse-image-config.ts';
import { canonicalReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { PackedLayer } from '../snapshots/archive/pack-messages.ts';
import type { LayerDraft } from '../snapshots/layer-drafts.ts';
import type { ImageParts } from './image-parts.ts';
import type { LayerOfImage } from './image-records.ts';
import type { Lease } from './leases.ts';
import { noSuchImage } from './resolve-image.ts';

export interface ImagePut {
  config: ImageConfig;
  /** Base layer first; all of them here, and held by somebody until this returns. */
  layers: readonly LayerOfImage[];
  /** As the user wrote them. */
  names: readonly string[];
  parent?: string;
}

/** What builds do with the image store. Holds last; leases are of one build, and end with it or the process. */
export class BuiltLayers {
  readonly #parts: ImageParts;

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  lease(): Lease {
    return this.#parts.collector.lease();
  }

  /** Ends it, and deletes what of it nothing needs. */
  async release(lease: Lease): Promise<void> {
    await this.#parts.collector.releaseAndCollect(lease);
  }

  /** Base layer first. EngineError `not-found`. */
  ofImage(id: string): readonly LayerOfImage[] {
    const record = this.#parts.table.record(id);
    if (record === undefined) throw noSuchImage(id);
    return record.layers;
  }

  /** The layers that a holder keeps, where all of them are here. */
  held(key: string): readonly LayerOfImage[] | undefined {
    const { table, snapshots } = this.#parts;
    const layers = table.holds.get(key);
    return layers?.every(({ chainId }) => snapshots.hasLayer(chainId)) === true ? layers : undefined;
  }

  hold(key: string, layers: readonly LayerOfImage[]): void {
    this.#parts.table.holds.put(key, layers);
  }

  /** Lets go, and deletes what nothing else needs. */
  async unhold(keys: readonly string[]): Promise<void> {
    const { table, collector } = this.#parts;
    const lease = collector.lease();
    for (const key of keys) {
      for (const { chainId, blob } of table.holds.get(key) ?? []) lease.add(chainId, blob.digest);
      table.holds.delete(key);
    }
    await collector.releaseAndCollect(lease);
  }

  /** A packed draft on top of `below`: its tar becomes a blob, its directory a layer, by renames. `lease` holds both. */
  async adopt(
    lease: Lease,
    draft: LayerDraft,
    packed: PackedLayer,
    below: readonly LayerOfImage[],
  ): Promise<LayerOfImage> {
    const { blobs, snapshots, table } = this.#parts;
    const { diffId, tarSize } = packed;
    const chainId = chainIdsOf([...below.map((layer) => layer.diffId), diffId]).at(-1) ?? diffId;
    const known = table.blobOf(diffId);
    lease.add(diffId, chainId, ...(known === undefined ? [] : [known.digest]));
    const isHere = known !== undefined && blobs.has(known.digest);
    if (!isHere && (await blobs.adopt(snapshots.drafts.tarOf(draft), diffId))) await blobs.syncNames();
    await snapshots.adoptLayer(chainId, draft, packed);
    const own = { digest: diffId, mediaType: mediaTypes.ociLayer, size: tarSize };
    return { diffId, chainId, blob: isHere ? known : own };
  }

  /** Stores an image, under names where there are any. Returns its ID. EngineError `invalid-argument` for a bad config or name. */
  async put({ config, layers, names, parent }: ImagePut): Promise<string> {
    const { blobs, collector, table } = this.#parts;
    const references = names.map((name) => canonicalReference(withDefaultTag(parseReference(name))));
    const lease = collector.lease();
    try {
      const id = await blobs.put(Buffer.from(JSON.stringify(checkImageConfig(config))), {
        beforePublish: (digest) => lease.add(digest),
      });
      const own = { config, layers: [...layers], manifestDigests: [] };
      table.put(id, table.record(id) ?? (parent === undefined ? own : { ...own, parent }), references);
      return id;
    } finally {
      collector.release(lease);
    }
  }
}
