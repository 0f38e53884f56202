/** The kinds of flags: switches, texts, lists, numbers, sizes, durations. */
import { EngineError } from '../../errors/engine-error.ts';
import type { FlagSpec } from './flag.ts';
import { parseBytes, parseDuration, parseNanoCpus } from './units.ts';

interface Shown {
  short?: string;
  group?: string;
  hidden?: boolean;
  type?: string;
  shownDefault?: string;
}

/** `--all`, `--all=false`. */
export function toggle(help: string, options: Shown & { initial?: boolean } = {}): FlagSpec<boolean> {
  const { initial = false, ...shown } = options;
  return {
    type: '',
    help,
    initial,
    bare: 'true',
    ...(initial ? { shownDefault: 'true' } : {}),
    ...shown,
    parse: parseBoolean,
  };
}

/** A switch that can also be left open. */
export function optionalToggle(help: string, options: Shown = {}): FlagSpec<boolean | undefined> {
  return { type: '', help, initial: undefined, bare: 'true', ...options, parse: parseBoolean };
}

/** One text; the last one counts. */
export function text(help: string, options: Shown & { initial?: string } = {}): FlagSpec<string> {
  const { initial = '', ...shown } = options;
  const shownDefault = initial === '' ? {} : { shownDefault: JSON.stringify(initial) };
  return { type: 'string', help, initial, ...shownDefault, ...shown, parse: (value) => value };
}

/** A text that may be absent, which differs from ''. */
export function optionalText(help: string, options: Shown = {}): FlagSpec<string | undefined> {
  return { type: 'string', help, initial: undefined, ...options, parse: (value) => value };
}

/** Any number of times; `check` may refuse or change each value. */
export function list(
  help: string,
  options: Shown & { check?: (value: string) => string } = {},
): FlagSpec<readonly string[]> {
  const { check = (value: string) => value, ...shown } = options;
  return {
    type: 'list',
    help,
    initial: [],
    ...shown,
    parse: (value, previous) => [...previous, check(value)],
  };
}

/** A whole number, `initial` where it isn't given. */
export function integer(
  help: string,
  options: Shown & { initial?: number; least?: number } = {},
): FlagSpec<number> {
  const { initial = 0, least = Number.MIN_SAFE_INTEGER, ...shown } = options;
  return { type: 'int', help, initial, ...shown, parse: (value) => parseInteger(value, least) };
}

/** A whole number that may be absent. */
export function optionalInteger(help: string, options: Shown = {}): FlagSpec<number | undefined> {
  const parse = (value: string) => parseInteger(value, Number.MIN_SAFE_INTEGER);
  return { type: 'int', help, initial: undefined, ...options, parse };
}

/** Bytes: `64m`, `1.5g`; -1 where `unlimited` is allowed. */
export function bytes(help: string, options: Shown & { unlimited?: boolean } = {}): FlagSpec<number> {
  const { unlimited = false, ...shown } = options;
  const parse = (value: string) => (unlimited && value === '-1' ? -1 : parseBytes(value));
  return { type: 'bytes', help, initial: 0, ...shown, parse };
}

/** Nanoseconds: `1m30s`. */
export function duration(help: string, options: Shown = {}): FlagSpec<number> {
  return { type: 'duration', help, initial: 0, shownDefault: '0s', ...options, parse: parseDuration };
}

/** Processors, as billionths of one: `1.5`. */
export function cpus(help: string, options: Shown = {}): FlagSpec<number> {
  return { type: 'decimal', help, initial: 0, ...options, parse: parseNanoCpus };
}

/** Go's strconv.ParseBool. */
export function parseBoolean(value: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw new EngineError(
    'invalid-argument',
    `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`,
  );
}

function parseInteger(value: string, least: number): number {
  const parser = least === 0 ? 'ParseUint' : 'ParseInt';
  const syntax = new EngineError(
    'invalid-argument',
    `strconv.${parser}: parsing ${JSON.stringify(value)}: invalid syntax`,
  );
  if (!/^[+-]?(\d+|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/.test(value)) throw syntax;
  const magnitude = Number(value.replace(/^[+-]/, ''));
  const number = value.startsWith('-') ? -magnitude : magnitude;
  if (Number.isNaN(number) || number < least) throw syntax;
  if (!Number.isSafeInteger(number)) {
    throw new EngineError(
      'invalid-argument',
      `strconv.${parser}: parsing ${JSON.stringify(value)}: value out of range`,
    );
  }
  return number;
}
