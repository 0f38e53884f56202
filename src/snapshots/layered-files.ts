/** Reads files out of a stack of layers as the mounted overlay would show them, before anything is mounted. */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { join } from 'node:path';
import { EngineError, errnoOf } from '../errors/engine-error.ts';
import { opaqueDirectoriesOf } from './layer-record.ts';

/** The kernel's own bound (path_resolution(7)). */
const maxHops = 40;
/** A file that is read as a whole is bounded: an image must not fill the daemon's memory. */
const maxFileSize = 16 * 1024 * 1024;

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
  for (let hops = 0; pending.length > 0; ) {
    const name = pending.pop() ?? '';
    if (name === '..') {
      if (trail.length > 1) trail.pop();
      continue;
    }
    const at = trail.at(-1);
    const next = at?.stats.isDirectory() === true ? childOf(at, name) : undefined;
    if (next === undefined) return undefined;
    if (!next.stats.isSymbolicLink() || (pending.length === 0 && !followLast)) {
      trail.push(next);
      continue;
    }
    hops += 1;
    if (hops > maxHops) return undefined;
    const target = readlinkSync(next.hostPath);
    if (target.startsWith('/')) trail.length = 1;
    pending.push(...components(target).toReversed());
  }
  return trail.at(-1);
}

/** Is there anything at `path`? */
export function existsLayered(trees: readonly string[], path: string): boolean {
  return findLayered(trees, path) !== undefined;
}

/**
 * The content of the regular file at `path` in the merged view of `trees` (top first), or undefined where there is none.
 * EngineError `resource-exhausted` where it has more than 16 MiB.
 */
export function readLayeredFile(trees: readonly string[], path: string): Buffer | undefined {
  const entry = findLayered(trees, path);
  if (entry === undefined || !entry.stats.isFile()) return undefined;
  const descriptor = openSync(
    entry.hostPath,
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  );
  try {
    const { size } = fstatSync(descriptor);
    if (size > maxFileSize)
      throw new EngineError('resource-exhausted', `${path} has ${size} bytes: too many to be read at once`);
    const data = Buffer.alloc(size);
    let length = 0;
    for (let read = -1; read !== 0 && length < size; length += read)
      read = readSync(descriptor, data, length, size - length, length);
    return data.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
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
