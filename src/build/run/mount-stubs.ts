/** The empty files and directories that the OCI runtime makes to mount over: no change of the process's, so they are taken away again. */
import { lstatSync, readdirSync, rmdirSync, type Stats, unlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { findLayered } from '../../snapshots/layered-lookup.ts';

const always = ['/proc', '/dev', '/sys', '/etc/hosts', '/etc/resolv.conf'];

/** A path that was missing, by its names. */
type Path = readonly string[];

export class MountStubs {
  /** Deepest first. */
  readonly #missing: readonly Path[];
  readonly #trees: readonly string[];

  /** `trees`: the file system before the process, top first. `targets`: absolute paths of further mounts. */
  constructor(trees: readonly string[], targets: readonly string[]) {
    this.#trees = trees;
    const missing = new Map<string, Path>();
    for (const target of [...always, ...targets]) {
      const names = target.split('/').filter((name) => name !== '');
      for (let length = names.length; length > 0; length -= 1) {
        const path = names.slice(0, length);
        if (findLayered(trees, path.join('/')) !== undefined) break;
        missing.set(path.join('/'), path);
      }
    }
    this.#missing = [...missing.values()].toSorted((one, other) => other.length - one.length);
  }

  /** Once nothing is mounted and no process is left. */
  async remove(upper: string): Promise<void> {
    for (const path of this.#missing) {
      const parent = directoryAt(upper, path.slice(0, -1));
      if (parent === undefined) continue;
      const { atime, mtime } = lstatSync(parent);
      if (!removeStub(join(parent, path.at(-1) ?? ''))) continue;
      utimesSync(parent, atime, mtime);
      this.#dropCopy(upper, path.slice(0, -1));
    }
  }

  /** A directory that only came up from below for a stub goes, too. */
  #dropCopy(upper: string, path: Path): void {
    const directory = directoryAt(upper, path);
    const below = findLayered(this.#trees, path.join('/'), false);
    if (directory === undefined || below === undefined) return;
    const stats = lstatSync(directory);
    if (path.length === 0 || readdirSync(directory).length > 0 || !isSame(stats, below.stats)) return;
    rmdirSync(directory);
    this.#dropCopy(upper, path.slice(0, -1));
  }
}

/** The directory at `path`, where there is one; no link is followed. */
function directoryAt(upper: string, path: Path): string | undefined {
  let at = upper;
  for (const name of path) {
    at = join(at, name);
    if (lstatSync(at, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  }
  return at;
}

function removeStub(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if (stats.isDirectory()) {
    if (readdirSync(path).length > 0) return false;
    rmdirSync(path);
    return true;
  }
  if (!stats.isFile() || stats.size > 0) return false;
  unlinkSync(path);
  return true;
}

function isSame(one: Stats, other: Stats): boolean {
  return one.mode === other.mode && one.uid === other.uid && one.gid === other.gid;
}
