/** Opens file trees for the threads that work on them: layers are mounted, in a namespace of their own that ends with this process. */
import { mkdir, mkdtemp, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Launcher } from '../../host/launcher-types.ts';
import { removeTree } from '../../snapshots/remove-tree.ts';
import type { ContextTree } from '../build-types.ts';
import type { CopyTarget, FileTree } from './files-types.ts';

export type TreeLauncher = Pick<Launcher, 'openView' | 'run'>;

/** `root` is to be followed once: it may lead through /proc. */
export type OpenTree = ContextTree;

export class OpenTrees {
  readonly #launcher: TreeLauncher;
  readonly #scratch: string;

  /** `scratch` is a directory on a file system that an overlay can be on. */
  constructor(launcher: TreeLauncher, scratch: string) {
    this.#launcher = launcher;
    this.#scratch = scratch;
  }

  /** A new directory, which `release` removes with all that is in it. */
  async temporary(prefix: string): Promise<OpenTree> {
    await mkdir(this.#scratch, { recursive: true, mode: 0o700 });
    const root = await mkdtemp(join(this.#scratch, `${prefix}-`));
    return { root, release: () => removeTree(this.#launcher, root) };
  }

  async read(tree: FileTree): Promise<OpenTree> {
    if (tree.kind === 'directory') return { root: tree.root, release: async () => undefined };
    const [first, ...more] = tree.trees;
    if (first === undefined) return await this.temporary('empty');
    // One layer shows as what it is.
    if (more.length === 0) return { root: first, release: async () => undefined };
    const holder = await this.temporary('read');
    const [upper, work] = [join(holder.root, 'upper'), join(holder.root, 'work')];
    await Promise.all([mkdir(upper), mkdir(work)]);
    return await this.#mount(holder, { upper, work, lower: tree.trees }, true);
  }

  /** With nothing below it, it is written to as it is. */
  async write(target: CopyTarget): Promise<OpenTree> {
    if (target.lower.length === 0) return { root: target.upper, release: async () => undefined };
    return await this.#mount(await this.temporary('write'), target, false);
  }

  /** What a crash left. For the start. */
  async sweep(): Promise<void> {
    await removeTree(this.#launcher, this.#scratch);
  }

  async #mount(holder: OpenTree, { upper, work, lower }: CopyTarget, readOnly: boolean): Promise<OpenTree> {
    const target = join(holder.root, 'root');
    try {
      await mkdir(target);
      const pid = await this.#launcher.openView({ lower, upper, work, target, readOnly, mounts: [] });
      // Whoever holds the mount ends when this is closed, also by this daemon's end.
      const end = await open(`/proc/${pid}/fd/4`, 'w');
      await end.write('.');
      const release = async (): Promise<void> => {
        await end.close();
        await holder.release();
      };
      return { root: `/proc/${pid}/fd/3`, release };
    } catch (error) {
      await holder.release();
      throw error;
    }
  }
}
