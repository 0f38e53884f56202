/** The directories of volumes: `ROOT/NAME/_data`, as in Docker. No link is followed on the way to one. */
import { chmodSync, lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, rmdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import { anonymousVolumeName } from './volume-name.ts';

/** Directories on their way out. No volume's name begins with a dot. */
export const removing = '.removing-';
/** Directories that are being filled, and become volumes when they are whole. */
export const making = '.making-';

/** A name in `root` that nothing has. */
export function freshPlace(root: string, prefix: string): string {
  return join(root, `${prefix}${anonymousVolumeName()}`);
}

export function dataOf(root: string, name: string): string {
  return join(root, name, '_data');
}

/**
 * Makes the directory where a volume's files are, where it is missing; one that is there stays as it is. EngineErrors `resource-exhausted` and
 * `internal`; `failed-precondition` where something else took its place.
 */
export function makeDirectory(root: string, name: string): string {
  const data = dataOf(root, name);
  try {
    for (const [path, mode] of [[join(root, name), 0o701] as const, [data, 0o755] as const])
      makeOne(path, mode, name);
    return data;
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const full = errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT';
    throw new EngineError(full ? 'resource-exhausted' : 'internal', `create ${name}: ${messageOf(error)}`, {
      cause: error,
      hint: full ? 'make room on the disk of the data root' : 'check that the data root is writable',
    });
  }
}

function makeOne(path: string, mode: number, name: string): void {
  try {
    mkdirSync(path, { mode });
    // Whatever the daemon's umask.
    chmodSync(path, mode);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    checkDirectory(path, name);
  }
}

/** EngineError `failed-precondition` for a link, or anything else that is no directory: what it leads to is not the volume's. */
export function checkDirectory(path: string, name: string): void {
  if (lstatSync(path).isDirectory()) return;
  throw new EngineError('failed-precondition', `volume ${name}: ${path} is not a directory`, {
    hint: 'put the directory back that was there, or remove the volume',
  });
}

/** Moves a directory out of sight. False where there is none. */
export function moveAside(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** What a creation left that was cut short: taken away where it is empty. True where it holds files: those are not ours to throw away. */
export function holdsFiles(root: string, name: string): boolean {
  try {
    if (!lstatSync(dataOf(root, name)).isDirectory()) return false;
    rmdirSync(dataOf(root, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOTEMPTY') return true;
    if (errnoOf(error) !== 'ENOENT') return false;
  }
  try {
    rmdirSync(join(root, name));
  } catch {
    /* Something that is not ours: left alone. */
  }
  return false;
}

/** Is a file system mounted at `path`? */
export function isMounted(path: string): boolean {
  const place = placeOf(path);
  return mountPlaces().some((one) => one === place);
}

/** Is one mounted at `path`, or anywhere below it? To remove the files there would be to remove another's. */
export function hasMounts(path: string): boolean {
  const place = placeOf(path);
  return mountPlaces().some((one) => one === place || one.startsWith(`${place}/`));
}

/** The kernel's own list (proc_pid_mountinfo(5)): the fifth field, with octal escapes. */
function mountPlaces(): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ', 5)[4] ?? '');
}

/** As the list has it: without links on the way. */
function placeOf(path: string): string {
  return join(realDirectory(dirname(path)), basename(path)).replace(
    /[\\ \t\n]/g,
    (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}

function realDirectory(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
