/** .dockerignore: what of a build context is left out (moby/patternmatcher and its ignorefile). */
import { EngineError } from '../../errors/engine-error.ts';
import { trimSpace } from '../characters.ts';
import { cleanPath } from './clean-path.ts';
import { type Glob, matchesGlob, parseGlob } from './glob.ts';
import { parentMatcher } from './glob-matcher.ts';

/** Where a Dockerfile's own ignore file would be, then the context's; the first that is there counts. */
export function ignoreFileNames(dockerfile: string): string[] {
  return [`${dockerfile}.dockerignore`, '.dockerignore'];
}

/** The patterns of an ignore file, in order, those with `!` still having it. */
export function parseIgnoreFile(content: string): string[] {
  const lines = content.replace(/^\ufeff/, '').split('\n');
  return lines.flatMap((line) => {
    const pattern = line.startsWith('#') ? '' : trimSpace(line);
    return pattern === '' ? [] : normalized(pattern);
  });
}

function normalized(pattern: string): string {
  const negated = pattern.startsWith('!');
  const text = negated ? trimSpace(pattern.slice(1)) : pattern;
  const clean = text === '' ? '' : cleanPath(text);
  const relative = clean.length > 1 && clean.startsWith('/') ? clean.slice(1) : clean;
  return (negated ? '!' : '') + relative;
}

interface Rule {
  fits: (path: string) => boolean;
  /** `!`: takes back what rules above left out. */
  negated: boolean;
}

export interface IgnoreMatcher {
  /** Has it a rule with `!`? Then a folder that is left out may still hold what is not. */
  hasExceptions: boolean;
  /** Is the path (relative to the context, with slashes) left out? */
  ignores: (path: string) => boolean;
  /** Can nothing below this folder be taken back, so that a walk need not enter it? */
  ignoresAllBelow: (folder: string) => boolean;
}

/** EngineError `invalid-argument` for a pattern that is none, with the pattern in it. */
export function ignoreMatcher(patterns: readonly string[]): IgnoreMatcher {
  const rules = patterns.map(parseRule).filter((rule) => rule !== undefined);
  const hasExceptions = rules.some((rule) => rule.negated);
  const ignores = (path: string): boolean => {
    const clean = cleanPath(path);
    if (clean === '.') return false;
    let ignored = false;
    for (const rule of rules) if (rule.negated === ignored && rule.fits(clean)) ignored = !rule.negated;
    return ignored;
  };
  const ignoresAllBelow = (folder: string): boolean => ignores(folder) && !hasExceptions;
  return { hasExceptions, ignores, ignoresAllBelow };
}

function parseRule(text: string): Rule | undefined {
  const trimmed = trimSpace(text);
  if (trimmed === '') return undefined;
  const cleaned = cleanPath(trimmed);
  const negated = cleaned.startsWith('!');
  const pattern = negated ? cleaned.slice(1) : cleaned;
  if (pattern === '') {
    throw new EngineError('invalid-argument', 'illegal exclusion pattern: "!"', {
      hint: 'write a pattern behind the !',
    });
  }
  return { fits: parentMatcher(parsePattern(pattern)), negated };
}

function parsePattern(pattern: string): Glob {
  try {
    return parseGlob(pattern, { folders: true });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError('invalid-argument', `${error.message}: ${pattern}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** `COPY --exclude`: does the path, relative to the source, fit one of the patterns? The same rules. */
export function excludeMatcher(patterns: readonly string[]): (path: string) => boolean {
  return ignoreMatcher(patterns).ignores;
}

/** Does one path fit one pattern of this dialect, parents left aside? */
export function matchesIgnorePattern(pattern: string, path: string): boolean {
  return matchesGlob(parsePattern(cleanPath(pattern)), cleanPath(path));
}
