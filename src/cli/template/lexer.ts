/** Cuts a Go template into text and the tokens of its actions. */
import { EngineError } from '../../errors/engine-error.ts';

export type TokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'field'
  | 'variable'
  | 'identifier'
  | 'number'
  | 'string'
  | 'dot'
  | 'symbol';

export interface Token {
  kind: TokenKind;
  /** The source; for `string` the unquoted value. */
  text: string;
  /** Offset in the template. */
  position: number;
  /** White space stood before it: it begins a new operand. */
  spaced: boolean;
}

/** EngineError `invalid-argument` in the words of Go's text/template. */
export function templateError(source: string, position: number, message: string): EngineError {
  const line = source.slice(0, position).split('\n').length;
  return new EngineError('invalid-argument', `template: :${line}: ${message}`);
}

const trimLeft = /^-[ \t\r\n]/;
const comment = /^\/\*[\s\S]*?\*\/(?=\s*-?\}\})/;
const patterns: ReadonlyArray<[TokenKind, RegExp]> = [
  [
    'number',
    /^[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/,
  ],
  ['field', /^\.[\p{L}_][\p{L}\p{N}_]*/u],
  ['variable', /^\$[\p{L}\p{N}_]*/u],
  ['identifier', /^[\p{L}_][\p{L}\p{N}_]*/u],
  ['dot', /^\./],
  ['symbol', /^(?::=|[|(),=])/],
];
const quoted = /^(?:"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\\n]|\\.)+')/;

/** The tokens of `source`. EngineError `invalid-argument` for an action that isn't closed or a character that can't be there. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let position = 0;
  let trimNext = false;
  while (position < source.length) {
    const open = source.indexOf('{{', position);
    const end = open < 0 ? source.length : open;
    let text = source.slice(position, end);
    if (trimNext) text = text.trimStart();
    const trims = open >= 0 && trimLeft.test(source.slice(open + 2, open + 4));
    if (trims) text = text.trimEnd();
    if (text !== '') tokens.push({ kind: 'text', text, position, spaced: false });
    if (open < 0) break;
    const action = tokenizeAction(source, open, open + (trims ? 3 : 2));
    tokens.push(...action.tokens);
    position = action.end;
    trimNext = action.trims;
  }
  return tokens;
}

interface Action {
  tokens: Token[];
  end: number;
  trims: boolean;
}

function tokenizeAction(source: string, open: number, start: number): Action {
  const tokens: Token[] = [{ kind: 'open', text: '{{', position: open, spaced: false }];
  let position = start;
  let spaced = false;
  let commented = false;
  for (;;) {
    const rest = source.slice(position);
    const close = /^(?:[ \t\r\n]+-)?\}\}/.exec(rest)?.[0];
    if (close !== undefined) {
      tokens.push({ kind: 'close', text: '}}', position, spaced: false });
      const nothing = commented && tokens.length === 2;
      return { tokens: nothing ? [] : tokens, end: position + close.length, trims: close !== '}}' };
    }
    if (rest === '') throw templateError(source, open, 'unclosed action');
    const skipped = (/^\s+/.exec(rest) ?? comment.exec(rest))?.[0].length ?? 0;
    if (skipped > 0) {
      commented ||= rest.startsWith('/*');
      spaced = true;
      position += skipped;
      continue;
    }
    const next = nextToken(source, position, spaced);
    tokens.push(next.token);
    position = next.end;
    spaced = false;
  }
}

function nextToken(source: string, position: number, spaced: boolean): { token: Token; end: number } {
  const rest = source.slice(position);
  const text = quoted.exec(rest)?.[0];
  if (text !== undefined)
    return { token: literal(source, text, position, spaced), end: position + text.length };
  for (const [kind, pattern] of patterns) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    return { token: { kind, text: match[0], position, spaced }, end: position + match[0].length };
  }
  if (/^["`]/.test(rest)) throw templateError(source, position, 'unterminated quoted string');
  if (rest.startsWith("'")) throw templateError(source, position, 'unterminated character constant');
  const character = String.fromCodePoint(source.codePointAt(position) ?? 0);
  throw templateError(source, position, `unrecognized character in action: ${JSON.stringify(character)}`);
}

/** A string, or a character, which Go takes as a number. */
function literal(source: string, text: string, position: number, spaced: boolean): Token {
  if (text.startsWith('`')) return { kind: 'string', text: text.slice(1, -1), position, spaced };
  const value = unquote(text.slice(1, -1));
  if (value === undefined) throw templateError(source, position, `invalid syntax: ${text}`);
  if (text.startsWith('"')) return { kind: 'string', text: value, position, spaced };
  return { kind: 'number', text: String(value.codePointAt(0) ?? 0), position, spaced };
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

function unquote(text: string): string | undefined {
  let valid = true;
  const value = text.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/g,
    (...groups) => {
      const [, hex, short, long, octal, plain]: Array<string | undefined> = groups;
      const code = hex ?? short ?? long;
      const number = code === undefined ? Number.parseInt(octal ?? '', 8) : Number.parseInt(code, 16);
      if (plain === undefined && number <= 0x10ffff) return String.fromCodePoint(number);
      const escaped = plain === undefined || !Object.hasOwn(escapes, plain) ? undefined : escapes[plain];
      if (escaped === undefined) valid = false;
      return escaped ?? '';
    },
  );
  return valid ? value : undefined;
}
