/** Which names a stack of directories shows as one, by the overlay's rules (kernel: filesystems/overlayfs.rst, "whiteouts and opaque directories"). */
import { opaqueDirectoriesOf } from '../layer-record.ts';
import { joinPath } from '../layer-tree.ts';
import type { ListedName, TreeDirectory } from './tree-directory.ts';

/** What is seen under one name. */
export interface MergedName {
  isDirectory: boolean;
  /** The directories that have it, top first: one for a file, all whose directories of that name show as one otherwise. */
  holders: TreeDirectory[];
}

/** Tells which of the directories `names` in `directory` hide all that is below them. */
export type ReadOpaque = (directory: TreeDirectory, names: readonly string[]) => Promise<ReadonlySet<string>>;

/** Character device 0:0. */
export function isWhiteout(directory: TreeDirectory, name: string): boolean {
  const stats = directory.stat(name);
  return stats?.isCharacterDevice() === true && stats.rdev === 0n;
}

/** Opaque directories by tree, as recorded when the layer was written. */
const opaqueByTree = new Map<string, ReadonlySet<string>>();

/** For a thread that works for longer: a path may be another tree's by now. */
export function forgetOpaque(): void {
  opaqueByTree.clear();
}

function isRecordedOpaque({ tree, relative }: TreeDirectory, name: string): boolean {
  let opaque = opaqueByTree.get(tree);
  if (opaque === undefined) {
    opaque = opaqueDirectoriesOf(Buffer.from(tree, 'latin1').toString());
    opaqueByTree.set(tree, opaque);
  }
  return opaque.has(joinPath(relative, name));
}

/** The names in `directories` of layers, top first, as one. */
export function mergeLayers(directories: readonly TreeDirectory[]): Map<string, MergedName> {
  const merged = new Map<string, MergedName>();
  /** Names about which the directories further down have no say. */
  const closed = new Set<string>();
  for (const directory of directories) {
    for (const listed of directory.list()) {
      if (!closed.has(listed.name) && mergeName(merged, directory, listed)) closed.add(listed.name);
    }
  }
  return merged;
}

/** True where nothing further down shows under that name. */
function mergeName(
  merged: Map<string, MergedName>,
  directory: TreeDirectory,
  { name, kind }: ListedName,
): boolean {
  const above = merged.get(name);
  if (kind === 'directory') {
    if (above === undefined) merged.set(name, { isDirectory: true, holders: [directory] });
    else above.holders.push(directory);
    return isRecordedOpaque(directory, name);
  }
  const hides = kind === 'character' && isWhiteout(directory, name);
  if (above === undefined && !hides) merged.set(name, { isDirectory: false, holders: [directory] });
  return true;
}

/** Puts a container's own directory on top of `merged`. */
export async function mergeUpper(
  merged: Map<string, MergedName>,
  upper: TreeDirectory,
  readOpaque: ReadOpaque,
): Promise<void> {
  const listed = upper.list();
  const shared = listed.filter(({ name, kind }) => kind === 'directory' && merged.get(name)?.isDirectory);
  const opaque = await readOpaque(
    upper,
    shared.map(({ name }) => name),
  );
  for (const { name, kind } of listed) {
    const below = merged.get(name);
    if (kind === 'character' && isWhiteout(upper, name)) merged.delete(name);
    else if (kind !== 'directory') merged.set(name, { isDirectory: false, holders: [upper] });
    else if (below?.isDirectory === true && !opaque.has(name)) below.holders.unshift(upper);
    else merged.set(name, { isDirectory: true, holders: [upper] });
  }
}
