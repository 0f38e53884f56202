/** Reads the fields of a JSON document: type-checked, forgiving about missing ones and null, silent about unknown ones. */
import { EngineError } from '../errors/engine-error.ts';

export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;
  #byLowerCase: Map<string, unknown> | undefined;

  private constructor(values: Readonly<Record<string, unknown>>, path: string) {
    this.#values = values;
    this.#path = path;
  }

  /** EngineError `invalid-argument` where `value` is no object. `path` names it in later errors. */
  static of(value: unknown, path = ''): Fields {
    if (!isObject(value)) throw wrongType(path === '' ? 'the document' : path, 'an object', value);
    return new Fields(value, path);
  }

  string(name: string): string {
    return this.optionalString(name) ?? '';
  }

  optionalString(name: string): string | undefined {
    return this.#typed(name, 'a string', isString);
  }

  boolean(name: string): boolean {
    return this.optionalBoolean(name) ?? false;
  }

  optionalBoolean(name: string): boolean | undefined {
    return this.#typed(name, 'a boolean', isBoolean);
  }

  integer(name: string): number {
    return this.optionalInteger(name) ?? 0;
  }

  optionalInteger(name: string): number | undefined {
    return this.#typed(name, 'an integer', isInteger);
  }

  strings(name: string): string[] {
    return this.optionalStrings(name) ?? [];
  }

  optionalStrings(name: string): string[] | undefined {
    return this.#typed(name, 'a list of strings', isStringList);
  }

  /** One string counts as a list of one, as in `Cmd` and `Entrypoint`. */
  words(name: string): string[] | undefined {
    const value = this.#get(name);
    return typeof value === 'string' ? [value] : this.optionalStrings(name);
  }

  stringMap(name: string): Record<string, string> {
    return this.optionalStringMap(name) ?? {};
  }

  optionalStringMap(name: string): Record<string, string> | undefined {
    return this.#typed(name, 'an object of strings', isStringMap);
  }

  /** The keys of a set, which Docker writes as an object of empty objects: `{"80/tcp":{}}`. */
  keys(name: string): string[] {
    return this.objectMap(name).map(([key]) => key);
  }

  /** An object's fields, to be read on; an empty one where it is missing. */
  object(name: string): Fields {
    return this.optionalObject(name) ?? new Fields({}, this.#pathOf(name));
  }

  optionalObject(name: string): Fields | undefined {
    const value = this.#typed(name, 'an object', isObject);
    return value === undefined ? undefined : new Fields(value, this.#pathOf(name));
  }

  objects(name: string): Fields[] {
    const list = this.list(name);
    return list.map((value, index) => Fields.of(value, `${this.#pathOf(name)}[${index}]`));
  }

  list(name: string): unknown[] {
    return this.#typed(name, 'a list', isList) ?? [];
  }

  /** An object of objects; null as a value counts as an empty object. */
  objectMap(name: string): Array<[key: string, fields: Fields]> {
    const value = this.#typed(name, 'an object', isObject) ?? {};
    return Object.entries(value).map(([key, one]) => [
      key,
      Fields.of(one ?? {}, `${this.#pathOf(name)}.${key}`),
    ]);
  }

  /** An object of lists of objects, as `PortBindings`; null as a value counts as an empty list. */
  objectListMap(name: string): Array<[key: string, fields: Fields[]]> {
    const value = this.#typed(name, 'an object', isObject) ?? {};
    const inner = new Fields(value, this.#pathOf(name));
    return Object.keys(value).map((key) => [key, inner.objects(key)]);
  }

  /** Two whole numbers, as `ConsoleSize`. */
  pair(name: string): [number, number] | undefined {
    const list = this.list(name);
    const [first, second] = list;
    if (list.length === 0) return undefined;
    if (list.length !== 2 || !Number.isInteger(first) || !Number.isInteger(second)) {
      throw wrongType(this.#pathOf(name), 'a pair of integers', list);
    }
    return [Number(first), Number(second)];
  }

  #typed<T>(name: string, what: string, is: (value: unknown) => value is T): T | undefined {
    const value = this.#get(name);
    if (value === undefined || value === null) return undefined;
    if (!is(value)) throw wrongType(this.#pathOf(name), what, value);
    return value;
  }

  /** Go's decoder, and so Docker's, takes names in any case where the exact one is missing. */
  #get(name: string): unknown {
    if (Object.hasOwn(this.#values, name)) return this.#values[name];
    this.#byLowerCase ??= new Map(
      Object.entries(this.#values).map(([key, value]) => [key.toLowerCase(), value]),
    );
    return this.#byLowerCase.get(name.toLowerCase());
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isBoolean(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isInteger(value: unknown): value is number {
  return Number.isInteger(value);
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStringList(value: unknown): value is string[] {
  return isList(value) && value.every(isString);
}

function isStringMap(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every(isString);
}

function wrongType(path: string, wanted: string, value: unknown): EngineError {
  return new EngineError('invalid-argument', `invalid JSON: ${path} must be ${wanted}, not ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'such a list';
  if (typeof value === 'object') return 'such an object';
  return typeof value === 'string' ? 'a string' : `${value}`;
}
