/** Walks a container's whole file system as the container sees it, without mounting it. */
import { EngineError } from '../../errors/engine-error.ts';
import { baseOf, joinPath } from '../layer-tree.ts';
import type { ArchiveJob, MountPoint } from './archive-messages.ts';
import { type MergedName, mergeLayers, mergeUpper, type ReadOpaque } from './merged-names.ts';
import { MountPoints } from './mount-points.ts';
import { TreeDirectory } from './tree-directory.ts';

/** A member of an archive to be. Whoever takes it releases `directory`. */
export type WalkedMember =
  /** What stands as `name` in `directory`. */
  | { kind: 'node'; path: string; directory: TreeDirectory; name: string }
  | { kind: 'mount-point'; mountPoint: MountPoint }
  | { kind: 'whiteout' | 'opaque'; path: string };

/** Directories are held open on the way down; no file system that people use is as deep. */
export const maxDepth = 500;

export function tooDeep(): EngineError {
  return new EngineError('resource-exhausted', `directories are nested more than ${maxDepth} deep`, {
    hint: 'remove the deepest directories in the container',
  });
}

interface Frame {
  path: string;
  upper: TreeDirectory | undefined;
  lower: TreeDirectory[];
  /** Names still to be walked, last one first. */
  names: Array<readonly [string, MergedName | MountPoint]>;
}

/** Members in the order of a depth-first walk, parents first. The root itself is none, as in Docker's exports. */
export async function* walkMerged(job: ArchiveJob, readOpaque: ReadOpaque): AsyncGenerator<WalkedMember> {
  const mountPoints = new MountPoints(job.mountPoints);
  const openFrame = (
    path: string,
    upper: TreeDirectory | undefined,
    lower: TreeDirectory[],
  ): Promise<Frame> => listFrame({ path, upper, lower }, mountPoints, readOpaque);
  const lower = job.lower.map((tree) => TreeDirectory.open(tree, false));
  const upper = job.upper === '' ? undefined : TreeDirectory.open(job.upper, true);
  const stack = [await openFrame('', upper, lower)];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const next = frame.names.pop();
    if (next === undefined) {
      frame.upper?.release();
      stack.pop();
      continue;
    }
    const [name, what] = next;
    const path = joinPath(frame.path, name);
    if ('kind' in what) {
      yield { kind: 'mount-point', mountPoint: what };
      if (what.kind === 'directory') stack.push(await openFrame(path, undefined, []));
      continue;
    }
    const top = what.holders[0];
    if (top === undefined) continue;
    yield { kind: 'node', path, directory: top.retain(), name };
    if (!what.isDirectory) continue;
    if (stack.length >= maxDepth) throw tooDeep();
    const parts = what.holders.flatMap((holder) => holder.child(name) ?? []);
    const own = parts[0]?.isMutable === true ? parts.shift() : undefined;
    stack.push(await openFrame(path, own, parts));
  }
}

async function listFrame(
  place: Omit<Frame, 'names'>,
  mountPoints: MountPoints,
  readOpaque: ReadOpaque,
): Promise<Frame> {
  const { path, upper, lower } = place;
  const merged = mergeLayers(lower);
  const own =
    upper === undefined ? [] : mountPoints.within(path).filter((one) => !merged.has(baseOf(one.path)));
  if (upper !== undefined) await mergeUpper(merged, upper, readOpaque);
  const names = new Map<string, MergedName | MountPoint>();
  for (const one of mountPoints.within(path)) names.set(baseOf(one.path), one);
  for (const [name, what] of merged) {
    // What the runtime made has modes of the runtime's own.
    const made = own.some((one) => baseOf(one.path) === name);
    const kind = what.isDirectory ? 'directory' : 'other';
    if (!made || upper === undefined || !mountPoints.isBare(path, upper, { name, kind }))
      names.set(name, what);
  }
  return { ...place, names: [...names].sort(([one], [other]) => (one < other ? 1 : -1)) };
}
