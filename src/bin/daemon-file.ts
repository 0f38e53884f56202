/** daemon.json, with Docker's keys, and how it goes together with the flags. */
import { readFileSync } from 'node:fs';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import { optionOf } from './daemon-options.ts';
import { type Settings, type SettingValue, valueOfJson } from './daemon-values.ts';

/** Reads the file at `path`; without one there are no settings, unless `required`. Throws EngineError `invalid-argument`. */
export function readDaemonFile(path: string, required: boolean): Settings {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (!required && errnoOf(cause) === 'ENOENT') return new Map();
    throw unable(path, messageOf(cause), cause);
  }
  return parseDaemonFile(text, path);
}

/** The settings in the text of a daemon.json. Throws EngineError `invalid-argument` that names what is wrong. */
export function parseDaemonFile(text: string, path: string): Settings {
  if (text.trim() === '') return new Map();
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw unable(path, messageOf(cause), cause);
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    throw unable(path, 'it must hold a JSON object');
  }
  const entries = flattened(document, path);
  const unknown = [...entries.keys()].filter((key) => optionOf(key) === undefined || key === 'add-runtime');
  if (unknown.length > 0) {
    throw unable(
      path,
      `the following directives don't match any configuration option: ${unknown.join(', ')}`,
    );
  }
  const settings = new Map<string, SettingValue>();
  for (const [key, value] of entries) {
    const option = optionOf(key);
    if (option === undefined) continue;
    try {
      settings.set(key, valueOfJson(option, value));
    } catch (cause) {
      throw unable(path, messageOf(cause), cause);
    }
  }
  return settings;
}

/** `{"proxies":{"http-proxy":…}}`: the keys in there are settings as any other. */
function flattened(document: object, path: string): Map<string, unknown> {
  const { proxies, ...rest }: { proxies?: unknown } = { ...document };
  if (proxies === undefined) return new Map(Object.entries(rest));
  if (typeof proxies !== 'object' || proxies === null || Array.isArray(proxies))
    throw unable(path, 'proxies must be an object, such as {"https-proxy":"http://proxy:3128"}');
  const names = ['http-proxy', 'https-proxy', 'no-proxy'];
  const unknown = Object.keys(proxies).filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw unable(
      path,
      `the following directives don't match any configuration option: ${unknown.join(', ')}`,
    );
  return new Map([...Object.entries(rest), ...Object.entries(proxies)]);
}

/** Both together. A setting in both places is an error, in Docker's words; runtimes alone may come from both. */
export function mergeSettings(flags: Settings, file: Settings, path: string): Settings {
  const twice = [...flags.keys()].filter((key) => file.has(key));
  if (twice.length > 0) {
    const each = twice.map(
      (key) => `${key}: (from flag: ${show(flags.get(key))}, from file: ${show(file.get(key))})`,
    );
    const text = `the following directives are specified both as a flag and in the configuration file: ${each.join(', ')}`;
    throw unable(path, text);
  }
  const merged = new Map([...file, ...flags]);
  for (const [key, value] of merged) {
    const only = optionOf(key)?.only;
    if (only !== undefined && value !== only.value) throw new EngineError('invalid-argument', only.sentence);
  }
  return merged;
}

function show(value: SettingValue | undefined): string {
  if (Array.isArray(value)) return `[${value.join(' ')}]`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function unable(path: string, why: string, cause?: unknown): EngineError {
  return new EngineError(
    'invalid-argument',
    `unable to configure the Gantry daemon with file ${path}: ${why}`,
    { cause },
  );
}
