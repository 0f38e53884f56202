/** Layers in the making: directories that a build writes into, each of which becomes a layer as it is, by a rename. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors/engine-error.ts';
import type { Launcher } from '../host/launcher-types.ts';
import type { PackedLayer } from './archive/pack-messages.ts';
import { PackThreads } from './archive/pack-thread.ts';
import { removeTree } from './remove-tree.ts';

export interface LayerDraft {
  /** Holds the others; on the file system of the layers. */
  directory: string;
  /** What becomes the layer's tree. */
  upper: string;
  /** Of the overlay, while it is mounted. */
  work: string;
}

/**
 * The life of a draft: `begin`, whoever makes the layer writes into `upper` or mounts it, `pack` once nobody does any more, and
 * `Snapshotter.adoptLayer` or `drop`. What a crash left is there until `sweep`.
 */
export class LayerDrafts {
  readonly #root: string;
  readonly #launcher: Pick<Launcher, 'attributes' | 'run'>;
  readonly #threads: PackThreads;

  constructor(root: string, launcher: Pick<Launcher, 'attributes' | 'run'>) {
    this.#root = root;
    this.#launcher = launcher;
    this.#threads = new PackThreads(launcher);
  }

  begin(): LayerDraft {
    this.#threads.warm();
    const directory = join(this.#root, randomBytes(8).toString('hex'));
    const draft = { directory, upper: join(directory, 'diff'), work: join(directory, 'work') };
    mkdirSync(draft.upper, { recursive: true, mode: 0o755 });
    mkdirSync(draft.work, { mode: 0o755 });
    // Whatever the daemon's umask: it is what processes see as their root directory.
    chmodSync(draft.upper, 0o755);
    chmodSync(directory, 0o710);
    return draft;
  }

  /** Where `pack` puts the tar. */
  tarOf(draft: LayerDraft): string {
    return join(draft.directory, 'layer.tar');
  }

  /** Writes the draft's tar, beside it, in a thread of its own. `lower` are the trees below, top first, layers all of them. */
  async pack(draft: LayerDraft, lower: readonly string[]): Promise<PackedLayer> {
    return await this.#threads.pack({ upper: draft.upper, lower, file: this.tarOf(draft) });
  }

  /** Out of sight at once; deleted after that. Idempotent. */
  async drop(draft: LayerDraft): Promise<void> {
    const doomed = `${draft.directory}.removed`;
    try {
      await rename(draft.directory, doomed);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    await removeTree(this.#launcher, doomed);
  }

  /** Leaves of a draft only what a layer has. */
  async strip(draft: LayerDraft): Promise<void> {
    await rm(draft.work, { recursive: true, force: true });
    await rm(this.tarOf(draft), { force: true });
  }

  /** For the start, once nobody uses what an earlier process left. */
  async sweep(): Promise<void> {
    for (const name of readDrafts(this.#root)) await removeTree(this.#launcher, join(this.#root, name));
  }

  async close(): Promise<void> {
    await this.#threads.close();
  }
}

function readDrafts(root: string): string[] {
  try {
    return readdirSync(root);
  } catch {
    return [];
  }
}
