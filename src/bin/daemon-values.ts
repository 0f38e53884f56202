/** The values of gantryd's options: from the words of a flag, or from JSON, into one form. */
import { EngineError } from '../errors/engine-error.ts';
import type { DaemonOption, OptionKind } from './daemon-options.ts';

export interface RuntimeSetting {
  path: string;
  args: string[];
}

export interface UlimitSetting {
  soft: number;
  hard: number;
}

export type SettingValue =
  | string
  | number
  | boolean
  | string[]
  | Record<string, string>
  | Record<string, string[]>
  | Record<string, Record<string, string>>
  | Record<string, RuntimeSetting>
  | Record<string, UlimitSetting>;

/** By key of daemon.json. */
export type Settings = ReadonlyMap<string, SettingValue>;

/** The value of a flag, given each word that followed it. EngineError `invalid-argument` for a word that does not fit. */
export function valueOfFlag(option: DaemonOption, words: readonly string[]): SettingValue {
  const word = words.at(-1) ?? '';
  switch (option.kind) {
    case 'any':
    case 'text':
      return word;
    case 'integer':
      return parseInteger(option, word);
    case 'boolean':
      return parseBoolean(option, word);
    case 'bytes':
      return parseBytes(option, word);
    case 'list':
    case 'pools':
    case 'runtimes':
      return [...words];
    case 'lists':
      throw new EngineError('invalid-argument', `${option.key} has no flag`);
    case 'map':
      return Object.fromEntries(words.map((one) => splitPair(option, one)));
    case 'maps':
      return mapsOfWords(option, words);
    case 'ulimits':
      return Object.fromEntries(words.map((one) => parseUlimit(option, one)));
  }
}

/** The value of a key of daemon.json. EngineError `invalid-argument` for one of the wrong type. */
export function valueOfJson(option: DaemonOption, value: unknown): SettingValue {
  const result = fromJson[option.kind](value, option);
  if (result === undefined) throw invalid(option, JSON.stringify(value), kindNames[option.kind]);
  return result;
}

/** undefined for a value of the wrong type. */
const fromJson: Record<OptionKind, (value: unknown, option: DaemonOption) => SettingValue | undefined> = {
  any: () => '',
  text: (value) => (typeof value === 'string' ? value : undefined),
  integer: (value) => (typeof value === 'number' && Number.isInteger(value) ? value : undefined),
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  bytes: (value, option) => (typeof value === 'number' ? value : parseBytes(option, String(value))),
  list: (value) => (isStringList(value) ? value : undefined),
  map: (value) => (isStringMap(value) ? value : undefined),
  lists: (value) => (isListMap(value) ? value : undefined),
  maps: (value) => (isMapMap(value) ? value : undefined),
  pools: (value) => (Array.isArray(value) ? poolsOf(value) : undefined),
  runtimes: (value, option) =>
    isObject(value) ? mapValues(value, (one) => runtimeOf(option, one)) : undefined,
  ulimits: (value, option) =>
    isObject(value) ? mapValues(value, (one) => ulimitOf(option, one)) : undefined,
};

const kindNames = {
  any: 'anything',
  text: 'a string',
  integer: 'an integer',
  boolean: 'true or false',
  bytes: 'a size such as 64m',
  list: 'a list of strings',
  map: 'an object of strings',
  lists: 'an object of lists of strings',
  maps: 'an object of objects of strings, such as {"bridge":{"com.docker.network.driver.mtu":"1400"}}',
  pools: 'a list of pools, such as [{"base":"10.200.0.0/16","size":24}]',
  runtimes: 'an object of runtimes, such as {"crun":{"path":"/usr/bin/crun"}}',
  ulimits: 'an object of limits, such as {"nofile":{"Name":"nofile","Soft":1024,"Hard":2048}}',
};

function parseInteger(option: DaemonOption, word: string): number {
  if (!/^-?\d+$/.test(word)) throw invalid(option, word, 'an integer');
  return Number(word);
}

/** A flag alone means true. */
function parseBoolean(option: DaemonOption, word: string): boolean {
  if (['', '1', 't', 'true'].includes(word.toLowerCase())) return true;
  if (['0', 'f', 'false'].includes(word.toLowerCase())) return false;
  throw invalid(option, word, 'true or false');
}

function parseBytes(option: DaemonOption, word: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)i?b?$/i.exec(word.trim());
  if (match === null) throw invalid(option, word, 'a size such as 64m');
  const power = 'bkmgt'.indexOf((match[2] || 'b').toLowerCase());
  return Math.floor(Number(match[1]) * 1024 ** power);
}

function splitPair(option: DaemonOption, word: string): [string, string] {
  const equals = word.indexOf('=');
  if (equals < 1) throw invalid(option, word, 'KEY=VALUE');
  return [word.slice(0, equals), word.slice(equals + 1)];
}

/** `bridge=com.docker.network.driver.mtu=1400`, any number of times. */
function mapsOfWords(option: DaemonOption, words: readonly string[]): Record<string, Record<string, string>> {
  const maps: Record<string, Record<string, string>> = {};
  for (const word of words) {
    const [name, pair] = splitPair(option, word);
    const [key, value] = splitPair(option, pair);
    maps[name] = { ...maps[name], [key]: value };
  }
  return maps;
}

function parseUlimit(option: DaemonOption, word: string): [string, UlimitSetting] {
  const [name, limits] = splitPair(option, word);
  const match = /^(-?\d+)(?::(-?\d+))?$/.exec(limits);
  if (match === null) throw invalid(option, word, 'NAME=SOFT[:HARD]');
  return [name, { soft: Number(match[1]), hard: Number(match[2] ?? match[1]) }];
}

function runtimeOf(option: DaemonOption, value: unknown): RuntimeSetting {
  if (!isObject(value) || typeof value['path'] !== 'string')
    throw invalid(option, JSON.stringify(value), kindNames.runtimes);
  const args = value['runtimeArgs'] ?? [];
  if (!Array.isArray(args)) throw invalid(option, JSON.stringify(value), kindNames.runtimes);
  return { path: value['path'], args: args.map(String) };
}

/** In the form of the flag: `base=10.200.0.0/16,size=24`. */
function poolsOf(list: readonly unknown[]): string[] | undefined {
  const words = list.flatMap((one) =>
    isObject(one) && typeof one['base'] === 'string' && Number.isInteger(one['size'])
      ? `base=${one['base']},size=${String(one['size'])}`
      : [],
  );
  return words.length === list.length ? words : undefined;
}

function ulimitOf(option: DaemonOption, value: unknown): UlimitSetting {
  if (!isObject(value)) throw invalid(option, JSON.stringify(value), kindNames.ulimits);
  const [soft, hard] = [Number(value['Soft']), Number(value['Hard'])];
  if (!Number.isInteger(soft) || !Number.isInteger(hard))
    throw invalid(option, JSON.stringify(value), kindNames.ulimits);
  return { soft, hard };
}

function mapValues<T>(value: Record<string, unknown>, convert: (one: unknown) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, convert(one)]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function isListMap(value: unknown): value is Record<string, string[]> {
  return isObject(value) && Object.values(value).every(isStringList);
}

function isMapMap(value: unknown): value is Record<string, Record<string, string>> {
  return isObject(value) && Object.values(value).every(isStringMap);
}

function isStringMap(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((one) => typeof one === 'string');
}

function invalid(option: DaemonOption, given: string, wanted: string): EngineError {
  return new EngineError(
    'invalid-argument',
    `invalid value "${given}" for ${option.key}: it must be ${wanted}`,
  );
}
