/** Walks what a container changed: its own directory, compared with the layers below. */
import type { BigIntStats } from 'node:fs';
import { joinPath } from '../layer-tree.ts';
import type { ArchiveJob, MountPoint } from './archive-messages.ts';
import { isWhiteout, type MergedName, mergeLayers, type ReadOpaque } from './merged-names.ts';
import { MountPoints } from './mount-points.ts';
import { type ListedName, TreeDirectory } from './tree-directory.ts';
import { maxDepth, tooDeep } from './walk-merged.ts';

export interface WalkedChange {
  path: string;
  kind: 'modified' | 'added' | 'deleted';
  /** Whoever takes the change releases it. */
  directory: TreeDirectory;
  name: string;
  /** A directory that is only there for what is in it. */
  isUntouched: boolean;
  /** A directory that hides what the layers below have in it. */
  isOpaque: boolean;
}

interface Frame {
  path: string;
  upper: TreeDirectory;
  below: Map<string, MergedName>;
  opaque: ReadonlySet<string>;
  /** Still to be walked, last one first. */
  names: ListedName[];
}

/** The mode, owner and time that a change of a directory would show in. Its size depends on the file system's mood. */
function sameDirectory(one: BigIntStats, other: BigIntStats | undefined, withTime: boolean): boolean {
  if (other === undefined) return false;
  const isSame = one.mode === other.mode && one.uid === other.uid && one.gid === other.gid;
  return isSame && (!withTime || one.mtimeNs === other.mtimeNs);
}

class ChangesWalk {
  readonly #readOpaque: ReadOpaque;
  readonly #mountPoints: MountPoints;

  constructor(mountPoints: readonly MountPoint[], readOpaque: ReadOpaque) {
    this.#readOpaque = readOpaque;
    this.#mountPoints = new MountPoints(mountPoints);
  }

  async openFrame(path: string, upper: TreeDirectory, lower: readonly TreeDirectory[]): Promise<Frame> {
    const below = mergeLayers(lower);
    const names = upper
      .list()
      .filter((one) => below.has(one.name) || !this.#mountPoints.isBare(path, upper, one));
    const shared = names.filter(({ name, kind }) => kind === 'directory' && below.get(name)?.isDirectory);
    const opaque = await this.#readOpaque(
      upper,
      shared.map(({ name }) => name),
    );
    return { path, upper, below, opaque, names: names.reverse() };
  }

  /** A directory of the layers below that only came up for the mount points in it. */
  isForMountPoints(path: string, stats: BigIntStats, child: TreeDirectory, below: MergedName): boolean {
    if (this.#mountPoints.within(path).length === 0) return false;
    const [holder] = below.holders;
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (!below.isDirectory || !sameDirectory(stats, holder?.stat(name), false)) return false;
    const content = child.list();
    return content.length > 0 && content.every((one) => this.#mountPoints.isBare(path, child, one));
  }
}

/** Changes in the order of a depth-first walk, parents first; the root itself is none, as in Docker. */
export async function* walkChanges(job: ArchiveJob, readOpaque: ReadOpaque): AsyncGenerator<WalkedChange> {
  const walk = new ChangesWalk(job.mountPoints, readOpaque);
  const lower = job.lower.map((tree) => TreeDirectory.open(tree, false));
  const stack = [await walk.openFrame('', TreeDirectory.open(job.upper, true), lower)];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const next = frame.names.pop();
    if (next === undefined) {
      frame.upper.release();
      stack.pop();
      continue;
    }
    const { change, child, lowerParts } = changeOf(walk, frame, next);
    if (change !== undefined) yield change;
    if (child === undefined) continue;
    if (stack.length >= maxDepth) throw tooDeep();
    stack.push(await walk.openFrame(joinPath(frame.path, next.name), child, lowerParts));
  }
}

interface FoundChange {
  change?: WalkedChange;
  /** Where it is a directory to be walked. */
  child?: TreeDirectory;
  lowerParts: TreeDirectory[];
}

function changeOf(walk: ChangesWalk, frame: Frame, { name, kind }: ListedName): FoundChange {
  const { upper } = frame;
  const path = joinPath(frame.path, name);
  const below = frame.below.get(name);
  const base = { path, name, isUntouched: false, isOpaque: false };
  const found = below === undefined ? ('added' as const) : ('modified' as const);
  if (kind === 'character' && isWhiteout(upper, name)) {
    if (below === undefined) return { lowerParts: [] };
    return { change: { ...base, kind: 'deleted', directory: upper.retain() }, lowerParts: [] };
  }
  if (kind !== 'directory')
    return { change: { ...base, kind: found, directory: upper.retain() }, lowerParts: [] };
  const child = upper.child(name);
  const stats = child?.self();
  if (child === undefined || stats === undefined) return { lowerParts: [] };
  if (below !== undefined && walk.isForMountPoints(path, stats, child, below)) {
    child.release();
    return { lowerParts: [] };
  }
  const isOpaque = frame.opaque.has(name);
  const isUntouched =
    below?.isDirectory === true && !isOpaque && sameDirectory(stats, below.holders[0]?.stat(name), true);
  const lowerParts =
    below?.isDirectory === true && !isOpaque ? below.holders.flatMap((one) => one.child(name) ?? []) : [];
  return {
    change: { ...base, kind: found, directory: upper.retain(), isUntouched, isOpaque },
    child,
    lowerParts,
  };
}
