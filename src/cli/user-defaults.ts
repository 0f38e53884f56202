/** What counts where a flag is not given: the user's config.json, and the environment. */

import type { Environment } from '../client/client-options.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { ListName, ProxyVariables, UserConfig } from './user-config.ts';

/** What of a command's context is needed here. */
interface WithUserConfig {
  readonly userConfig: UserConfig;
}

/** `--format`, or the user's own format of that list; `-q` leaves the latter out. */
export function formatOr(
  { userConfig }: WithUserConfig,
  list: ListName,
  flags: { readonly format: string; readonly quiet?: boolean },
): string {
  return flags.format !== '' || flags.quiet === true ? flags.format : userConfig.format(list);
}

/** `--detach-keys`, or the user's own; '' for the default. */
export function detachKeysOr({ userConfig }: WithUserConfig, given: string): string {
  return given || userConfig.detachKeys;
}

/** `--platform`, or DOCKER_DEFAULT_PLATFORM. */
export function platformOr(env: Environment, given: string): string {
  return given || (env['DOCKER_DEFAULT_PLATFORM'] ?? '');
}

/** The variables of `-e` and those of the user's proxies that they do not name already, in either case. */
export function withProxies(variables: readonly string[], proxies: ProxyVariables): string[] {
  const named = new Set(variables.map((variable) => variable.split('=', 1)[0] ?? ''));
  const added = Object.entries(proxies).filter(([name]) => !named.has(name));
  return [...variables, ...added.map(([name, value]) => `${name}=${value}`)];
}

/**
 * DOCKER_CUSTOM_HEADERS, `name=value` with commas between them, in place of config.json's headers. EngineError `invalid-argument` for what is
 * no such list.
 */
export function customHeaders(
  env: Environment,
  configured: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const text = env['DOCKER_CUSTOM_HEADERS'] ?? '';
  if (text === '') return configured;
  const pairs = splitFields(text).map((field): [string, string] => {
    const equals = field.indexOf('=');
    const name = field.slice(0, Math.max(0, equals)).trim();
    if (name !== '') return [name, field.slice(equals + 1)];
    const message = `failed to parse custom headers from DOCKER_CUSTOM_HEADERS environment variable: missing "=" in "${field}"`;
    throw new EngineError('invalid-argument', message, { hint: 'Write NAME=VALUE,NAME=VALUE.' });
  });
  return Object.fromEntries(pairs.filter(([name]) => name.toLowerCase() !== 'user-agent'));
}

/** Fields of a line of CSV, some of them within quotes. */
function splitFields(text: string): string[] {
  const fields = text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return [...fields].map(([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain);
}
