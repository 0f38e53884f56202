/** Patterns as quick tests: a comparison for plain text, a regular expression where that is safe, else the set of states. */
import { type Glob, matchesGlobOrParent } from './glob.ts';

/** Tells whether a path, or a folder that it is in, fits. */
export function parentMatcher(glob: Glob): (path: string) => boolean {
  const literal = literalOf(glob);
  if (literal !== undefined) {
    const below = `${literal}/`;
    return (path) => path === literal || path.startsWith(below);
  }
  const expression = expressionOf(glob);
  if (expression !== undefined) return (path) => expression.test(path);
  const begin =
    literalOf(
      glob.slice(
        0,
        glob.findIndex((token) => !isLiteral(token)),
      ),
    ) ?? '';
  return (path) => path.startsWith(begin) && matchesGlobOrParent(glob, path);
}

function isLiteral(token: Glob[number]): boolean {
  return token.kind === 'one' && token.literal !== undefined;
}

function literalOf(glob: Glob): string | undefined {
  let text = '';
  for (const token of glob) {
    if (token.kind !== 'one' || token.literal === undefined) return undefined;
    text += token.literal;
  }
  return text;
}

/** With more runs than these, a regular expression could take long for a text made to that end. */
const mostRuns = 2;

/** Undefined where there are too many runs: such go the slow way. */
function expressionOf(glob: Glob): RegExp | undefined {
  if (glob.filter((token) => token.kind !== 'one').length > mostRuns) return undefined;
  let source = '';
  for (const token of glob) {
    if (token.kind === 'star') source += '[^/]*';
    else if (token.kind === 'everything') source += '.*';
    else if (token.kind === 'folders') source += '(?:.*/)?';
    else source += token.expression;
  }
  return new RegExp(`^${source}(?:/|$)`, 'su');
}
