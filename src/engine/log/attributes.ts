/** The extra attributes of a container's messages, by the log options `labels`, `env` and their patterns. */

import { splitPair } from '../filters.ts';
import type { ContainerConfig } from '../model.ts';

/** `KEY=VALUE,…`, ordered by key, each escaped as in a query. */
export function logAttributes(
  config: Pick<ContainerConfig, 'labels' | 'env'>,
  options: Readonly<Record<string, string>>,
): string {
  const environment = Object.fromEntries(
    config.env.map((text) => splitPair(text)).map(({ key, value }) => [key, value ?? '']),
  );
  const found = {
    ...pick(config.labels, options['labels'], options['labels-regex']),
    ...pick(environment, options['env'], options['env-regex']),
  };
  return Object.entries(found)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${encode(key)}=${encode(value)}`)
    .join(',');
}

function pick(
  values: Readonly<Record<string, string>>,
  names: string | undefined,
  pattern: string | undefined,
): Record<string, string> {
  const wanted = new Set((names ?? '').split(',').map((name) => name.trim()));
  const matches = patternOf(pattern);
  return Object.fromEntries(
    Object.entries(values).filter(([key]) => wanted.has(key) || matches?.test(key) === true),
  );
}

function patternOf(text: string | undefined): RegExp | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    return new RegExp(text);
  } catch {
    return undefined;
  }
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%20', '+');
}
