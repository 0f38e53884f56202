/** The values of a template: JSON as Go's types would hold it, so that printing and truth follow Go. */
import { EngineError } from '../../errors/engine-error.ts';

/** A nil slice, map or pointer: each prints differently. */
export class GoNil {
  readonly kind: 'slice' | 'map' | 'pointer';

  constructor(kind: 'slice' | 'map' | 'pointer') {
    this.kind = kind;
  }
}

/** Called with the arguments that follow it in the template. */
export type GoMethod = (...parameters: GoValue[]) => GoValue;

/** A struct: fields in their order. */
export class GoStruct {
  readonly fields: ReadonlyMap<string, GoValue>;

  constructor(fields: ReadonlyMap<string, GoValue>) {
    this.fields = fields;
  }
}

/** A row of a list: each field is a method, evaluated when it is asked for. */
export class GoRow {
  readonly name: string;
  readonly methods: Readonly<Record<string, GoMethod>>;

  constructor(name: string, methods: Readonly<Record<string, GoMethod>>) {
    this.name = name;
    this.methods = methods;
  }
}

/** `undefined` is Go's invalid value, printed as `<no value>`. */
export type GoValue =
  | undefined
  | string
  | number
  | boolean
  | GoNil
  | GoStruct
  | GoRow
  | readonly GoValue[]
  | ReadonlyMap<string, GoValue>;

/** Fields whose documents are maps in Docker's Go types; every other document is a struct. */
const maps = new Set([
  'Annotations',
  'AuxiliaryAddresses',
  'Containers',
  'Data',
  'DriverOpts',
  'ExposedPorts',
  'IndexConfigs',
  'Labels',
  'Networks',
  'Options',
  'PortBindings',
  'Ports',
  'Runtimes',
  'StorageOpt',
  'Status',
  'Sysctls',
  'Tmpfs',
  'Volumes',
  'Details',
  'Attributes',
]);

/** Fields that are pointers, or left out of the JSON when empty: asking for one that is missing is no error. */
const pointers = new Set([
  'CreatedAt',
  'Health',
  'Healthcheck',
  'IPAMConfig',
  'Init',
  'MemorySwappiness',
  'Mounts',
  'NetworkDisabled',
  'OomKillDisable',
  'PidsLimit',
  'Shell',
  'SizeRootFs',
  'SizeRw',
  'StopSignal',
  'StopTimeout',
  'UsageData',
  'Variant',
]);

/** Turns a document of the API into Go's values. `key` is the field that it hangs on. */
export function toGoValue(document: unknown, key = ''): GoValue {
  if (document === undefined || document === null) return nilOf(key);
  if (typeof document === 'string' || typeof document === 'number' || typeof document === 'boolean')
    return document;
  if (Array.isArray(document)) return document.map((item: unknown) => toGoValue(item));
  if (typeof document !== 'object') return String(document);
  const isLogOptions =
    key === 'Config' && Object.values(document).every((value) => typeof value === 'string');
  if (maps.has(key) || isLogOptions) {
    return new Map(Object.entries(document).map(([name, value]) => [name, toGoValue(value)]));
  }
  return new GoStruct(
    new Map(Object.entries(document).map(([name, value]) => [name, toGoValue(value, name)])),
  );
}

function nilOf(key: string): GoNil {
  if (maps.has(key)) return new GoNil('map');
  return new GoNil(pointers.has(key) ? 'pointer' : 'slice');
}

/** The nil that a struct's missing field stands for, or undefined if there is no such field. */
export function missingField(name: string): GoNil | undefined {
  return pointers.has(name) || maps.has(name) ? nilOf(name) : undefined;
}

/** JSON as Go encodes it: maps sorted, structs in order. */
export function toJson(value: GoValue): unknown {
  if (value === undefined || value instanceof GoNil) return null;
  if (Array.isArray(value)) return value.map(toJson);
  if (value instanceof GoStruct) {
    return Object.fromEntries([...value.fields].map(([name, field]) => [name, toJson(field)]));
  }
  if (value instanceof GoRow) return rowToJson(value);
  if (value instanceof Map) {
    const entries: Array<[string, GoValue]> = [...value];
    return Object.fromEntries(sortByKey(entries).map(([name, item]) => [name, toJson(item)]));
  }
  return value;
}

function rowToJson(row: GoRow): unknown {
  const plain = Object.entries(row.methods).filter(([, method]) => method.length === 0);
  return Object.fromEntries(sortByKey(plain).map(([name, method]) => [name, toJson(method())]));
}

/** Byte order, as Go sorts strings. */
export function sortByKey<T>(entries: Array<[string, T]>): Array<[string, T]> {
  return entries.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
}

/** Whether `{{if}}` takes it as true. */
export function isTrue(value: GoValue): boolean {
  if (value === undefined || value instanceof GoNil) return false;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Map) return value.size > 0;
  return value !== '' && value !== 0 && value !== false;
}

/** The Go type, for messages. */
export function typeName(value: GoValue): string {
  if (value === undefined) return '<nil>';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  if (value instanceof GoRow) return value.name;
  if (value instanceof GoStruct) return 'struct';
  if (value instanceof GoNil) return `nil ${value.kind}`;
  return Array.isArray(value) ? 'slice' : 'map[string]interface {}';
}

/** The text of a string value. EngineError `invalid-argument` for anything else. */
export function expectString(value: GoValue): string {
  if (typeof value === 'string') return value;
  throw new EngineError('invalid-argument', `wrong type for value; expected string; got ${typeName(value)}`);
}

/** EngineError `invalid-argument` for anything that is no whole number. */
export function expectInteger(value: GoValue): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new EngineError('invalid-argument', `wrong type for value; expected int; got ${typeName(value)}`);
}
