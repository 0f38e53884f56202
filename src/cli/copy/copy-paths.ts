/** docker's rules for what a copy is called and where it goes: pure, on paths with a slash. */
import { posix } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';

/** One end of a copy. */
export interface CopyEnd {
  path: string;
  exists: boolean;
  isDirectory: boolean;
  /** What the copy is called where a link was followed, whose own name it keeps. */
  rebaseName: string;
}

/** The directory to extract in, and what the first name of all members becomes. */
export interface CopyPlan {
  directory: string;
  base: string;
}

/** `CONTAINER:PATH`, or a path on this host: an absolute one, one without a colon, or one that begins with a dot. */
export function splitArgument(argument: string): { container: string; path: string } {
  const colon = argument.indexOf(':');
  const isLocal = argument.startsWith('/') || argument.startsWith('.') || colon < 0;
  return isLocal
    ? { container: '', path: argument }
    : { container: argument.slice(0, colon), path: argument.slice(colon + 1) };
}

function namesItself(path: string): boolean {
  return path === '.' || path.endsWith('/.');
}

/** `clean` with the slash, or the slash and the dot, at which `original` ends: they ask for a directory, or for what is in it. */
export function keepEnding(clean: string, original: string): string {
  const slashed = clean.endsWith('/') ? clean : `${clean}/`;
  if (namesItself(original) && !namesItself(clean)) return `${slashed}.`;
  return original.endsWith('/') ? slashed : clean;
}

/** Absolute, with its ending. */
export function absolutePath(path: string, folder: string): string {
  return keepEnding(posix.resolve(folder, path), path);
}

function clean(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal;
}

/** The directory of a path and the name in it, which is `.` where the path asks for what is in a directory. */
export function splitEntry(path: string): { directory: string; base: string } {
  if (namesItself(path)) return { directory: clean(path), base: '.' };
  const whole = clean(path);
  return { directory: posix.dirname(whole), base: whole === '/' ? '/' : posix.basename(whole) };
}

/** A path of which a link at its end was followed to `target`: how it ends, and what it is still called. */
export function followed(path: string, target: string): { path: string; rebaseName: string } {
  const whole = keepEnding(target, path);
  const [before, after] = [splitEntry(path).base, splitEntry(whole).base];
  return { path: whole, rebaseName: before === after ? '' : before };
}

function nameOf({ path, rebaseName }: CopyEnd): string {
  return rebaseName === '' ? splitEntry(path).base : rebaseName;
}

/** EngineError `invalid-argument` in docker's words for what cannot be. */
export function planCopy(source: CopyEnd, destination: CopyEnd): CopyPlan {
  if (destination.exists && destination.isDirectory)
    return { directory: destination.path, base: nameOf(source) };
  if (destination.exists && source.isDirectory) throw refusal('cannot copy directory');
  const asksForDirectory =
    destination.path === '' || destination.path.endsWith('/') || namesItself(destination.path);
  if (!destination.exists && !source.isDirectory && asksForDirectory) throw refusal('no such directory');
  return splitEntry(destination.path);
}

function refusal(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}
