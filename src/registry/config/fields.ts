/** Kinds of configuration values: how each is checked and read, and what stands below it. */
import { parseDuration, parseSize } from './duration.ts';
import { nearest } from './nearest.ts';

export type Path = ReadonlyArray<string | number>;

/** What is found on the way through a configuration. */
export interface Findings {
  /** A value that cannot be used: `expected` says what stands there instead. */
  wrong(path: Path, expected: string, value: unknown): void;
  /** A key that means nothing. */
  unknown(path: Path, meant: string | undefined): void;
}

/** One kind of value. `decode` returns undefined where there is nothing, or nothing usable (which it reports). */
export interface Field<T> {
  readonly kind: 'scalar' | 'text' | 'list' | 'map' | 'struct';
  decode(raw: unknown, path: Path, findings: Findings): T | undefined;
  /** The field of a key below. */
  child?(key: string): Field<unknown> | undefined;
  /** Keys of a struct. */
  readonly keys?: readonly string[];
  /** A struct for which a word stands that is one of its keys: `auth: htpasswd`. */
  readonly shorthand?: boolean;
}

export type Decoded<F> = F extends Field<infer T> ? T : never;

function scalar<T>(expected: string, read: (raw: unknown) => T | undefined): Field<T> {
  return {
    kind: 'scalar',
    decode(raw, path, findings) {
      if (raw === undefined || raw === null) return undefined;
      const value = read(raw);
      if (value === undefined) findings.wrong(path, expected, raw);
      return value;
    },
  };
}

/** Text; numbers and truth values are taken as they were written. */
export function text(expected = 'text'): Field<string> {
  const field = scalar(expected, (raw) =>
    typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean' ? String(raw) : undefined,
  );
  return { ...field, kind: 'text' };
}

export function choice<const T extends string>(words: readonly T[]): Field<T> {
  const field = scalar(`one of ${words.join(', ')}`, (raw) =>
    words.find((word) => word === String(raw).toLowerCase()),
  );
  return { ...field, kind: 'text' };
}

const yes = new Set(['true', 'yes', 'on', 'y']);
const no = new Set(['false', 'no', 'off', 'n']);

/** True or false; YAML 1.1's words for it too, which distribution takes. */
export function flag(): Field<boolean> {
  return scalar('true or false', (raw) => {
    if (typeof raw === 'boolean') return raw;
    const word = String(raw).toLowerCase();
    return yes.has(word) ? true : no.has(word) ? false : undefined;
  });
}

export function integer(min = 0): Field<number> {
  return scalar(`a whole number, at least ${min}`, (raw) => {
    const value = typeof raw === 'string' && /^-?\d+$/.test(raw) ? Number(raw) : raw;
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= min ? value : undefined;
  });
}

/** Milliseconds. */
export function duration(): Field<number> {
  return scalar('a duration such as 30s, 10m or 168h', (raw) =>
    typeof raw === 'string' || typeof raw === 'number' ? parseDuration(raw) : undefined,
  );
}

/** Bytes. */
export function size(): Field<number> {
  return scalar('a size such as 500MB or 10GB', (raw) =>
    typeof raw === 'string' || typeof raw === 'number' ? parseSize(raw) : undefined,
  );
}

/** Anything at all. */
export function free(): Field<unknown> {
  const field: Field<unknown> = {
    kind: 'map',
    decode: (raw) => raw ?? undefined,
    child: () => field,
  };
  return field;
}

/** A list; a single value stands for a list of one. */
export function list<T>(item: Field<T>): Field<T[]> {
  return {
    kind: 'list',
    child: () => item,
    decode(raw, path, findings) {
      if (raw === undefined || raw === null) return undefined;
      const values = Array.isArray(raw) ? raw : item.kind === 'text' || item.kind === 'scalar' ? [raw] : raw;
      if (!Array.isArray(values)) {
        findings.wrong(path, 'a list', raw);
        return undefined;
      }
      const decoded = values.map((value: unknown, index) => item.decode(value, [...path, index], findings));
      return decoded.filter((value) => value !== undefined);
    },
  };
}

/** Keys of anyone's choice, each with the same kind of value. */
export function map<T>(item: Field<T>): Field<Record<string, T>> {
  return {
    kind: 'map',
    child: () => item,
    decode(raw, path, findings) {
      if (raw === undefined || raw === null) return undefined;
      if (!isRecord(raw)) {
        findings.wrong(path, 'keys with values', raw);
        return undefined;
      }
      const entries = Object.entries(raw).map(
        ([key, value]) => [key, item.decode(value, [...path, key], findings)] as const,
      );
      return Object.fromEntries(entries.filter((entry): entry is [string, T] => entry[1] !== undefined));
    },
  };
}

type Fields = Record<string, Field<unknown>>;
export type Struct<F extends Fields> = { [K in keyof F]?: Decoded<F[K]> };

/** Known keys, each with its own kind of value; other keys are reported. */
export function struct<F extends Fields>(
  fields: F,
  options: { shorthand?: boolean } = {},
): Field<Struct<F>> & { readonly keys: readonly string[] } {
  const keys = Object.keys(fields);
  return {
    kind: 'struct',
    keys,
    shorthand: options.shorthand === true,
    child: (key) => (Object.hasOwn(fields, key) ? fields[key] : undefined),
    decode(raw, path, findings) {
      if (raw === undefined || raw === null) return undefined;
      const value = options.shorthand === true && typeof raw === 'string' ? { [raw]: {} } : raw;
      if (!isRecord(value)) {
        findings.wrong(path, `keys with values (${keys.join(', ')})`, raw);
        return undefined;
      }
      const decoded: Record<string, unknown> = {};
      for (const [key, below] of Object.entries(value)) {
        const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
        if (field === undefined) findings.unknown([...path, key], nearest(key, keys));
        const one = field?.decode(below, [...path, key], findings);
        if (one !== undefined) decoded[key] = one;
      }
      return decoded as Struct<F>;
    },
  };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
