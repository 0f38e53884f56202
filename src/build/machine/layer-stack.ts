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

/** What somebody has of a layer: its path, and its files. Each call counts once. */
interface Use {
  /** The path may be another one. */
  free: () => void;
  /** The files may go, too. */
  done: () => void;
}

/** Counts, and says when there is none any more. */
class Users {
  #count = 0;
  #onNone: (() => void) | undefined;

  /** Returns what ends it. */
  add(): () => void {
    this.#count += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#count -= 1;
      if (this.#count === 0) this.#onNone?.();
    };
  }

  async none(): Promise<void> {
    while (this.#count > 0)
      await new Promise<void>((resolve) => {
        this.#onNone = resolve;
      });
  }
}

/** One layer: a draft at first, or kept from the beginning. */
class StackLayer {
  readonly kept: Promise<LayerOfImage>;
  #layer: LayerOfImage | undefined;
  readonly #draft: LayerDraft | undefined;
  /** Of the draft's path, and of its files: a file system that is mounted does not need the path. */
  readonly #ofPath = new Users();
  readonly #ofFiles = new Users();
  /** Is the draft's path about to be another one? */
  isMoving = false;

  constructor(
    from: LayerOfImage | { draft: LayerDraft; keep: (users: DraftUsers) => Promise<LayerOfImage> },
  ) {
    if ('diffId' in from) {
      this.#layer = from;
      this.kept = Promise.resolve(from);
      return;
    }
    this.#draft = from.draft;
    this.kept = from
      .keep({ ofPath: () => this.#unused(), ofFiles: () => this.#ofFiles.none() })
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

  use(): Use {
    const free = this.#ofPath.add();
    const unread = this.#ofFiles.add();
    return {
      free,
      done: () => {
        free();
        unread();
      },
    };
  }

  async #unused(): Promise<void> {
    await this.#ofPath.none();
    this.isMoving = true;
  }
}

/** Each resolves when nobody uses that of the draft any more. */
interface DraftUsers {
  ofPath: () => Promise<void>;
  ofFiles: () => Promise<void>;
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

  /** Paths of the layers, top layer first, which stay as they are until `free` is called; the files do until `done` is. */
  async use(): Promise<{ trees: string[] } & Use> {
    const { snapshots } = this.#workshop;
    for (let moving = this.#moving; moving !== undefined; moving = this.#moving) await moving.kept;
    const uses = this.#layers.map((layer) => layer.use());
    const trees = this.#layers.map((layer) => layer.directory(snapshots)).toReversed();
    return {
      trees,
      free: () => uses.forEach(({ free }) => void free()),
      done: () => uses.forEach(({ done }) => void done()),
    };
  }

  get #moving(): StackLayer | undefined {
    return this.#layers.find(({ isMoving }) => isMoving);
  }

  /** The stack with `draft`, in which nobody writes any more, on top. It becomes a layer in the background; `onKept` hears of it. */
  withDraft(draft: LayerDraft, onKept: (layers: readonly LayerOfImage[]) => void): LayerStack {
    const { snapshots, builds, lease } = this.#workshop;
    const keep = async (users: DraftUsers): Promise<LayerOfImage> => {
      try {
        const below = await this.kept();
        const packed = await snapshots.drafts.pack(
          draft,
          snapshots.trees(below.map(({ chainId }) => chainId)),
        );
        const { layer, isAdopted } = await builds.adopt(lease, draft, packed, below, users.ofPath);
        if (!isAdopted) {
          // The next step may run on the draft's own files.
          await users.ofFiles();
          await snapshots.drafts.drop(draft);
        }
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
