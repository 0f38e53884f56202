/** The sources of COPY and ADD: wildcards by Go's filepath.Match, with `**` for --parents, and the `/./` of --parents. */
import { cleanPath } from '../../util/patterns/clean-path.ts';
import { type Glob, matchesGlob, parseGlob } from '../../util/patterns/glob.ts';

/** Does the source name more than one path? A backslash takes the next character as it is. */
export function hasWildcards(source: string): boolean {
  return /[*?[]/.test(source.replace(/\\./gsu, ''));
}

export interface SourcePattern {
  /** The folders before the first wildcard, relative to the root: a walk can begin there. '' for the root. */
  folder: string;
  /** Does a path, relative to the root, fit? */
  matches: (path: string) => boolean;
}

/**
 * A source with wildcards. A path fits as a whole: `*.go` fits nothing below a folder. `parents` allows `**`.
 * EngineError `invalid-argument` "syntax error in pattern".
 */
export function sourcePattern(source: string, options: { parents?: boolean } = {}): SourcePattern {
  const clean = relative(source);
  const glob: Glob = parseGlob(clean, { folders: options.parents === true });
  const parts = clean.split('/');
  const wild = parts.findIndex(hasWildcards);
  // Without any, all but the last part: -1 says that too.
  const folder = parts.slice(0, wild).join('/');
  return { folder: unescaped(folder), matches: (path) => matchesGlob(glob, relative(path)) };
}

/** The path of a source without wildcards, relative to the root; '' for the root itself. Nothing is above it. */
export function sourcePath(source: string): string {
  return relative(source);
}

/** Relative to the root, which `..` does not leave. */
function relative(path: string): string {
  return cleanPath(`/${path}`).slice(1);
}

function unescaped(path: string): string {
  return path.replace(/\\(.)/gsu, '$1');
}

/**
 * For --parents: what of the path is kept below the destination. Without a `/./` all of it; with one, what comes
 * after the first (`a/./b/c` keeps `b/c`).
 */
export function splitAtPivot(source: string): { root: string; kept: string } {
  const pivot = source.indexOf('/./');
  if (pivot === -1) return { root: '', kept: relative(source) };
  return { root: relative(source.slice(0, pivot)), kept: relative(source.slice(pivot + 3)) };
}
