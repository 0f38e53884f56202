/** Patterns of repositories and tags: `*` and `?` stay within a part of the name, `**` stands for any number of parts. */
import { EngineError } from '../../errors/engine-error.ts';

const maxLength = 256;

/** A test for names. EngineError `invalid-argument` for what is no pattern. */
export function compileGlob(pattern: string): RegExp {
  const isForeign = pattern === '' || pattern.length > maxLength || /[^\w./*?-]/.test(pattern);
  if (isForeign || pattern.split('/').some((part) => part !== '**' && part.includes('**'))) {
    throw new EngineError('invalid-argument', `invalid pattern ${JSON.stringify(pattern)}`, {
      hint: 'write a name with * within a part of it, ** for any number of parts, and ? for one character',
    });
  }
  return new RegExp(`^${pattern.replaceAll(/(^|\/)\*\*(\/|$)|[*?.]/g, translate)}$`);
}

function translate(found: string, before: string | undefined, after: string | undefined): string {
  if (found === '*') return '[^/]*';
  if (found === '?') return '[^/]';
  if (found === '.') return '\\.';
  if (before === '') return after === '' ? '.*' : '(?:.*/)?';
  // `team/**` is the team itself, too.
  return `(?:/.*)?${after ?? ''}`;
}

/**
 * Finds whose bytes a quota counts together: the part of a repository's name that the pattern matches up to its `**`. So `team/**` is all of
 * the team, `*` and then `/**` each first part of a name on its own, `team/*` each repository by itself, and `**` everything (`''`).
 * The function returns undefined for a name that the pattern does not match. EngineError `invalid-argument` as in `compileGlob`.
 */
export function compileHolder(pattern: string): (repository: string) => string | undefined {
  const test = compileGlob(pattern);
  const parts = pattern.split('/').indexOf('**');
  return (repository) => {
    if (!test.test(repository)) return undefined;
    return parts === -1 ? repository : repository.split('/').slice(0, parts).join('/');
  };
}
