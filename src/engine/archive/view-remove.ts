/** Removes what stands at a name in a container's file system, directories with all that is in them, without ever following a link. */
import { rmdirSync, unlinkSync } from 'node:fs';
import { EngineError, errnoOf } from '../../errors/engine-error.ts';
import type { TreeDirectory } from '../../snapshots/archive/tree-directory.ts';

/** Directories are held open on the way down. */
const maxDepth = 500;

/** The name in a directory, as a path that leads through its descriptor. */
export function placeIn(directory: TreeDirectory, name: string): Buffer {
  return Buffer.from(`${directory.publicPath}/${name}`, 'latin1');
}

/** Nothing to do where it is gone. */
export function removeAt(directory: TreeDirectory, name: string, depth = 0): void {
  if (depth > maxDepth) {
    throw new EngineError('resource-exhausted', `directories are nested more than ${maxDepth} deep`, {
      hint: 'remove the deepest directories in the container',
    });
  }
  const stats = directory.stat(name);
  if (stats === undefined) return;
  if (!stats.isDirectory()) {
    ignoreMissing(() => unlinkSync(placeIn(directory, name)));
    return;
  }
  const child = directory.child(name);
  if (child === undefined) return;
  try {
    for (const one of child.list()) removeAt(child, one.name, depth + 1);
  } finally {
    child.release();
  }
  ignoreMissing(() => rmdirSync(placeIn(directory, name)));
}

function ignoreMissing(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
