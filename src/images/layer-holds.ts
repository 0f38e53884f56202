/** Layers that are kept though no image has them: what a build has made, for as long as its cache says so. */
import { EngineError } from '../errors/engine-error.ts';
import type { Collection } from '../util/collection.ts';
import type { LayerOfImage } from './image-records.ts';

/** Written by this program: what matters is that it is whole. */
export function parseHold(value: unknown): LayerOfImage[] {
  if (Array.isArray(value)) return value as LayerOfImage[];
  throw new EngineError('data-loss', 'the database holds a damaged record of the build cache', {
    hint: 'remove the data root’s build cache: builder prune --all',
  });
}

interface Held {
  layer: LayerOfImage;
  holders: number;
}

/** By the holder's key: the layers of a whole file system, base layer first. In memory for reads. */
export class LayerHolds {
  readonly #stored: Collection<LayerOfImage[]>;
  readonly #holds: Map<string, readonly LayerOfImage[]>;
  readonly #byDiffId = new Map<string, Held>();

  constructor(stored: Collection<LayerOfImage[]>) {
    this.#stored = stored;
    this.#holds = new Map(stored.entries());
    for (const layers of this.#holds.values()) this.#count(layers);
  }

  get(key: string): readonly LayerOfImage[] | undefined {
    return this.#holds.get(key);
  }

  put(key: string, layers: readonly LayerOfImage[]): void {
    this.#stored.put(key, [...layers]);
    this.#forget(key);
    this.#holds.set(key, layers);
    this.#count(layers);
  }

  delete(key: string): void {
    this.#stored.delete(key);
    this.#forget(key);
  }

  ofDiffId(diffId: string): LayerOfImage | undefined {
    return this.#byDiffId.get(diffId)?.layer;
  }

  /** All layers, some of them several times. */
  *layers(): Generator<LayerOfImage> {
    for (const layers of this.#holds.values()) yield* layers;
  }

  #count(layers: readonly LayerOfImage[]): void {
    for (const layer of layers) {
      const held = this.#byDiffId.get(layer.diffId);
      if (held === undefined) this.#byDiffId.set(layer.diffId, { layer, holders: 1 });
      else held.holders += 1;
    }
  }

  #forget(key: string): void {
    for (const { diffId } of this.#holds.get(key) ?? []) {
      const held = this.#byDiffId.get(diffId);
      if (held === undefined) continue;
      held.holders -= 1;
      if (held.holders === 0) this.#byDiffId.delete(diffId);
    }
    this.#holds.delete(key);
  }
}
