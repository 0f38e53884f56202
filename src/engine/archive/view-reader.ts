/** Reads a part of a container's file system into a tar: for a worker thread. */
import type { MemberWriter } from '../../snapshots/archive/member-writer.ts';
import type { TreeDirectory } from '../../snapshots/archive/tree-directory.ts';
import { maxDepth, tooDeep } from '../../snapshots/archive/walk-merged.ts';
import { type Located, release, topOf } from './view-tree.ts';

/** Writes what was found under the name `base`; that of the root is ''. Takes `located`. */
export async function readLocated(writer: MemberWriter, located: Located, base: string): Promise<void> {
  const top = topOf(located).retain();
  const { name } = located;
  release(located);
  if (name === undefined) await readDirectory(writer, top, base);
  else await writer.add({ kind: 'node', path: base, directory: top, name });
}

interface Frame {
  directory: TreeDirectory;
  path: string;
  /** Still to be read, last one first. */
  names: ReturnType<TreeDirectory['list']>;
}

/** Depth first, each directory before what is in it. */
async function readDirectory(writer: MemberWriter, top: TreeDirectory, base: string): Promise<void> {
  const stack: Frame[] = [];
  const enter = async (directory: TreeDirectory, path: string): Promise<void> => {
    if (stack.length >= maxDepth) throw tooDeep();
    await writer.add({ kind: 'node', path, directory: directory.retain(), name: '.' });
    stack.push({ directory, path, names: directory.list().reverse() });
  };
  await enter(top, base);
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const next = frame.names.pop();
    if (next === undefined) {
      frame.directory.release();
      stack.pop();
      continue;
    }
    const path = `${frame.path}/${next.name}`;
    const child = next.kind === 'directory' ? frame.directory.child(next.name) : undefined;
    if (child !== undefined) await enter(child, path);
    else await writer.add({ kind: 'node', path, directory: frame.directory.retain(), name: next.name });
  }
}
