/** The functions that a template can call: Go's own and the ones that Docker adds. */
import { EngineError } from '../../errors/engine-error.ts';
import { formatPrintf, printValue } from './print-value.ts';
import {
  expectInteger,
  expectString,
  GoNil,
  GoRow,
  GoStruct,
  type GoValue,
  isTrue,
  toJson,
  typeName,
} from './value.ts';

export interface TemplateFunction {
  call: (parameters: readonly GoValue[]) => GoValue;
  /** Fewest and most arguments. */
  arity: [fewest: number, most: number];
}

function define(fewest: number, most: number, call: TemplateFunction['call']): TemplateFunction {
  return { call, arity: [fewest, most] };
}

const any = Number.POSITIVE_INFINITY;

/** By name. `and` and `or` are here for their names only: the evaluator stops at the first argument that decides. */
export const functions: ReadonlyMap<string, TemplateFunction> = new Map([
  ['and', define(1, any, (values) => values.find((value) => !isTrue(value)) ?? values.at(-1))],
  ['or', define(1, any, (values) => values.find(isTrue) ?? values.at(-1))],
  ['not', define(1, 1, ([value]) => !isTrue(value))],
  ['len', define(1, 1, ([value]) => lengthOf(value))],
  ['index', define(1, any, ([value, ...keys]) => keys.reduce(indexInto, value))],
  ['slice', define(1, 4, ([value, ...bounds]) => sliceOf(value, bounds))],
  ['print', define(0, any, (values) => printSpaced(values))],
  ['printf', define(1, any, ([format, ...rest]) => formatPrintf(expectString(format), rest))],
  ['println', define(0, any, (values) => `${values.map(printArgument).join(' ')}\n`)],
  ['html', define(0, any, (values) => escapeHtml(printSpaced(values)))],
  ['js', define(0, any, (values) => escapeJs(printSpaced(values)))],
  ['urlquery', define(0, any, (values) => encodeURIComponent(printSpaced(values)).replaceAll('%20', '+'))],
  ['eq', define(2, any, ([first, ...rest]) => rest.some((value) => equal(first, value)))],
  ['ne', define(2, 2, ([left, right]) => !equal(left, right))],
  ['lt', define(2, 2, ([left, right]) => compare(left, right) < 0)],
  ['le', define(2, 2, ([left, right]) => compare(left, right) <= 0)],
  ['gt', define(2, 2, ([left, right]) => compare(left, right) > 0)],
  ['ge', define(2, 2, ([left, right]) => compare(left, right) >= 0)],
  ['json', define(1, 1, ([value]) => encodeJson(value))],
  ['split', define(2, 2, ([text, separator]) => expectString(text).split(expectString(separator)))],
  [
    'join',
    define(2, 2, ([values, separator]) => listOf(values).map(expectString).join(expectString(separator))),
  ],
  [
    'title',
    define(1, 1, ([text]) =>
      expectString(text).replace(/(?<![\p{L}\p{N}_'])\p{L}/gu, (letter) => letter.toUpperCase()),
    ),
  ],
  ['lower', define(1, 1, ([text]) => expectString(text).toLowerCase())],
  ['upper', define(1, 1, ([text]) => expectString(text).toUpperCase())],
  [
    'pad',
    define(3, 3, ([text, before, after]) =>
      pad(expectString(text), expectInteger(before), expectInteger(after)),
    ),
  ],
  ['truncate', define(2, 2, ([text, length]) => truncate(expectString(text), expectInteger(length)))],
]);

/** In a table's first line, docker's functions leave the heading as it is. */
export const headerFunctions: ReadonlyMap<string, TemplateFunction> = new Map([
  ...functions,
  ...['json', 'title', 'lower', 'upper'].map((name): [string, TemplateFunction] => [
    name,
    define(1, 1, ([value]) => value),
  ]),
  ['truncate', define(2, 2, ([value]) => value)],
  ['pad', define(3, 3, ([value]) => value)],
  ['join', define(2, 2, ([value]) => value)],
  ['split', define(2, 2, ([value]) => value)],
]);

const unsafe: Readonly<Record<string, string>> = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026' };

/** As docker does: only whole rows have their HTML characters escaped. */
function encodeJson(value: GoValue): string {
  const text = JSON.stringify(toJson(value));
  return hasRows(value) ? text.replace(/[<>&]/g, (character) => unsafe[character] ?? character) : text;
}

/** A row, or a document with lists of them. */
function hasRows(value: GoValue): boolean {
  if (value instanceof GoStruct) return [...value.fields.values()].some(hasRows);
  return value instanceof GoRow || (Array.isArray(value) && value[0] instanceof GoRow);
}

function fail(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}

function lengthOf(value: GoValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value instanceof GoNil && value.kind !== 'pointer') return 0;
  if (Array.isArray(value)) return value.length;
  if (value instanceof Map) return value.size;
  throw fail(value === undefined ? 'len of nil pointer' : `len of type ${typeName(value)}`);
}

function indexInto(value: GoValue, key: GoValue): GoValue {
  if (value === undefined) throw fail('index of untyped nil');
  if (value instanceof Map) return mapItem(value, key);
  if (value instanceof GoNil && value.kind === 'map') return '';
  if (typeof value === 'string') return Buffer.from(value)[checkedIndex(key, Buffer.byteLength(value))];
  if (Array.isArray(value) || (value instanceof GoNil && value.kind === 'slice')) {
    const list = listOf(value);
    return list[checkedIndex(key, list.length)];
  }
  throw fail(`can't index item of type ${typeName(value)}`);
}

/** A missing key gives the zero value, which for Docker's maps is nearly always the empty string or list. */
function mapItem(value: ReadonlyMap<string, GoValue>, key: GoValue): GoValue {
  const found = value.get(expectString(key));
  if (found !== undefined) return found;
  const sample: GoValue = value.values().next().value;
  return sample === undefined || typeof sample === 'string' ? '' : new GoNil('slice');
}

function checkedIndex(key: GoValue, length: number): number {
  if (typeof key !== 'number') throw fail(`cannot index slice/array with type ${typeName(key)}`);
  const index = expectInteger(key);
  if (index < 0 || index >= length) throw fail(`index out of range: ${index}`);
  return index;
}

function sliceOf(value: GoValue, bounds: readonly GoValue[]): GoValue {
  if (typeof value !== 'string' && !Array.isArray(value))
    throw fail(`can't slice item of type ${typeName(value)}`);
  const length = lengthOf(value);
  const [start = 0, end = length] = bounds.map(expectInteger);
  if (start < 0 || start > length) throw fail(`index out of range: ${start}`);
  if (end < 0 || end > length) throw fail(`index out of range: ${end}`);
  if (start > end) throw fail(`invalid slice index: ${start} > ${end}`);
  return typeof value === 'string'
    ? Buffer.from(value).subarray(start, end).toString()
    : value.slice(start, end);
}

function listOf(value: GoValue): readonly GoValue[] {
  if (Array.isArray(value)) return value;
  if (value instanceof GoNil && value.kind !== 'pointer') return [];
  throw fail(`wrong type for value; expected []string; got ${typeName(value)}`);
}

function printArgument(value: GoValue): string {
  return value === undefined ? '<nil>' : printValue(value);
}

/** Go's Sprint: a space between two operands when neither is a string. */
function printSpaced(values: readonly GoValue[]): string {
  return values.reduce<string>((text, value, index) => {
    const gap = index > 0 && typeof value !== 'string' && typeof values[index - 1] !== 'string' ? ' ' : '';
    return text + gap + printArgument(value);
  }, '');
}

function equal(left: GoValue, right: GoValue): boolean {
  if (isNil(left) || isNil(right)) return isNil(left) && isNil(right);
  if (!isBasic(left) || !isBasic(right)) throw fail('incompatible types for comparison');
  if (typeof left !== typeof right) throw fail('incompatible types for comparison');
  return left === right;
}

function isNil(value: GoValue): boolean {
  return value === undefined || value instanceof GoNil;
}

function isBasic(value: GoValue): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function compare(left: GoValue, right: GoValue): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  if (typeof left === 'string' && typeof right === 'string') return left < right ? -1 : left > right ? 1 : 0;
  const structured = [left, right].some(
    (value) => value instanceof GoStruct || value instanceof GoRow || typeof value === 'boolean',
  );
  throw fail(structured ? 'invalid type for comparison' : 'incompatible types for comparison');
}

function pad(text: string, before: number, after: number): string {
  return text === '' ? text : ' '.repeat(Math.max(0, before)) + text + ' '.repeat(Math.max(0, after));
}

function truncate(text: string, length: number): string {
  return Buffer.byteLength(text) < length
    ? text
    : Buffer.from(text).subarray(0, Math.max(0, length)).toString();
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** Go's JSEscapeString. */
function escapeJs(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replace(/['<>&=]/g, (character) => jsEscapes[character] ?? character);
}

const jsEscapes: Readonly<Record<string, string>> = {
  "'": "\\'",
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};
