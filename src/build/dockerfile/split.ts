/** Splits the text of an instruction: keyword, flags, words, JSON arrays. */
import { EngineError } from '../../errors/engine-error.ts';
import { isSpace, trimSpace } from '../../util/characters.ts';
import type { Flag } from './ast.ts';

export interface SplitLine {
  keyword: string;
  flags: Flag[];
  /** All after the flags, without white space around it. */
  rest: string;
}

const blanks = /[\t\v\f\r ]+/;

/** `KEYWORD [--flag…] rest`. A word `--` ends the flags. */
export function splitLine(line: string, mark: string): SplitLine {
  const text = trimSpace(line);
  const gap = blanks.exec(text);
  if (gap === null) return { keyword: text, flags: [], rest: '' };
  const { flags, rest } = splitFlags(text.slice(gap.index + gap[0].length), mark);
  return { keyword: text.slice(0, gap.index), flags: flags.map(parseFlag), rest: trimSpace(rest) };
}

function parseFlag(text: string): Flag {
  const equals = text.indexOf('=');
  if (equals === -1) return { name: text.slice(2), value: undefined };
  return { name: text.slice(2, equals), value: text.slice(equals + 1) };
}

function splitFlags(text: string, mark: string): { flags: string[]; rest: string } {
  const flags: string[] = [];
  let position = 0;
  for (;;) {
    while (position < text.length && isSpace(text.charAt(position))) position += 1;
    if (!text.startsWith('--', position)) return { flags, rest: text.slice(position) };
    const { word, end } = readFlag(text, position, mark);
    if (word === '--') return { flags, rest: text.slice(end) };
    flags.push(word);
    position = end;
  }
}

/** Up to white space; quotes and escapes are taken out. */
function readFlag(text: string, begin: number, mark: string): { word: string; end: number } {
  let word = '';
  let quote = '';
  let position = begin;
  for (; position < text.length; position += 1) {
    const character = text.charAt(position);
    if (quote === '' && isSpace(character)) break;
    if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === mark) {
      position += 1;
      word += text.charAt(position);
    } else word += character;
  }
  return { word, end: Math.min(position, text.length) };
}

/** Split at blanks, quotes meaning nothing. '' has no words. */
export function splitAtBlanks(text: string): string[] {
  return text === '' ? [] : text.split(new RegExp(blanks, 'g'));
}

/** Split at the first blanks: the old form of ENV and LABEL. */
export function splitOnce(text: string): [first: string, rest: string] | undefined {
  const gap = blanks.exec(text);
  return gap === null ? undefined : [text.slice(0, gap.index), text.slice(gap.index + gap[0].length)];
}

/** Split at white space outside of quotes; quotes and escapes stay in the words, for the expansion takes them out. */
export function splitWords(text: string, mark: string): string[] {
  const words: string[] = [];
  let word = '';
  let quote = '';
  const close = (): void => {
    if (word !== '') words.push(word);
    word = '';
  };
  for (let position = 0; position < text.length; position += 1) {
    const character = text.charAt(position);
    if (quote === '' && isSpace(character)) {
      close();
      continue;
    }
    if (character === mark && quote !== "'") {
      // An escape at the very end escapes nothing.
      if (position + 1 < text.length) word += character + text.charAt(position + 1);
      position += 1;
      continue;
    }
    if (character === quote) quote = '';
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    word += character;
  }
  close();
  return words;
}

/** The strings of a JSON array, or undefined if the text is none. EngineError for an array with other values in it. */
export function parseJsonArray(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  const value = parseJson(text);
  if (!Array.isArray(value)) return undefined;
  const items: unknown[] = value;
  const strings = items.filter((item) => typeof item === 'string');
  if (strings.length === items.length) return strings;
  throw new EngineError(
    'invalid-argument',
    'when using JSON array syntax, arrays must be comprised of strings only',
    { hint: 'put every argument into double quotes' },
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Was it meant to be JSON: a bracket, a quote right behind it, commas, a bracket at the end? */
export function looksLikeJson(text: string): boolean {
  return /^\[\s*["'\u201c]/.test(text) && text.endsWith(']') && text.includes(',');
}
