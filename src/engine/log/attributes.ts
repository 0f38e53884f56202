/** The extra attributes of a container's messages, by the log options `labels`, `env` and their patterns. */

import { splitPair } from '../filters.ts';
import type { ContainerConfig } from '../model.ts';
import { invalidOption, type LogOptions } from './options.ts';

type Attributed = Pick<ContainerConfig, 'labels' | 'env'>;

/** Labels and variables that the options name. */
export function extraAttributes(config: Attributed, options: LogOptions): Record<string, string> {
  const environment = Object.fromEntries(
    config.env.map((text) => splitPair(text)).map(({ key, value }) => [key, value ?? '']),
  );
  return {
    ...pick(config.labels, options, 'labels'),
    ...pick(environment, options, 'env'),
  };
}

/** `KEY=VALUE,…`, ordered by key, each escaped as in a query. */
export function attributesText(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${encode(key)}=${encode(value)}`)
    .join(',');
}

/** EngineError `invalid-argument` for a pattern that is none. */
export function checkPatterns(options: LogOptions): void {
  for (const name of ['labels-regex', 'env-regex']) patternOf(name, options[name]);
}

function pick(
  values: Readonly<Record<string, string>>,
  options: LogOptions,
  name: 'labels' | 'env',
): Record<string, string> {
  const wanted = new Set((options[name] ?? '').split(',').map((one) => one.trim()));
  const matches = patternOf(`${name}-regex`, options[`${name}-regex`]);
  return Object.fromEntries(
    Object.entries(values).filter(([key]) => wanted.has(key) || matches?.test(key) === true),
  );
}

function patternOf(name: string, text: string | undefined): RegExp | undefined {
  if (text === undefined || text === '') return undefined;
  const ignoresCase = text.startsWith('(?i)');
  try {
    return ignoresCase ? new RegExp(text.slice(4), 'i') : new RegExp(text);
  } catch {
    throw invalidOption(`invalid value for ${name}: error parsing regexp: "${text}"`, 'mend the pattern');
  }
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%20', '+');
}
