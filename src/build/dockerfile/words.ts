/**
 * Replaces variables in a text and splits it into words, by the rules of BuildKit's shell lexer (frontend/dockerfile/shell):
 * nearly those of sh, without commands, arithmetic or arrays.
 */
import { EngineError } from '../../errors/engine-error.ts';
import { isDigit, isNameCharacter, isSpace, quoted } from '../../util/characters.ts';
import { parseShellPattern, replaced, withoutPrefix, withoutSuffix } from './shell-pattern.ts';

export type Lookup = (name: string) => string | undefined;

export interface WordOptions {
  /** The character that escapes (`# escape=`), a backslash by default. */
  escape?: string;
  /** Keep the quotes. */
  rawQuotes?: boolean;
  /** Keep the escapes. */
  rawEscapes?: boolean;
  /** Quotes are characters as any other: the text of a here-document. */
  ignoreQuotes?: boolean;
  /** Leave variables that are not set as they are written. */
  keepUnset?: boolean;
}

export interface Expansion {
  /** The text as one word. */
  text: string;
  /** The text split at white space that is neither quoted nor escaped, after the replacement; no word is empty. */
  words: readonly string[];
  /** The variables asked for that are set, and those that are not. */
  matched: ReadonlySet<string>;
  unmatched: ReadonlySet<string>;
}

/** Deeper nesting of `${…${…}…}` than anybody writes; an error rather than a stack that overflows. */
const deepest = 100;

/** Replaces the variables of `text`. EngineError `invalid-argument`: "failed to process …" with what is wrong in it. */
export function expand(text: string, lookup: Lookup, options: WordOptions = {}): Expansion {
  const lexer = new Lexer(text, lookup, options);
  try {
    const { text: result, words } = lexer.readUntil(undefined, options.rawEscapes === true, false);
    return { text: result, words, matched: lexer.matched, unmatched: lexer.unmatched };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError('invalid-argument', `failed to process ${quoted(text)}: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

/** Collects words: white space ends one, unless it came out of quotes or behind an escape. */
class WordList {
  private readonly words: string[] = [];
  private current = '';

  add(text: string): void {
    for (const character of text) {
      if (!isSpace(character)) this.current += character;
      else this.close();
    }
  }

  addRaw(text: string): void {
    this.current += text;
  }

  close(): string[] {
    if (this.current !== '') this.words.push(this.current);
    this.current = '';
    return this.words;
  }
}

class Lexer {
  readonly matched = new Set<string>();
  readonly unmatched = new Set<string>();
  private readonly characters: readonly string[];
  private readonly escape: string;
  private position = 0;
  private depth = 0;
  private rawEscapes = false;
  private readonly lookup: Lookup;
  private readonly options: WordOptions;

  constructor(text: string, lookup: Lookup, options: WordOptions) {
    this.characters = [...text];
    this.lookup = lookup;
    this.options = options;
    this.escape = options.escape ?? '\\';
  }

  /** Up to `stop`, which is taken, or to the end. In a pattern, quoted escapes are doubled: it is read once more. */
  readUntil(
    stop: string | undefined,
    rawEscapes: boolean,
    isPattern: boolean,
  ): { text: string; words: string[] } {
    if (this.depth >= deepest) throw invalid('variables are nested too deeply', 'nest fewer of them');
    const outer = this.rawEscapes;
    this.rawEscapes = rawEscapes;
    this.depth += 1;
    const result = this.readPieces(stop, isPattern);
    this.depth -= 1;
    this.rawEscapes = outer;
    return result;
  }

  private readPieces(stop: string | undefined, isPattern: boolean): { text: string; words: string[] } {
    const words = new WordList();
    const out: string[] = [];
    const raw = (text: string): void => {
      out.push(text);
      words.addRaw(text);
    };
    for (;;) {
      const character = this.peek();
      if (character === undefined || character === stop) break;
      if (character === '$') {
        const value = this.readVariable();
        out.push(value);
        words.add(value);
      } else if (character === '<') raw(this.readPossibleHeredoc());
      else if (character === "'" && this.options.ignoreQuotes !== true) raw(this.readSingleQuoted(isPattern));
      else if (character === '"' && this.options.ignoreQuotes !== true) raw(this.readDoubleQuoted(isPattern));
      else if (character === this.escape) raw(this.readEscaped());
      else {
        this.position += 1;
        out.push(character);
        words.add(character);
      }
    }
    if (stop !== undefined && this.next() === undefined)
      throw invalid(
        `unexpected end of statement while looking for matching ${stop}`,
        `close it with ${stop}`,
      );
    return { text: out.join(''), words: words.close() };
  }

  /** The escape and what it escapes; at the end of the text it is left out. */
  private readEscaped(): string {
    const kept = this.rawEscapes ? this.escape : '';
    this.position += 1;
    return kept + (this.next() ?? '');
  }

  /** Blanks after `<<` belong to it: `<< EOF` is one word. */
  private readPossibleHeredoc(): string {
    this.position += 1;
    if (this.peek() !== '<') return '<';
    const begin = this.position;
    this.position += 1;
    while (/^[\t\r ]$/.test(this.peek() ?? '')) this.position += 1;
    return `<${this.characters.slice(begin, this.position).join('')}`;
  }

  private readSingleQuoted(isPattern: boolean): string {
    this.position += 1;
    const out: string[] = [];
    for (;;) {
      const character = this.next();
      if (character === undefined) throw unclosed('single-quote');
      if (character === "'") return this.inQuotes("'", out);
      if (isPattern && character === this.escape) out.push(character);
      out.push(character);
    }
  }

  private readDoubleQuoted(isPattern: boolean): string {
    this.position += 1;
    const out: string[] = [];
    for (;;) {
      const character = this.peek();
      if (character === undefined) throw unclosed('double-quote');
      if (character === '$') {
        out.push(this.readVariable());
        continue;
      }
      this.position += 1;
      if (character === '"') return this.inQuotes('"', out);
      out.push(character === this.escape ? this.readEscapedInQuotes(isPattern) : character);
    }
  }

  private inQuotes(quote: string, out: readonly string[]): string {
    const mark = this.options.rawQuotes === true ? quote : '';
    return mark + out.join('') + mark;
  }

  /** Within double quotes only these can be escaped; before others the escape stays. */
  private readEscapedInQuotes(isPattern: boolean): string {
    const escaped = this.peek();
    if (escaped === undefined) return '';
    if (escaped !== '"' && escaped !== '$' && escaped !== this.escape) {
      const doubled = this.rawEscapes && (this.options.rawQuotes !== true || isPattern);
      return doubled ? this.escape + this.escape : this.escape;
    }
    this.position += 1;
    return (this.rawEscapes ? this.escape : '') + escaped;
  }

  private readVariable(): string {
    this.position += 1;
    if (this.peek() === '{') {
      this.position += 1;
      return this.readBraced();
    }
    const name = this.readName();
    if (name === '') return '$';
    const value = this.valueOf(name);
    return value ?? (this.options.keepUnset === true ? `$${name}` : '');
  }

  private readBraced(): string {
    const first = this.peek();
    if (first === undefined) throw missing('}');
    if (first === '{' || first === '}' || first === ':')
      throw invalid('syntax error: bad substitution', 'name a variable after ${');
    const name = this.readName();
    const operator = this.next();
    if (operator === '}') {
      const value = this.valueOf(name);
      return value ?? (this.options.keepUnset === true ? `\${${name}}` : '');
    }
    if (operator === '/') return this.readReplacement(name);
    if (operator === ':') return this.readOperator(name, this.next() ?? '', true);
    if (operator === undefined) throw missing('}');
    return this.readOperator(name, operator, false);
  }

  private readOperator(name: string, operator: string, emptyIsUnset: boolean): string {
    const written = `${emptyIsUnset ? ':' : ''}${operator}`;
    const isTrim = operator === '#' || operator === '%';
    if (operator === '' || !'+-?#%'.includes(operator) || (isTrim && emptyIsUnset)) {
      throw invalid(
        `unsupported modifier (${written}) in substitution`,
        'use one of :- - :+ + :? ? # ## % %% / //',
      );
    }
    const word = this.readOperand('}', isTrim, isTrim, '}');
    const value = this.valueOf(name);
    if (value === undefined && this.options.keepUnset === true) return `\${${name}${written}${word}}`;
    if (isTrim) return trimmed(value ?? '', operator, word);
    const isUnset = value === undefined || (emptyIsUnset && value === '');
    if (operator === '-') return isUnset ? word : value;
    if (operator === '+') return isUnset ? '' : word;
    if (!isUnset) return value;
    const reason = value === undefined ? 'is not allowed to be unset' : 'is not allowed to be empty';
    throw invalid(
      `${name}: ${word === '' ? reason : word}`,
      `give ${name} a value, with ARG, ENV or --build-arg`,
    );
  }

  private readReplacement(name: string): string {
    const every = this.peek() === '/';
    if (every) this.position += 1;
    const pattern = this.readOperand('/', true, true, '/');
    const replacement = this.readOperand('}', true, false, '}');
    const value = this.valueOf(name);
    if (value === undefined && this.options.keepUnset === true)
      return `\${${name}/${pattern}/${replacement}}`;
    return replaced(value ?? '', parseShellPattern(pattern), replacement, every);
  }

  /** What stands before `stop`; an end of the text is told as what is missing. */
  private readOperand(stop: string, rawEscapes: boolean, isPattern: boolean, wanted: '}' | '/'): string {
    try {
      return this.readUntil(stop, rawEscapes, isPattern).text;
    } catch (error) {
      if (this.peek() === undefined) throw missing(wanted);
      throw error;
    }
  }

  /** Digits, one special character, or letters, digits and underscores. */
  private readName(): string {
    const first = this.peek() ?? '';
    const begin = this.position;
    if (isDigit(first)) {
      while (isDigit(this.peek() ?? '')) this.position += 1;
    } else if (first !== '' && '@*#?-$!'.includes(first)) this.position += 1;
    else while (isNameCharacter(this.peek() ?? '')) this.position += 1;
    return this.characters.slice(begin, this.position).join('');
  }

  private valueOf(name: string): string | undefined {
    const value = this.lookup(name);
    (value === undefined ? this.unmatched : this.matched).add(name);
    return value;
  }

  private peek(): string | undefined {
    return this.characters[this.position];
  }

  private next(): string | undefined {
    const character = this.peek();
    this.position += 1;
    return character;
  }
}

/** The operator once more at the beginning of the word asks for the longest match. */
function trimmed(value: string, operator: string, word: string): string {
  const longest = word.startsWith(operator);
  const pattern = parseShellPattern(longest ? word.slice(1) : word);
  return operator === '#' ? withoutPrefix(value, pattern, longest) : withoutSuffix(value, pattern, longest);
}

function invalid(message: string, hint: string): EngineError {
  return new EngineError('invalid-argument', message, { hint });
}

function missing(character: '}' | '/'): EngineError {
  const place = character === '/' ? ` in \${}` : '';
  return invalid(`syntax error: missing '${character}'${place}`, `close the substitution with ${character}`);
}

function unclosed(quote: string): EngineError {
  return invalid(
    `unexpected end of statement while looking for matching ${quote}`,
    `close the ${quote}, or put an escape before it`,
  );
}
