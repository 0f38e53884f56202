/** From a configuration file and `REGISTRY_…` variables to what the registry's parts are told. */
import { EngineError } from '../../errors/engine-error.ts';
import { toAuth, toRules } from './access-config.ts';
import type { Path } from './fields.ts';
import { toHealth } from './health-config.ts';
import { toHttp } from './http-config.ts';
import type { ConfigurationFile } from './keys.ts';
import { type Environment, loadFile } from './load-file.ts';
import { checkedUrl, toProxies } from './proxy-config.ts';
import { type Refuse, without } from './refuse.ts';
import type { LogConfig, RegistryConfig } from './registry-config.ts';
import { toStorage } from './storage-config.ts';
import { toCollect, toPolicy, toRetention } from './upkeep-config.ts';

export interface Loaded {
  config: RegistryConfig;
  /** One sentence each, for the log. */
  warnings: string[];
}

/**
 * Reads `path` (undefined: defaults and variables alone), with `environment`'s `REGISTRY_…` variables over it.
 * EngineErrors `not-found`, `invalid-argument`, which name file, line and key; `not-implemented` for what Gantry's registry has not.
 */
export function loadConfiguration(path: string | undefined, environment: Environment): Loaded {
  const { values, warnings, locate } = loadFile(path, environment);
  const refuse: Refuse = (at, message, hint, code = 'invalid-argument') => {
    throw new EngineError(code, `${locate(at)}: ${message}`, hint === undefined ? {} : { hint });
  };
  sayIgnored(values, warnings, locate);
  const auth = toAuth(values.auth, refuse);
  const config: RegistryConfig = {
    ...without({ file: path }),
    log: toLog(values),
    storage: toStorage(values.storage, refuse),
    readOnly: values.storage?.maintenance?.readonly?.enabled ?? false,
    deletes: values.storage?.delete?.enabled ?? false,
    auth,
    access: toRules(values.gantry?.access ?? [], auth, refuse),
    catalogUsers: values.gantry?.catalog ?? [],
    http: toHttp(values.http ?? {}, refuse),
    catalogLimit: toLimit(values.catalog?.maxentries),
    ...toForeignUrls(values.validation, refuse),
    notifications: toNotifications(values.notifications, refuse),
    proxies: toProxies(values, refuse),
    collect: toCollect(values),
    policy: toPolicy(values.gantry ?? {}, refuse),
    retention: toRetention(values.gantry?.retention ?? {}, refuse),
    health: toHealth(values.health ?? {}),
  };
  return { config, warnings };
}

function sayIgnored(values: ConfigurationFile, warnings: string[], locate: (at: Path) => string): void {
  const ignored: Array<[Path, string]> = [];
  const say = (present: unknown, path: Path, why: string): void => {
    if (present !== undefined) ignored.push([path, why]);
  };
  say(values.redis, ['redis'], 'no Redis is needed: the registry caches in its own memory');
  say(values.reporting, ['reporting'], 'there are no reports to Bugsnag or New Relic');
  say(values.middleware, ['middleware'], 'there is no middleware');
  say(values.policy, ['policy'], 'there are no repository classes');
  say(values.compatibility, ['compatibility'], 'manifests of schema 1 are not served');
  say(values.log?.hooks, ['log', 'hooks'], 'the log sends no mail');
  say(values.proxy?.exec, ['proxy', 'exec'], 'credential helpers are not asked');
  say(
    values.storage?.inmemory,
    ['storage', 'inmemory'],
    'a temporary directory holds what is pushed until the registry ends',
  );
  for (const [path, why] of ignored) warnings.push(`${locate(path)} is ignored: ${why}`);
}

function toLog({ log = {}, loglevel }: ConfigurationFile): LogConfig {
  return {
    level: log.level ?? loglevel ?? 'info',
    format: log.formatter === undefined || log.formatter === 'text' ? 'text' : 'json',
    fields: log.fields ?? {},
    access: log.accesslog?.disabled !== true,
  };
}

function toLimit(entries: number | undefined): number {
  return entries === undefined || entries <= 0 ? 1000 : entries;
}

type Validation = ConfigurationFile['validation'];

/** As distribution does: without the section any URL will do, with one of its lists a URL must match. */
function toForeignUrls(validation: Validation, refuse: Refuse): Pick<RegistryConfig, 'foreignUrls'> {
  const urls = validation?.manifests?.urls;
  if (urls === undefined || validation?.disabled === true) return {};
  const compile = (list: 'allow' | 'deny'): RegExp[] =>
    (urls[list] ?? []).map((pattern, index) => {
      try {
        return new RegExp(pattern);
      } catch {
        return refuse(
          ['validation', 'manifests', 'urls', list, index],
          `${pattern} is no regular expression`,
        );
      }
    });
  return { foreignUrls: { allow: compile('allow'), deny: compile('deny') } };
}

function toNotifications(
  { events, endpoints = [] }: NonNullable<ConfigurationFile['notifications']> = {},
  refuse: Refuse,
): RegistryConfig['notifications'] {
  return {
    includeReferences: events?.includereferences ?? false,
    endpoints: endpoints
      .map((endpoint, index) => ({ endpoint, index }))
      .filter(({ endpoint }) => endpoint.disabled !== true)
      .map(({ endpoint, index }) => ({
        name: endpoint.name ?? `endpoint-${index}`,
        url: checkedUrl(endpoint.url, ['notifications', 'endpoints', index, 'url'], refuse),
        headers: endpoint.headers ?? {},
        timeout: endpoint.timeout || 1000,
        threshold: endpoint.threshold || 10,
        backoff: endpoint.backoff || 1000,
        ignoredMediaTypes: [...(endpoint.ignoredmediatypes ?? []), ...(endpoint.ignore?.mediatypes ?? [])],
        ignoredActions: endpoint.ignore?.actions ?? [],
      })),
  };
}
