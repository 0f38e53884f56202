/** Shell patterns by the rules of Go's path.Match, which Docker's filters for names follow. */
import { EngineError } from '../errors/engine-error.ts';

interface Piece {
  /** May anything but a slash stand before it? */
  afterStar: boolean;
  /** One test for each character. */
  tests: Array<(character: string) => boolean>;
}

/**
 * Does all of `text` fit `pattern`? `*` is any run of characters without a slash, `?` one character but a slash, `[a-z]` and `[^a-z]` one of a class,
 * and a backslash takes the next character as it is. EngineError `invalid-argument` "syntax error in pattern".
 */
export function matchesPath(pattern: string, text: string): boolean {
  return matchPieces(parsePattern(pattern), [...text]);
}

function matchPieces(pieces: readonly Piece[], characters: readonly string[]): boolean {
  const [piece, ...rest] = pieces;
  if (piece === undefined) return characters.length === 0;
  const fits = (start: number): boolean =>
    characters.length - start >= piece.tests.length &&
    piece.tests.every((test, index) => test(characters[start + index] ?? ''));
  const after = (start: number): readonly string[] => characters.slice(start + piece.tests.length);
  if (!piece.afterStar) return fits(0) && matchPieces(rest, after(0));
  // Of several places the first is enough, but for the last piece, which must reach the end.
  for (let start = 0; start <= characters.length; start += 1) {
    const isLast = rest.length === 0;
    if (fits(start) && (!isLast || after(start).length === 0))
      return isLast || matchPieces(rest, after(start));
    if (characters[start] === '/') return false;
  }
  return false;
}

/** Each star begins a piece. */
function parsePattern(pattern: string): Piece[] {
  const pieces: Piece[] = [{ afterStar: false, tests: [] }];
  const characters = [...pattern];
  for (let index = 0; index < characters.length; ) {
    const character = characters[index];
    if (character === '*') {
      if (pieces.at(-1)?.afterStar !== true || pieces.at(-1)?.tests.length !== 0)
        pieces.push({ afterStar: true, tests: [] });
      index += 1;
      continue;
    }
    const { test, next } = parseOne(characters, index);
    pieces.at(-1)?.tests.push(test);
    index = next;
  }
  return pieces;
}

function parseOne(
  characters: readonly string[],
  index: number,
): { test: (character: string) => boolean; next: number } {
  const character = characters[index];
  if (character === '?') return { test: (one) => one !== '/', next: index + 1 };
  if (character === '[') return parseClass(characters, index + 1);
  const { literal, next } = parseLiteral(characters, index);
  return { test: (one) => one === literal, next };
}

function parseLiteral(characters: readonly string[], index: number): { literal: string; next: number } {
  const escaped = characters[index] === '\\';
  const literal = characters[escaped ? index + 1 : index];
  if (literal === undefined) throw badPattern();
  return { literal, next: index + (escaped ? 2 : 1) };
}

/** After the bracket: ranges up to the closing one, of which there must be at least one. */
function parseClass(
  characters: readonly string[],
  begin: number,
): { test: (character: string) => boolean; next: number } {
  const negated = characters[begin] === '^';
  const ranges: Array<[from: string, to: string]> = [];
  let index = negated ? begin + 1 : begin;
  while (characters[index] !== ']' || ranges.length === 0) {
    const from = parseClassMember(characters, index);
    const hasEnd = characters[from.next] === '-';
    const to = hasEnd ? parseClassMember(characters, from.next + 1) : from;
    ranges.push([from.literal, to.literal]);
    index = to.next;
  }
  const isIn = (one: string): boolean => ranges.some(([from, to]) => from <= one && one <= to);
  return { test: (one) => isIn(one) !== negated, next: index + 1 };
}

function parseClassMember(characters: readonly string[], index: number): { literal: string; next: number } {
  const character = characters[index];
  if (character === undefined || character === '-' || character === ']') throw badPattern();
  const member = parseLiteral(characters, index);
  if (member.next >= characters.length) throw badPattern();
  return member;
}

function badPattern(): EngineError {
  return new EngineError('invalid-argument', 'syntax error in pattern', {
    hint: 'close every bracket, and write something after every backslash',
  });
}
