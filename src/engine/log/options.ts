/** Values of log options: sizes, switches, durations and numbers as Docker's users write them. */
import { EngineError } from '../../errors/engine-error.ts';

export type LogOptions = Readonly<Record<string, string>>;

export function invalidOption(message: string, hint?: string): EngineError {
  return new EngineError('invalid-argument', message, hint === undefined ? {} : { hint });
}

/** Bytes of `10m`, `1.5k`, `20MB`; undefined for anything else. */
export function bytesOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text);
  if (match === null) return undefined;
  const exponent = ' kmgtp'.indexOf((match[2] ?? '').toLowerCase() || ' ');
  return Math.floor(Number(match[1]) * 1024 ** exponent);
}

/** The option `name` in bytes. EngineError `invalid-argument` in the words of Docker's parser. */
export function sizeOption(options: LogOptions, name: string, initial: number): number {
  const text = options[name] ?? '';
  if (text === '') return initial;
  const bytes = bytesOf(text);
  if (bytes !== undefined) return bytes;
  throw invalidOption(`error parsing option ${name}: invalid size: '${text}'`, 'write a size such as 4m');
}

const yes = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const no = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/** The option `name` as true or false (Go's strconv.ParseBool). EngineError `invalid-argument` otherwise. */
export function booleanOption(options: LogOptions, name: string, initial = false): boolean {
  const text = options[name] ?? '';
  if (text === '') return initial;
  if (yes.has(text)) return true;
  if (no.has(text)) return false;
  throw invalidOption(
    `invalid value for ${name}: strconv.ParseBool: parsing "${text}": invalid syntax`,
    'write true or false',
  );
}

const units: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  ns: 1e-6,
};

/** The option `name` in milliseconds: `1s`, `1m30s`, `500ms`. EngineError `invalid-argument` otherwise. */
export function durationOption(options: LogOptions, name: string, initial: number): number {
  const text = options[name] ?? '';
  if (text === '') return initial;
  if (text === '0') return 0;
  if (!/^(\d+(\.\d+)?(h|ms|m|s|us|ns))+$/.test(text)) {
    throw invalidOption(
      `invalid value for ${name}: time: invalid duration "${text}"`,
      'write a duration such as 500ms, 1s or 1m30s',
    );
  }
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)/g);
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0);
}

/** The option `name` as a whole number within bounds. EngineError `invalid-argument` otherwise. */
export function integerOption(
  options: LogOptions,
  name: string,
  { initial, min, max }: { initial: number; min: number; max: number },
): number {
  const text = options[name] ?? '';
  if (text === '') return initial;
  const value = Number(text);
  if (/^-?\d{1,15}$/.test(text) && value >= min && value <= max) return value;
  throw invalidOption(
    `invalid value for ${name}: "${text}"`,
    `write a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`}`,
  );
}
