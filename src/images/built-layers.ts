/** Images out of builds: a step's directory that becomes a layer, and an image of layers that are here. */
import { chainIdsOf } from '../oci/digest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { checkImageConfig } from '../oci/parse-image-config.ts';
import { canonicalReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { PackedLayer } from '../snapshots/archive/pack-messages.ts';
import type { LayerDraft } from '../snapshots/layer-drafts.ts';
import type { BuildLease, ImageBuilds, ImagePut } from './image-builds.ts';
import type { ImageParts } from './image-parts.ts';
import type { LayerOfImage } from './image-records.ts';
import { noSuchImage } from './resolve-image.ts';

export class BuiltLayers implements ImageBuilds {
  readonly #parts: ImageParts;

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  lease(): BuildLease {
    return this.#parts.collector.lease();
  }

  async release(lease: BuildLease): Promise<void> {
    await this.#parts.collector.releaseAndCollect(lease);
  }

  ofImage(id: string): readonly LayerOfImage[] {
    const record = this.#parts.table.record(id);
    if (record === undefined) throw noSuchImage(id);
    return record.layers;
  }

  held(key: string): readonly LayerOfImage[] | undefined {
    const { table, snapshots } = this.#parts;
    const layers = table.holds.get(key);
    return layers?.every(({ chainId }) => snapshots.hasLayer(chainId)) === true ? layers : undefined;
  }

  hold(key: string, layers: readonly LayerOfImage[]): void {
    this.#parts.table.holds.put(key, layers);
  }

  async unhold(keys: readonly string[]): Promise<void> {
    const { table, collector } = this.#parts;
    const lease = collector.lease();
    for (const key of keys) {
      for (const { chainId, blob } of table.holds.get(key) ?? []) lease.add(chainId, blob.digest);
      table.holds.delete(key);
    }
    await collector.releaseAndCollect(lease);
  }

  usedByImages(): ReadonlySet<string> {
    return new Set(this.#parts.table.records().flatMap(({ layers }) => layers.map(({ chainId }) => chainId)));
  }

  async adopt(
    lease: BuildLease,
    draft: LayerDraft,
    packed: PackedLayer,
    below: readonly LayerOfImage[],
    beforeMove: () => Promise<void>,
  ): Promise<{ layer: LayerOfImage; isAdopted: boolean }> {
    const { blobs, snapshots, table } = this.#parts;
    const { diffId, tarSize } = packed;
    const chainId = chainIdsOf([...below.map((layer) => layer.diffId), diffId]).at(-1) ?? diffId;
    const known = table.blobOf(diffId);
    lease.add(diffId, chainId, ...(known === undefined ? [] : [known.digest]));
    const isHere = known !== undefined && blobs.has(known.digest);
    if (!isHere && (await blobs.adopt(snapshots.drafts.tarOf(draft), diffId))) await blobs.syncNames();
    await beforeMove();
    const isAdopted = await snapshots.adoptLayer(chainId, draft, packed);
    const own = { digest: diffId, mediaType: mediaTypes.ociLayer, size: tarSize };
    return { layer: { diffId, chainId, blob: isHere ? known : own }, isAdopted };
  }

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
