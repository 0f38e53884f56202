/**
 * The patterns of `${x#p}`, `${x%p}` and `${x/p/r}`: `*` and `?` and characters. Matched by tables rather than by regular
 * expressions, so that no pattern takes more than the product of both lengths.
 */
import { EngineError } from '../../errors/engine-error.ts';

type Token = { kind: 'star' } | { kind: 'any' } | { kind: 'character'; character: string };

/** EngineError `invalid-argument` where a backslash stands before what needs none. */
export function parseShellPattern(pattern: string): Token[] {
  const characters = [...pattern];
  const tokens: Token[] = [];
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    if (character === '*') tokens.push({ kind: 'star' });
    else if (character === '?') tokens.push({ kind: 'any' });
    else if (character !== '\\') tokens.push({ kind: 'character', character });
    else {
      index += 1;
      tokens.push({ kind: 'character', character: unescaped(characters[index], pattern) });
    }
  }
  return tokens;
}

/** `}` and `/` are escaped for the sake of the braces around, the rest for the pattern's own. */
function unescaped(character: string | undefined, pattern: string): string {
  if (character !== undefined && '*?\\}/'.includes(character)) return character;
  throw new EngineError(
    'invalid-argument',
    `invalid pattern (${pattern}) in substitution: invalid escape '\\${character ?? ''}'`,
    { hint: 'write a backslash only before *, ?, \\, } and /' },
  );
}

/** `value` without the shortest (or longest) beginning that fits. */
export function withoutPrefix(value: string, pattern: readonly Token[], longest: boolean): string {
  const characters = [...value];
  const end = matchEnds(characters, pattern, longest)[0];
  return end === undefined ? value : characters.slice(end).join('');
}

/** `value` without the shortest (or longest) end that fits. */
export function withoutSuffix(value: string, pattern: readonly Token[], longest: boolean): string {
  const reversed = [...value].reverse();
  const end = matchEnds(reversed, pattern.toReversed(), longest)[0];
  return end === undefined ? value : reversed.slice(end).reverse().join('');
}

/** `value` with the first (or every) longest match replaced. */
export function replaced(
  value: string,
  pattern: readonly Token[],
  replacement: string,
  every: boolean,
): string {
  const characters = [...value];
  const ends = matchEnds(characters, pattern, true);
  const out: string[] = [];
  let index = 0;
  let lastEnd = -1;
  while (index <= characters.length) {
    const end = ends[index];
    // An empty match right behind another is none.
    if (end !== undefined && !(end === index && index === lastEnd)) {
      out.push(replacement);
      lastEnd = end;
      if (!every) return out.join('') + characters.slice(end).join('');
      if (end > index) {
        index = end;
        continue;
      }
    }
    out.push(characters[index] ?? '');
    index += 1;
  }
  return out.join('');
}

/** For each start (and the end of the text) where a match from there ends; undefined where none begins. */
function matchEnds(
  characters: readonly string[],
  pattern: readonly Token[],
  longest: boolean,
): Array<number | undefined> {
  const count = characters.length;
  let ends: Array<number | undefined> = Array.from({ length: count + 1 }, (_, index) => index);
  for (const token of pattern.toReversed()) {
    const next = new Array<number | undefined>(count + 1).fill(undefined);
    for (let index = count; index >= 0; index -= 1) {
      const character = characters[index];
      if (token.kind === 'star') {
        const more = character === undefined || character === '\n' ? undefined : next[index + 1];
        next[index] = better(ends[index], more, longest);
      } else if (character !== undefined && fits(token, character)) next[index] = ends[index + 1];
    }
    ends = next;
  }
  return ends;
}

function better(here: number | undefined, more: number | undefined, longest: boolean): number | undefined {
  if (here === undefined) return more;
  if (more === undefined) return here;
  return longest ? Math.max(here, more) : Math.min(here, more);
}

function fits(token: Exclude<Token, { kind: 'star' }>, character: string): boolean {
  return token.kind === 'any' ? character !== '\n' : token.character === character;
}
