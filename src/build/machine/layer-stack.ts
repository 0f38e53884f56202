/** The file system of a stage: layers that are kept, and above them those that steps have just made, which become layers while the next step runs. */
import type { BuildLease, ImageBuilds } from '../../images/image-builds.ts';
import type { LayerOfImage } from '../../images/image-records.ts';
import type { LayerDraft } from '../../snapshots/layer-drafts.ts';
import type { Snapshotter } from '../../snapshots/snapshotter.ts';

/** What a stack's layers are made with. */
export interface LayerWorkshop {
  snapshots: Snapshotter;
  builds: ImageBuilds;
  /** Holds what the build has until it ends. */
  lease: BuildLease;
}

/** One layer: a draft at first, or kept from the beginning. */
class StackLayer {
  readonly kept: Promise<LayerOfImage>;
  #layer: LayerOfImage | undefined;
  readonly #draft: LayerDraft | undefined;
  /** Those who use the draft's path just now. */
  #users = 0;
  #onUnused: (() => void) | undefined;
  /** Is the draft's path about to be another one? */
  isMoving = false;

  constructor(
    from: LayerOfImage | { draft: LayerDraft; keep: (unused: () => Promise<void>) => Promise<LayerOfImage> },
  ) {
    if ('diffId' in from) {
      this.#layer = from;
      this.kept = Promise.resolve(from);
      return;
    }
    this.#draft = from.draft;
    this.kept = from
      .keep(() => this.#unused())
      .then((layer) => {
        this.#layer = layer;
        this.isMoving = false;
        return layer;
      });
    // Whoever ends the build hears of it.
    this.kept.catch(() => undefined);
  }

  get layer(): LayerOfImage | undefined {
    return this.#layer;
  }

  directory(snapshots: Snapshotter): string {
    const trees = this.#layer === undefined ? [] : snapshots.trees([this.#layer.chainId]);
    return trees[0] ?? this.#draft?.upper ?? '';
  }

  /** The path stays until `free` is called. */
  use(): () => void {
    this.#users += 1;
    let isFree = false;
    return () => {
      if (isFree) return;
      isFree = true;
      this.#users -= 1;
      if (this.#users === 0) this.#onUnused?.();
    };
  }

  async #unused(): Promise<void> {
    while (this.#users > 0)
      await new Promise<void>((resolve) => {
        this.#onUnused = resolve;
      });
    this.isMoving = true;
  }
}

/** Never changed: a step makes a higher one. */
export class LayerStack {
  readonly #workshop: LayerWorkshop;
  /** Base layer first. */
  readonly #layers: readonly StackLayer[];

  private constructor(workshop: LayerWorkshop, layers: readonly StackLayer[]) {
    this.#workshop = workshop;
    this.#layers = layers;
  }

  /** Of layers that are here and that somebody else holds, too. */
  static of(workshop: LayerWorkshop, layers: readonly LayerOfImage[]): LayerStack {
    for (const { chainId, blob } of layers) workshop.lease.add(chainId, blob.digest);
    return new LayerStack(
      workshop,
      layers.map((layer) => new StackLayer(layer)),
    );
  }

  get height(): number {
    return this.#layers.length;
  }

  /** The layers, where all of them are kept already. */
  get keptNow(): readonly LayerOfImage[] | undefined {
    const layers = this.#layers.flatMap(({ layer }) => layer ?? []);
    return layers.length === this.#layers.length ? layers : undefined;
  }

  /** All layers, base layer first, once they are kept. Rejects where one can't be. */
  async kept(): Promise<LayerOfImage[]> {
    return await Promise.all(this.#layers.map(({ kept }) => kept));
  }

  /** Paths of the layers, top layer first, which stay as they are until `free` is called. */
  async use(): Promise<{ trees: string[]; free: () => void }> {
    const { snapshots } = this.#workshop;
    for (let moving = this.#moving; moving !== undefined; moving = this.#moving) await moving.kept;
    const frees = this.#layers.map((layer) => layer.use());
    const trees = this.#layers.map((layer) => layer.directory(snapshots)).toReversed();
    return { trees, free: () => frees.forEach((free) => void free()) };
  }

  get #moving(): StackLayer | undefined {
    return this.#layers.find(({ isMoving }) => isMoving);
  }

  /** The stack with `draft`, in which nobody writes any more, on top. It becomes a layer in the background; `onKept` hears of it. */
  withDraft(draft: LayerDraft, onKept: (layers: readonly LayerOfImage[]) => void): LayerStack {
    const { snapshots, builds, lease } = this.#workshop;
    const keep = async (unused: () => Promise<void>): Promise<LayerOfImage> => {
      try {
        const below = await this.kept();
        const packed = await snapshots.drafts.pack(
          draft,
          snapshots.trees(below.map(({ chainId }) => chainId)),
        );
        const layer = await builds.adopt(lease, draft, packed, below, unused);
        onKept([...below, layer]);
        return layer;
      } catch (error) {
        await snapshots.drafts.drop(draft);
        throw error;
      }
    };
    return new LayerStack(this.#workshop, [...this.#layers, new StackLayer({ draft, keep })]);
  }
}
