/** Reads a query string as Docker does: its notion of a boolean, its numbers, its filters. */
import { EngineError } from '../errors/engine-error.ts';

/** By filter name; same shape as the engine's. */
export type Filters = ReadonlyMap<string, readonly string[]>;

const falseWords = new Set(['', '0', 'no', 'false', 'none']);

export class Query {
  readonly #values: URLSearchParams;

  constructor(url: string) {
    const mark = url.indexOf('?');
    this.#values = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  }

  /** The same query with another value of `name`. */
  with(name: string, value: string): Query {
    const values = new URLSearchParams(this.#values);
    values.set(name, value);
    return new Query(`?${values.toString()}`);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value, or '' where it is missing. */
  text(name: string): string {
    return this.#values.get(name) ?? '';
  }

  /** The value, or undefined where it is missing or empty. */
  optional(name: string): string | undefined {
    const text = this.text(name);
    return text === '' ? undefined : text;
  }

  all(name: string): string[] {
    return this.#values.getAll(name);
  }

  /** True for any text but '', 0, no, false and none. */
  boolean(name: string, fallback = false): boolean {
    const text = this.#values.get(name);
    return text === null || text === '' ? fallback : !falseWords.has(text.trim().toLowerCase());
  }

  /** A whole number, or undefined where it is missing. EngineError `invalid-argument` for anything else. */
  integer(name: string): number | undefined {
    const text = this.text(name);
    if (text === '') return undefined;
    if (!/^[+-]?\d+$/.test(text)) {
      throw new EngineError('invalid-argument', `invalid value "${text}" for ${name}: it must be an integer`);
    }
    return Number(text);
  }

  /** `{"name":["a"]}`, or the older `{"name":{"a":true}}`. EngineError `invalid-argument` for anything else. */
  filters(): Filters {
    const text = this.text('filters');
    return text === '' ? new Map() : parseFilters(text);
  }
}

function parseFilters(text: string): Filters {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalidFilter(text, cause);
  }
  if (value === null) return new Map();
  if (typeof value !== 'object' || Array.isArray(value)) throw invalidFilter(text);
  return new Map(Object.entries(value).map(([name, given]) => [name, filterValues(given, text)]));
}

function filterValues(given: unknown, text: string): string[] {
  if (Array.isArray(given) && given.every((one) => typeof one === 'string')) return given;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalidFilter(text);
  return Object.entries(given)
    .filter(([, on]) => on === true)
    .map(([name]) => name);
}

function invalidFilter(text: string, cause?: unknown): EngineError {
  return new EngineError('invalid-argument', `invalid filters: ${text}`, {
    cause,
    hint: 'give a JSON object of lists, such as {"status":["running"]}',
  });
}
