/** Reads files, and copies directories, out of a stack of layers: for accounts before a root is mounted, and for new volumes. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { chmod, chown, copyFile, lchown, link, lutimes, mkdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../errors/engine-error.ts';
import type { FileOperation, Launcher } from '../host/launcher-types.ts';
import { doFileOperations } from './layer-operations.ts';
import { findLayered, type LayeredEntry, listLayered } from './layered-lookup.ts';

/** A file that is read as a whole is bounded: an image must not fill the daemon's memory. */
const maxFileSize = 16 * 1024 * 1024;

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

interface Copy {
  root: string;
  /** Where a file with several names was copied to first, by device and inode. */
  links: Map<string, string>;
  nodes: FileOperation[];
  /** Times of directories, devices: set when nothing changes them any more. */
  late: Array<{ path: string; entry: LayeredEntry; isNode: boolean }>;
}

/**
 * Copies the content of the directory `path` of the merged view of `trees` (top first) into the existing directory `target`, with
 * ownership, modes, times and hard links; the directory's own owner, mode and times too. Returns false where there is no such directory.
 * Devices and pipes need `launcher`, and are left out without.
 */
export async function copyLayeredTree(
  trees: readonly string[],
  path: string,
  target: string,
  launcher?: Pick<Launcher, 'fileOperations'>,
): Promise<boolean> {
  const source = findLayered(trees, path);
  if (source?.stats.isDirectory() !== true) return false;
  const copy: Copy = { root: target, links: new Map(), nodes: [], late: [] };
  await copyChildren(copy, source, '');
  await setOwner(target, source);
  copy.late.push({ path: '', entry: source, isNode: false });
  if (launcher !== undefined) await doFileOperations(launcher, target, copy.nodes);
  for (const item of copy.late) {
    if (item.isNode && launcher === undefined) continue;
    const absolute = join(target, item.path);
    if (item.isNode) await setOwner(absolute, item.entry);
    await lutimes(absolute, item.entry.stats.atimeMs / 1000, item.entry.stats.mtimeMs / 1000);
  }
  return true;
}

async function copyChildren(copy: Copy, directory: LayeredEntry, relative: string): Promise<void> {
  for (const { name, entry } of listLayered(directory)) await copyEntry(copy, entry, join(relative, name));
}

async function setOwner(path: string, { stats }: LayeredEntry): Promise<void> {
  await chown(path, stats.uid, stats.gid);
  // After the owner, whose change clears setuid.
  await chmod(path, stats.mode & 0o7777);
}

async function copyEntry(copy: Copy, entry: LayeredEntry, relative: string): Promise<void> {
  const { stats, hostPath } = entry;
  const absolute = join(copy.root, relative);
  const key = `${stats.dev}:${stats.ino}`;
  const first = stats.nlink > 1 && !stats.isDirectory() ? copy.links.get(key) : undefined;
  if (first !== undefined) {
    await link(first, absolute);
    return;
  }
  if (stats.isDirectory()) {
    await mkdir(absolute, 0o700);
    await copyChildren(copy, entry, relative);
    await setOwner(absolute, entry);
    copy.late.push({ path: relative, entry, isNode: false });
  } else if (stats.isSymbolicLink()) {
    await symlink(await readlink(hostPath), absolute);
    await lchown(absolute, stats.uid, stats.gid);
    await lutimes(absolute, stats.atimeMs / 1000, stats.mtimeMs / 1000);
  } else if (stats.isFile()) {
    await copyFile(hostPath, absolute, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await setOwner(absolute, entry);
    await lutimes(absolute, stats.atimeMs / 1000, stats.mtimeMs / 1000);
  } else {
    addNode(copy, entry, relative);
    return;
  }
  if (stats.nlink > 1 && !stats.isDirectory()) copy.links.set(key, absolute);
}

/** Linux's encoding of device numbers in stat(2) (glibc, gnu_dev_major(3)), as far as a float carries it. */
function addNode(copy: Copy, entry: LayeredEntry, relative: string): void {
  const { mode, rdev } = entry.stats;
  const major = Math.floor(rdev / 256) % 4096;
  const minor = (rdev % 256) + Math.floor(rdev / 2 ** 20) * 256;
  copy.nodes.push({ kind: 'mknod', path: relative, mode, major, minor });
  copy.late.push({ path: relative, entry, isNode: true });
}
