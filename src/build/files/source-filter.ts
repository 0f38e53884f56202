/** What of a source is left out: by the context's ignore file, and by `--exclude`. */
import { type IgnoreMatcher, ignoreMatcher } from '../../util/patterns/ignore.ts';

export interface SourceFilter {
  /** Is this path left out? One that is a directory may still hold what is not. */
  leavesOut(path: string): boolean;
  /** Is nothing below this directory taken? */
  prunes(path: string): boolean;
}

const everything: SourceFilter = { leavesOut: () => false, prunes: () => false };

/** Names are bytes (`latin1`), patterns are UTF-8. */
export function readable(path: string): string {
  return Buffer.from(path, 'latin1').toString();
}

/** EngineError `invalid-argument` for a bad pattern. */
export function filterOf(patterns: readonly string[]): SourceFilter {
  if (patterns.length === 0) return everything;
  const matcher: IgnoreMatcher = ignoreMatcher(patterns);
  return {
    leavesOut: (path) => path !== '' && matcher.ignores(readable(path)),
    prunes: (path) => path !== '' && matcher.ignoresAllBelow(readable(path)),
  };
}
