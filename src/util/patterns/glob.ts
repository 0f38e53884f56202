/**
 * Patterns of paths, matched by a set of states, one character after the other: no pattern takes more than the product of
 * both lengths. Two dialects: Go's filepath.Match, and that of .dockerignore with `**` (moby/patternmatcher).
 */
import { EngineError } from '../../errors/engine-error.ts';

type Test = (character: string) => boolean;

type Token =
  /** One character: what the test and, the same in other words, the regular expression say. */
  | { kind: 'one'; test: Test; expression: string; literal?: string }
  /** Any run without a slash. */
  | { kind: 'star' }
  /** Any run at all. */
  | { kind: 'everything' }
  /** Nothing, or any run that ends in a slash. */
  | { kind: 'folders' };

export type Glob = readonly Token[];

export interface GlobOptions {
  /** Does `**` go over slashes? Else it is the same as `*`. */
  folders: boolean;
}

/** EngineError `invalid-argument` "syntax error in pattern". */
export function parseGlob(pattern: string, { folders }: GlobOptions): Glob {
  const characters = [...pattern];
  const tokens: Token[] = [];
  let index = 0;
  while (index < characters.length) {
    const { token, next } = readToken(characters, index, folders);
    tokens.push(token);
    index = next;
  }
  return tokens;
}

interface Read<T> {
  token: T;
  next: number;
}

function readToken(characters: readonly string[], index: number, folders: boolean): Read<Token> {
  const character = characters[index];
  if (character === '*') return readStars(characters, index, folders);
  if (character === '?')
    return { token: { kind: 'one', test: (one) => one !== '/', expression: '[^/]' }, next: index + 1 };
  if (character === '[') {
    return readClass(characters, index + 1);
  }
  const { token: literal, next } = readLiteral(characters, index);
  const test: Test = (one) => one === literal;
  return { token: { kind: 'one', test, expression: escaped(literal), literal }, next };
}

/**
 * `**` with a slash behind it, if there is one: folders; at the end: everything. So is one at the front with plain text
 * right behind it, whatever was meant by that.
 */
function readStars(characters: readonly string[], index: number, folders: boolean): Read<Token> {
  if (!folders || characters[index + 1] !== '*') return { token: { kind: 'star' }, next: index + 1 };
  const hasSlash = characters[index + 2] === '/';
  const next = hasSlash ? index + 3 : index + 2;
  const isPlain = index === 0 && !hasSlash && !/[*?[\]\\]/.test(characters.slice(2).join(''));
  return { token: { kind: next >= characters.length || isPlain ? 'everything' : 'folders' }, next };
}

function readLiteral(characters: readonly string[], index: number): Read<string> {
  const escaped = characters[index] === '\\';
  const literal = characters[escaped ? index + 1 : index];
  if (literal === undefined) throw badPattern();
  return { token: literal, next: index + (escaped ? 2 : 1) };
}

/** Ranges up to the closing bracket, at least one; `^` at the front turns it round. */
function readClass(characters: readonly string[], begin: number): Read<Token> {
  const negated = characters[begin] === '^';
  const ranges: Array<[from: string, to: string]> = [];
  let index = negated ? begin + 1 : begin;
  while (characters[index] !== ']' || ranges.length === 0) {
    const from = readMember(characters, index);
    const to = characters[from.next] === '-' ? readMember(characters, from.next + 1) : from;
    ranges.push([from.token, to.token]);
    index = to.next;
  }
  const isIn: Test = (one) => ranges.some(([from, to]) => from <= one && one <= to);
  const rising = ranges.filter(([from, to]) => from <= to);
  const members = rising.map(([from, to]) => `${escaped(from)}-${escaped(to)}`).join('');
  return {
    token: {
      kind: 'one',
      test: (one) => isIn(one) !== negated,
      expression: `[${negated ? '^' : ''}${members}]`,
    },
    next: index + 1,
  };
}

function escaped(character: string): string {
  return /[\\^$.*+?()[\]{}|/-]/.test(character)
    ? `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`
    : character;
}

function readMember(characters: readonly string[], index: number): Read<string> {
  const character = characters[index];
  if (character === undefined || character === '-' || character === ']') throw badPattern();
  const member = readLiteral(characters, index);
  if (member.next >= characters.length) throw badPattern();
  return member;
}

function badPattern(): EngineError {
  return new EngineError('invalid-argument', 'syntax error in pattern', {
    hint: 'close every bracket, and write something after every backslash',
  });
}

/** For each place in `text` where it may end, whether the pattern fits up to there: the last place is the whole text. */
function fittingEnds(glob: Glob, characters: readonly string[]): boolean[] {
  let states: boolean[] = characters.map(() => false);
  states.push(false);
  states[0] = true;
  for (const token of glob) states = after(token, states, characters);
  return states;
}

/** States are places in the text; each token turns those before it into those behind it. */
function after(token: Token, states: readonly boolean[], characters: readonly string[]): boolean[] {
  const next = states.map(() => false);
  let open = false;
  for (let index = 0; index < states.length; index += 1) {
    const before = characters[index - 1] ?? '';
    if (token.kind === 'one') {
      next[index] = index > 0 && states[index - 1] === true && token.test(before);
      continue;
    }
    if (token.kind === 'star' && before === '/') open = false;
    const here = states[index] === true;
    if (token.kind === 'folders') next[index] = here || (open && before === '/');
    open ||= here;
    if (token.kind !== 'folders') next[index] = open;
  }
  return next;
}

/** Does all of `text` fit? */
export function matchesGlob(glob: Glob, text: string): boolean {
  return fittingEnds(glob, [...text]).at(-1) === true;
}

/** Does `text`, or a folder that it is in, fit? */
export function matchesGlobOrParent(glob: Glob, text: string): boolean {
  const characters = [...text];
  return fittingEnds(glob, characters).some(
    (fits, end) => fits && (end === characters.length || (end > 0 && characters[end] === '/')),
  );
}
