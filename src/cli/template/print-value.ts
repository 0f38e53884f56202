/** Prints values as Go's fmt does: `%v`, `%q` and the other verbs of printf. */
import { formatGeneral, formatShortest } from '../output/go-number.ts';
import { GoNil, GoRow, GoStruct, type GoValue, sortByKey, toJson, typeName } from './value.ts';

/** `%v`: `[a b]`, `map[k:v]`, `{a b}`, and `<no value>` for what isn't there. */
export function printValue(value: GoValue): string {
  return value === undefined ? '<no value>' : printInner(value, false);
}

function printInner(value: GoValue, named: boolean): string {
  if (value === undefined) return '<nil>';
  if (typeof value === 'number') return formatShortest(value);
  if (value instanceof GoNil) return { slice: '[]', map: 'map[]', pointer: '<nil>' }[value.kind];
  if (value instanceof GoRow) return JSON.stringify(toJson(value));
  if (value instanceof GoStruct) return printStruct(value, named);
  if (Array.isArray(value)) return `[${value.map((item: GoValue) => printInner(item, named)).join(' ')}]`;
  if (value instanceof Map) {
    const entries: Array<[string, GoValue]> = [...value];
    return `map[${sortByKey(entries)
      .map(([key, item]) => `${key}:${printInner(item, named)}`)
      .join(' ')}]`;
  }
  return String(value);
}

function printStruct(value: GoStruct, named: boolean): string {
  const fields = [...value.fields].map(
    ([name, field]) => (named ? `${name}:` : '') + printInner(field, named),
  );
  return `{${fields.join(' ')}}`;
}

const verbPattern = /%([-+# 0]*)(\d+|\*)?(?:\.(\d+|\*)?)?([a-zA-Z%])?/g;

/** Go's Sprintf, with its `%!d(string=hi)` for what doesn't fit. */
export function formatPrintf(format: string, parameters: readonly GoValue[]): string {
  let index = 0;
  const take = (): GoValue => parameters[index++];
  const text = format.replace(
    verbPattern,
    (match: string, flags: string, width?: string, precision?: string, verb?: string) => {
      if (verb === '%') return '%';
      if (verb === undefined) return '%!(NOVERB)';
      const wide = width === '*' ? Number(take()) : Number(width ?? 0);
      const exact = precisionOf(match, precision, take);
      if (index >= parameters.length) return `%!${verb}(MISSING)`;
      return padded(formatVerb(verb, take(), flags, exact), wide, flags, verb);
    },
  );
  const extra = parameters.slice(index).map((value) => `${typeName(value)}=${printValue(value)}`);
  return extra.length > 0 ? `${text}%!(EXTRA ${extra.join(', ')})` : text;
}

function precisionOf(match: string, precision: string | undefined, take: () => GoValue): number | undefined {
  if (precision === '*') return Number(take());
  if (precision !== undefined) return Number(precision);
  return match.includes('.') ? 0 : undefined;
}

function formatVerb(verb: string, value: GoValue, flags: string, precision: number | undefined): string {
  const wrong = `%!${verb}(${typeName(value)}=${printValue(value)})`;
  switch (verb) {
    case 'v':
      return value === undefined ? '<nil>' : printInner(value, flags.includes('+'));
    case 's':
      return typeof value === 'number' || typeof value === 'boolean'
        ? wrong
        : cut(printInner(value, false), precision);
    case 'q':
      return quoteVerb(value) ?? wrong;
    case 't':
      return typeof value === 'boolean' ? String(value) : wrong;
    case 'T':
      return typeName(value);
    case 'x':
    case 'X':
      return hexadecimal(value, verb) ?? wrong;
    default:
      return typeof value === 'number' ? (formatNumber(verb, value, flags, precision) ?? wrong) : wrong;
  }
}

function cut(text: string, precision: number | undefined): string {
  return precision === undefined ? text : [...text].slice(0, precision).join('');
}

function quoteVerb(value: GoValue): string | undefined {
  if (typeof value === 'string') return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${value.map((item: GoValue) => quoteVerb(item) ?? printValue(item)).join(' ')}]`;
  return typeof value === 'number' && isCodePoint(value) ? `'${String.fromCodePoint(value)}'` : undefined;
}

function isCodePoint(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0x10ffff;
}

function hexadecimal(value: GoValue, verb: 'x' | 'X'): string | undefined {
  const hex =
    typeof value === 'string'
      ? Buffer.from(value).toString('hex')
      : typeof value === 'number'
        ? value.toString(16)
        : undefined;
  return verb === 'X' ? hex?.toUpperCase() : hex;
}

function formatNumber(
  verb: string,
  value: number,
  flags: string,
  precision: number | undefined,
): string | undefined {
  const sign = flags.includes('+') && value >= 0 ? '+' : flags.includes(' ') && value >= 0 ? ' ' : '';
  const whole = Number.isInteger(value);
  switch (verb) {
    case 'd':
      return whole ? sign + BigInt(value).toString() : undefined;
    case 'b':
      return whole ? value.toString(2) : undefined;
    case 'o':
      return whole ? value.toString(8) : undefined;
    case 'c':
      return isCodePoint(value) ? String.fromCodePoint(value) : undefined;
    case 'U':
      return isCodePoint(value) ? `U+${value.toString(16).toUpperCase().padStart(4, '0')}` : undefined;
    case 'f':
    case 'F':
      return sign + value.toFixed(Math.min(precision ?? 6, 100));
    case 'e':
    case 'E':
      return sign + value.toExponential(Math.min(precision ?? 6, 100)).replace(/e([+-])(\d)$/, 'e$10$2');
    case 'g':
    case 'G':
      return sign + (precision === undefined ? formatShortest(value) : formatGeneral(value, precision));
    default:
      return undefined;
  }
}

function padded(text: string, width: number, flags: string, verb: string): string {
  const missing = Math.min(width, 10_000) - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (!flags.includes('0') || !'dfFeEgGxXob'.includes(verb)) return ' '.repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}
