/** The mount points of a job, looked up by place, and told from what a container put in their place. */
import { joinPath, parentOf } from '../layer-tree.ts';
import type { MountPoint } from './archive-messages.ts';
import type { ListedName, TreeDirectory } from './tree-directory.ts';

export class MountPoints {
  readonly #byPath: ReadonlyMap<string, MountPoint>;
  readonly #byParent = new Map<string, MountPoint[]>();

  constructor(mountPoints: readonly MountPoint[]) {
    this.#byPath = new Map(mountPoints.map((one) => [one.path, one]));
    for (const one of mountPoints) {
      const parent = parentOf(one.path);
      this.#byParent.set(parent, [...this.within(parent), one]);
    }
  }

  at(path: string): MountPoint | undefined {
    return this.#byPath.get(path);
  }

  /** Those directly in the directory `path`. */
  within(path: string): readonly MountPoint[] {
    return this.#byParent.get(path) ?? [];
  }

  /** Is what `directory`, at `path`, lists a mount point as the runtime makes it: empty, but for others in it? */
  isBare(path: string, directory: TreeDirectory, { name, kind }: ListedName): boolean {
    const inner = joinPath(path, name);
    const mountPoint = this.at(inner);
    if (mountPoint === undefined) return false;
    if (kind !== 'directory') return mountPoint.kind === 'file' && isEmptyFile(directory, name);
    const child = mountPoint.kind === 'directory' ? directory.child(name) : undefined;
    if (child === undefined) return false;
    try {
      return child.list().every((one) => this.isBare(inner, child, one));
    } finally {
      child.release();
    }
  }
}

function isEmptyFile(directory: TreeDirectory, name: string): boolean {
  const stats = directory.stat(name);
  return stats?.isFile() === true && stats.size === 0n;
}
