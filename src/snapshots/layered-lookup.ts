/** Finds files and directories in a stack of layers as the mounted overlay would show them, before anything is mounted. */
import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../errors/engine-error.ts';
import { opaqueDirectoriesOf } from './layer-record.ts';

/** The kernel's own bound (path_resolution(7)). */
const maxHops = 40;

/** One tree of a stack, and how far down a path leads in it. */
interface Place {
  /** The tree: a layer's `diff` directory, or a container's upper one. */
  tree: string;
  /** Relative to it; '' for the tree itself. */
  relative: string;
}

/** A file or directory of the merged view. */
export interface LayeredEntry {
  /** From the merged view's root, all links resolved: `/etc/passwd`. */
  path: string;
  /** Where it is on the host. A directory can be in several trees: the top one. */
  hostPath: string;
  stats: Stats;
  /** Trees that a directory's entries come from, top first; that of the file itself otherwise. */
  places: readonly Place[];
}

/** Never follows a link: each component is looked at by itself. */
function statAt({ tree, relative }: Place): Stats | undefined {
  try {
    return lstatSync(join(tree, relative), { throwIfNoEntry: false });
  } catch (error) {
    // A parent that is no directory in this tree.
    if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}

/** Character device 0:0 (kernel: filesystems/overlayfs.rst). */
function isWhiteout(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === 0;
}

function isOpaque({ tree, relative }: Place): boolean {
  return opaqueDirectoriesOf(tree).has(Buffer.from(relative).toString('latin1'));
}

function entryOf(places: readonly Place[], stats: Stats): LayeredEntry | undefined {
  const top = places[0];
  if (top === undefined) return undefined;
  return { path: `/${top.relative}`, hostPath: join(top.tree, top.relative), stats, places };
}

/** The child `name` of a merged directory. */
function childOf(parent: LayeredEntry, name: string): LayeredEntry | undefined {
  const found: Place[] = [];
  let topStats: Stats | undefined;
  for (const { tree, relative } of parent.places) {
    const place = { tree, relative: join(relative, name) };
    const stats = statAt(place);
    if (stats === undefined) continue;
    if (isWhiteout(stats)) break;
    if (!stats.isDirectory())
      return topStats === undefined ? entryOf([place], stats) : entryOf(found, topStats);
    topStats ??= stats;
    found.push(place);
    if (isOpaque(place)) break;
  }
  return topStats === undefined ? undefined : entryOf(found, topStats);
}

function rootOf(trees: readonly string[]): LayeredEntry | undefined {
  const places: Place[] = [];
  for (const tree of trees) {
    const place = { tree, relative: '' };
    if (statAt(place)?.isDirectory() !== true) continue;
    places.push(place);
    if (isOpaque(place)) break;
  }
  const top = places[0];
  return top === undefined ? undefined : entryOf(places, lstatSync(top.tree));
}

function components(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

/**
 * Finds `path` in the merged view of `trees` (top first, the upper directory of a container may be the first one). Symbolic links are
 * followed with the view as the root, the last component's only if `followLast` (default true). Undefined where there is nothing.
 * An upper directory's own opaque marks are not seen: Node.js reads no extended attributes.
 */
export function findLayered(
  trees: readonly string[],
  path: string,
  followLast = true,
): LayeredEntry | undefined {
  const root = rootOf(trees);
  if (root === undefined || path.includes('\0')) return undefined;
  const trail: LayeredEntry[] = [root];
  const pending = components(path).toReversed();
  for (let hops = 0; hops <= maxHops; ) {
    const name = pending.pop();
    if (name === undefined) return trail.at(-1);
    const next = step(trail, name);
    if (next === undefined) return undefined;
    if (next === 'done') continue;
    const isLast = pending.length === 0;
    if (!next.stats.isSymbolicLink() || (isLast && !followLast)) {
      trail.push(next);
      continue;
    }
    hops += 1;
    const target = readlinkSync(next.hostPath);
    if (target.startsWith('/')) trail.length = 1;
    pending.push(...components(target).toReversed());
  }
  return undefined;
}

/** One component further down `trail`; `..` is done at once, and stops at the root. */
function step(trail: LayeredEntry[], name: string): LayeredEntry | 'done' | undefined {
  const at = trail.at(-1);
  if (name === '..') {
    if (trail.length > 1) trail.pop();
    return 'done';
  }
  return at?.stats.isDirectory() === true ? childOf(at, name) : undefined;
}

/** The children of a merged directory, ordered by name. */
export function listLayered(directory: LayeredEntry): Array<{ name: string; entry: LayeredEntry }> {
  const names = new Set<string>();
  for (const { tree, relative } of directory.places) {
    for (const name of readdirSync(join(tree, relative))) names.add(name);
  }
  return [...names].toSorted().flatMap((name) => {
    const entry = childOf(directory, name);
    return entry === undefined ? [] : [{ name, entry }];
  });
}
