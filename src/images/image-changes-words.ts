/** Words of Dockerfile instructions: quotes taken off, variables put in, as Docker's own lexer does it (buildkit, frontend/dockerfile/shell). */
import { EngineError } from '../errors/engine-error.ts';

/** Values of variables by name. */
export type Variables = ReadonlyMap<string, string>;

const namePattern = /[A-Za-z_][A-Za-z0-9_]*|[0-9]|[@*#?!$-]/y;
const space = /\s/;
/** Nobody nests `${a:-${b:-c}}` deep. */
const maxNesting = 32;

export function invalidChange(what: string): EngineError {
  return new EngineError('invalid-argument', what, {
    hint: 'give one Dockerfile instruction, for example --change \'CMD ["sh"]\'',
  });
}

/** By name, of `NAME=value` texts. */
export function variablesOf(environment: readonly string[]): Variables {
  return new Map(
    environment.map((text): [string, string] => {
      const at = text.indexOf('=');
      return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

interface Stops {
  /** Ends the text where it stands unquoted. */
  end?: string;
  /** White space ends a word. */
  atSpace: boolean;
}

class Lexer {
  readonly #text: string;
  readonly #variables: Variables;
  /** What a variable holds counts as several words. */
  readonly #splitsValues: boolean;
  #at = 0;
  #nesting = 0;
  #words: string[] = [];
  #word: string | undefined;

  constructor(text: string, variables: Variables, splitsValues: boolean) {
    this.#text = text;
    this.#variables = variables;
    this.#splitsValues = splitsValues;
  }

  words(): string[] {
    this.#read({ atSpace: true }, (part, isValue) => this.#add(part, isValue));
    this.#endWord();
    return this.#words;
  }

  whole(): string {
    let whole = '';
    this.#read({ atSpace: false }, (part) => {
      whole += part;
    });
    return whole;
  }

  #add(part: string, isValue: boolean): void {
    if (!isValue || !this.#splitsValues) {
      this.#word = (this.#word ?? '') + part;
      return;
    }
    for (const [index, piece] of part.split(/\s+/).entries()) {
      if (index > 0) this.#endWord();
      if (piece !== '') this.#word = (this.#word ?? '') + piece;
    }
  }

  #endWord(): void {
    if (this.#word !== undefined) this.#words.push(this.#word);
    this.#word = undefined;
  }

  /** Reads up to the end, or to an unquoted `stops.end`, which stays. */
  #read(stops: Stops, add: (part: string, isValue: boolean) => void): void {
    for (let char = this.#text[this.#at]; char !== undefined; char = this.#text[this.#at]) {
      if (char === stops.end) return;
      this.#at += 1;
      if (char === "'") add(this.#singleQuoted(), false);
      else if (char === '"') this.#doubleQuoted(add);
      else if (char === '$') add(this.#variable(), true);
      else if (char === '\\') add(this.#text[this.#at++] ?? '\\', false);
      else if (stops.atSpace && space.test(char)) this.#endWord();
      else add(char, false);
    }
    if (stops.end !== undefined) throw this.#unfinished(`missing '${stops.end}'`);
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at);
    if (end < 0)
      throw this.#unfinished('unexpected end of statement while looking for matching single-quote');
    const part = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    return part;
  }

  #doubleQuoted(add: (part: string, isValue: boolean) => void): void {
    add('', false);
    for (let char = this.#text[this.#at]; char !== undefined; char = this.#text[this.#at]) {
      this.#at += 1;
      if (char === '"') return;
      const next = this.#text[this.#at] ?? '';
      if (char === '$') add(this.#variable(), false);
      else if (char === '\\' && '"$\\`'.includes(next) && next !== '') {
        add(next, false);
        this.#at += 1;
      } else add(char, false);
    }
    throw this.#unfinished('unexpected end of statement while looking for matching double-quote');
  }

  /** What follows a `$`. */
  #variable(): string {
    if (this.#text[this.#at] === '{') return this.#braced();
    return this.#value(this.#name() ?? undefined) ?? '';
  }

  #name(): string | undefined {
    namePattern.lastIndex = this.#at;
    const name = namePattern.exec(this.#text)?.[0];
    if (name !== undefined) this.#at += name.length;
    return name;
  }

  /** A `$` that no name follows is one. */
  #value(name: string | undefined): string | undefined {
    return name === undefined ? '$' : this.#variables.get(name);
  }

  /** `{NAME}`, `{NAME:-word}` and its like. */
  #braced(): string {
    this.#at += 1;
    const name = this.#name();
    if (name === undefined) throw this.#unfinished('bad substitution');
    const value = this.#value(name);
    const operator = /:?[-+?]/y;
    operator.lastIndex = this.#at;
    const found = operator.exec(this.#text)?.[0];
    if (found === undefined) {
      if (this.#text[this.#at] !== '}')
        throw invalidChange(`unsupported modifier (${this.#text[this.#at] ?? ''}) in substitution`);
      this.#at += 1;
      return value ?? '';
    }
    this.#at += found.length;
    const word = this.#nested();
    const isSet = value !== undefined && (value !== '' || !found.startsWith(':'));
    return this.#substitute(name, found.at(-1) ?? '', isSet ? value : undefined, word);
  }

  #nested(): string {
    this.#nesting += 1;
    if (this.#nesting > maxNesting) throw invalidChange('substitutions are nested too deep');
    let word = '';
    this.#read({ end: '}', atSpace: false }, (part) => {
      word += part;
    });
    this.#at += 1;
    this.#nesting -= 1;
    return word;
  }

  #substitute(name: string, operator: string, value: string | undefined, word: string): string {
    if (operator === '+') return value === undefined ? '' : word;
    if (value !== undefined) return value;
    if (operator === '-') return word;
    throw invalidChange(`${name}: ${word || 'is not allowed to be unset'}`);
  }

  #unfinished(why: string): EngineError {
    return invalidChange(`syntax error: ${why} in ${this.#text.slice(0, 200)}`);
  }
}

const nothing: Variables = new Map();

/** Splits like a shell does. With `splitsValues`, what an unquoted variable holds may be several words. EngineError `invalid-argument`. */
export function splitWords(text: string, variables: Variables = nothing, splitsValues = false): string[] {
  return new Lexer(text, variables, splitsValues).words();
}

/** The whole text as one word. EngineError `invalid-argument`. */
export function expandText(text: string, variables: Variables): string {
  return new Lexer(text, variables, false).whole();
}
