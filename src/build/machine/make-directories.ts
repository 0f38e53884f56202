/** Makes a directory, with its parents, in a layer above others. */
import { chmodSync, chownSync, lstatSync, mkdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { resolveUser } from '../../engine/spec/user.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { readLayeredFile } from '../../snapshots/layered-files.ts';
import { findLayered, type LayeredEntry } from '../../snapshots/layered-lookup.ts';

export interface DirectoryMaking {
  upper: string;
  /** Top layer first. */
  lower: readonly string[];
  /** Absolute, in the view of them all. */
  path: string;
  /** Whose those are that are made; '' for root. */
  user: string;
}

/** Nothing where it is there already. EngineError `invalid-argument` where something else is in its way. */
export function makeDirectories({ upper, lower, path, user }: DirectoryMaking): void {
  const trees = [upper, ...lower];
  const owner = user === '' ? undefined : ownerOf(trees, user);
  let parent: LayeredEntry | undefined = findLayered(trees, '/');
  let at = '/';
  for (const name of path.split('/').filter((one) => one !== '')) {
    const next: string = join(at, name);
    const found = findLayered(trees, next);
    if (found === undefined) {
      copyUp(upper, lower, at);
      const made = join(upper, at, name);
      mkdirSync(made, { mode: 0o755 });
      chmodSync(made, 0o755);
      if (owner !== undefined) chownSync(made, owner.uid, owner.gid);
      at = next;
      continue;
    }
    if (!found.stats.isDirectory())
      throw new EngineError('invalid-argument', `cannot make the directory ${path}: ${next} is no directory`);
    parent = found;
    at = parent.path;
  }
}

/** The directory `path`, which has no links in it, in the upper tree as it is in those below. */
function copyUp(upper: string, lower: readonly string[], path: string): void {
  let at = '';
  for (const name of path.split('/').filter((one) => one !== '')) {
    at = join(at, name);
    const own = join(upper, at);
    if (lstatSync(own, { throwIfNoEntry: false }) !== undefined) continue;
    const below = findLayered(lower, at, false);
    mkdirSync(own);
    if (below === undefined) continue;
    const { uid, gid, mode, atime, mtime } = below.stats;
    chownSync(own, uid, gid);
    chmodSync(own, mode & 0o7777);
    utimesSync(own, atime, mtime);
  }
}

function ownerOf(trees: readonly string[], user: string): { uid: number; gid: number } {
  const read = (path: string): string => readLayeredFile(trees, path)?.toString('utf8') ?? '';
  return resolveUser(user, [], read('/etc/passwd'), read('/etc/group'));
}
