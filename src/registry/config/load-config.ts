/** From a configuration file and `REGISTRY_…` variables to what the registry's parts are told. */
import { EngineError } from '../../errors/engine-error.ts';
import { toAuth, toRules } from './access-config.ts';
import type { Path } from './fields.ts';
import { toHttp } from './http-config.ts';
import type { ConfigurationFile } from './keys.ts';
import { type Environment, loadFile } from './load-file.ts';
import { type Refuse, without } from './refuse.ts';
import type { HealthCheck, LogConfig, ProxyConfig, RegistryConfig } from './registry-config.ts';
import { toStorage } from './storage-config.ts';

export interface Loaded {
  config: RegistryConfig;
  /** One sentence each, for the log. */
  warnings: string[];
}

const minute = 60_000;
const hour = 60 * minute;

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

/** Distribution's one proxy (`proxy`) is one that serves every repository. */
function toProxies({ proxy, gantry }: ConfigurationFile, refuse: Refuse): ProxyConfig[] {
  const proxies = (gantry?.proxies ?? []).map((one, index): ProxyConfig => {
    const remoteUrl = checkedUrl(one.remoteurl, ['gantry', 'proxies', index, 'remoteurl'], refuse);
    return {
      name: one.name ?? new URL(remoteUrl).host,
      remoteUrl,
      ...without({ username: one.username, password: one.password, ttl: one.ttl, ca: one.ca }),
      prefix: (one.prefix ?? '').replace(/\/+$/, ''),
      repositories: one.repositories ?? [],
      namespaces: one.namespaces ?? [],
      insecure: one.insecure ?? false,
    };
  });
  if (proxy === undefined || proxy.remoteurl === undefined || proxy.remoteurl === '') return proxies;
  const remoteUrl = checkedUrl(proxy.remoteurl, ['proxy', 'remoteurl'], refuse);
  const { username, password, ttl } = proxy;
  const only: ProxyConfig = {
    name: new URL(remoteUrl).host,
    remoteUrl,
    ...without({ username: username || undefined, password: password || undefined, ttl }),
    prefix: '',
    repositories: [],
    namespaces: [],
    insecure: false,
  };
  return [...proxies, only];
}

function checkedUrl(url: string | undefined, path: Path, refuse: Refuse): string {
  if (url === undefined || url === '') return refuse(path, 'expected a URL');
  if (!URL.canParse(url) || !/^https?:/i.test(url))
    return refuse(path, `expected a URL that begins with http:// or https://, not ${JSON.stringify(url)}`);
  return url;
}

function toCollect({ gantry, storage }: ConfigurationFile): RegistryConfig['collect'] {
  const { enabled = true, interval = hour, grace = 24 * hour, untagged = false } = gantry?.gc ?? {};
  const {
    enabled: purges = true,
    age = 168 * hour,
    dryrun = false,
  } = storage?.maintenance?.uploadpurging ?? {};
  return {
    enabled,
    interval,
    grace,
    untagged,
    uploadGrace: purges && !dryrun ? age : Number.POSITIVE_INFINITY,
  };
}

type GantryKeys = NonNullable<ConfigurationFile['gantry']>;

function toPolicy({ quotas = [], immutabletags = [] }: GantryKeys, refuse: Refuse): RegistryConfig['policy'] {
  return {
    quotas: quotas.map((quota, index) => ({
      repositories: quota.repositories ?? refuse(['gantry', 'quotas', index], 'repositories is missing'),
      ...without({
        maxBytes: quota.maxbytes,
        maxBlobBytes: quota.maxblobbytes,
        maxManifests: quota.maxmanifests,
        maxTags: quota.maxtags,
      }),
    })),
    immutable: immutabletags.map(({ repositories = '**', tags = '*' }) => ({ repositories, tags })),
  };
}

function toRetention(
  { interval = hour, dryrun = false, rules = [] }: NonNullable<GantryKeys['retention']>,
  refuse: Refuse,
): RegistryConfig['retention'] {
  return {
    interval,
    dryRun: dryrun,
    rules: rules.map((rule, index) => ({
      repositories:
        rule.repositories ?? refuse(['gantry', 'retention', 'rules', index], 'repositories is missing'),
      ...without({
        tags: rule.tags,
        keepLast: rule.keeplast,
        keepTags: rule.keeptags,
        deleteOlderThan: rule.deleteolderthan,
        deleteNotPulledFor: rule.deletenotpulledfor,
        deleteUntaggedAfter: rule.deleteuntaggedafter,
      }),
    })),
  };
}

function toHealth({
  storagedriver,
  file = [],
  http = [],
  tcp = [],
}: NonNullable<ConfigurationFile['health']>): HealthCheck[] {
  const common = { timeout: 5000, status: 200, headers: {}, target: '' };
  const often = (one: {
    interval?: number;
    threshold?: number;
  }): Pick<HealthCheck, 'interval' | 'threshold'> => ({
    interval: Math.max(one.interval || 10_000, 100),
    threshold: Math.max(one.threshold ?? 1, 1),
  });
  const storage: HealthCheck[] =
    storagedriver?.enabled === true ? [{ ...common, kind: 'storage', ...often(storagedriver) }] : [];
  return [
    ...storage,
    ...file.map((one): HealthCheck => ({ ...common, kind: 'file', target: one.file ?? '', ...often(one) })),
    ...http.map(
      (one): HealthCheck => ({
        ...common,
        kind: 'http',
        target: one.uri ?? '',
        timeout: one.timeout || common.timeout,
        status: one.statuscode ?? 200,
        headers: one.headers ?? {},
        ...often(one),
      }),
    ),
    ...tcp.map(
      (one): HealthCheck => ({
        ...common,
        kind: 'tcp',
        target: one.addr ?? '',
        timeout: one.timeout || common.timeout,
        ...often(one),
      }),
    ),
  ];
}
