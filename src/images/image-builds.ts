/** What the image room offers to builds: layers out of directories, images out of layers, and what is kept for a next build. */
import type { ImageConfig } from '../oci/image-config.ts';
import type { PackedLayer } from '../snapshots/archive/pack-messages.ts';
import type { LayerDraft } from '../snapshots/layer-drafts.ts';
import type { LayerOfImage } from './image-records.ts';

/** Blob digests and chain IDs that are not collected meanwhile. */
export interface BuildLease {
  readonly held: Set<string>;
  add(...digests: string[]): void;
}

export interface ImagePut {
  config: ImageConfig;
  /** Base layer first; all of them here, and held by somebody until this returns. */
  layers: readonly LayerOfImage[];
  /** As the user wrote them. */
  names: readonly string[];
  parent?: string;
}

/** Holds last; leases are of one build, and end with it or the process. */
export interface ImageBuilds {
  lease(): BuildLease;
  /** Ends it, and deletes what of it nothing needs. */
  release(lease: BuildLease): Promise<void>;
  /** Layers of an image, base layer first. EngineError `not-found`. */
  ofImage(id: string): readonly LayerOfImage[];
  /** The layers that a holder keeps, where all of them are here. */
  held(key: string): readonly LayerOfImage[] | undefined;
  hold(key: string, layers: readonly LayerOfImage[]): void;
  /** Lets go, and deletes what nothing else needs. */
  unhold(keys: readonly string[]): Promise<void>;
  /** Chain IDs of the layers of all images. */
  usedByImages(): ReadonlySet<string>;
  /**
   * A packed draft on top of `below`: its tar becomes a blob, its directory a layer, by renames. `lease` holds both. `beforeMove` is waited for when
   * the directory is about to get another path. It gets none where the same layer is here already: then the draft is still the caller's.
   */
  adopt(
    lease: BuildLease,
    draft: LayerDraft,
    packed: PackedLayer,
    below: readonly LayerOfImage[],
    beforeMove: () => Promise<void>,
  ): Promise<{ layer: LayerOfImage; isAdopted: boolean }>;
  /** Stores an image, under names where there are any. Returns its ID. EngineError `invalid-argument` for a bad config or name. */
  put(image: ImagePut): Promise<string>;
}
