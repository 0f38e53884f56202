/** From the settings of flags and daemon.json to what the daemon is made of, with defaults filled in and values checked. */
import { isIP } from 'node:net';
import { join } from 'node:path';
import { type DaemonConfig, defaultDaemonConfig } from '../engine/daemon-config.ts';
import type { Ulimit } from '../engine/model.ts';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { parseBridgeOptions } from '../network/network-options.ts';
import { isSecure, type TlsSettings } from './daemon-listeners-tls.ts';
import type { RuntimeSetting, Settings, UlimitSetting } from './daemon-values.ts';
import { parseRegistryAddress, type RegistryAddress } from './embedded-registry.ts';

export interface DaemonSetup {
  config: DaemonConfig;
  hosts: string[];
  group: string;
  groupGiven: boolean;
  pidFile: string;
  tls: TlsSettings;
  /** Where the engine's store is served as a registry; undefined for nowhere. */
  registry: RegistryAddress | undefined;
  logLevel: LogLevel;
  logFormat: 'text' | 'json';
}

const logLevels = ['debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Default paths are Gantry's own, so that a dockerd on the same host is never touched. */
export function toDaemonSetup(settings: Settings, shimPath: string): DaemonSetup {
  const read = new SettingsReader(settings);
  const config = toConfig(read, shimPath);
  const hosts = read.list('hosts');
  return {
    config,
    hosts: hosts.length === 0 ? ['unix:///run/gantry.sock'] : hosts,
    group: read.text('group', 'docker'),
    groupGiven: settings.has('group'),
    pidFile: read.text('pidfile', join(config.execRoot, 'gantryd.pid')),
    tls: toTls(read),
    registry: parseRegistryAddress(read.text('registry-addr', '')),
    logLevel: config.debug ? 'debug' : oneOf('log-level', read.text('log-level', 'info'), logLevels),
    logFormat: oneOf('log-format', read.text('log-format', 'text'), ['text', 'json'] as const),
  };
}

function toConfig(read: SettingsReader, shimPath: string): DaemonConfig {
  const roots = {
    dataRoot: read.path('data-root', '/var/lib/gantry'),
    execRoot: read.path('exec-root', '/run/gantry'),
  };
  const defaults = defaultDaemonConfig({ ...roots, shimPath });
  return {
    ...defaults,
    ...toNetwork(read, defaults),
    labels: read.list('labels').map(checkLabel),
    ...toRegistries(read, defaults),
    runtimes: { ...read.runtimes(), ...addedRuntimes(read.list('add-runtime')) },
    defaultRuntime: read.text('default-runtime', defaults.defaultRuntime),
    logDriver: read.text('log-driver', defaults.logDriver),
    logOpts: read.map('log-opts'),
    cgroupDriver: cgroupDriverOf(read.list('exec-opts')),
    cgroupParent: read.text('cgroup-parent', defaults.cgroupParent),
    defaultShmSize: read.integer('default-shm-size', defaults.defaultShmSize),
    defaultUlimits: read.ulimits(),
    defaultIpcMode: oneOf('default-ipc-mode', read.text('default-ipc-mode', 'private'), [
      'private',
      'shareable',
    ] as const),
    defaultCgroupnsMode: oneOf('default-cgroupns-mode', read.text('default-cgroupns-mode', ''), [
      '',
      'private',
      'host',
    ] as const),
    noNewPrivileges: read.boolean('no-new-privileges', false),
    favorDynamicCgroups: read.boolean('cgroup-favordynmods', defaults.favorDynamicCgroups),
    seccompProfile: read.text('seccomp-profile', ''),
    openAddresses: openAddresses(read),
    experimental: read.boolean('experimental', defaults.experimental),
    cdiSpecDirs: orDefault(read.list('cdi-spec-dirs'), defaults.cdiSpecDirs),
    init: read.boolean('init', defaults.init),
    initPath: read.text('init-path', defaults.initPath),
    debug: read.boolean('debug', defaults.debug),
    shutdownTimeout: read.integer('shutdown-timeout', defaults.shutdownTimeout),
    runtimeTimeout: read.integer('runtime-timeout', defaults.runtimeTimeout),
    maxConcurrentDownloads: read.integer('max-concurrent-downloads', defaults.maxConcurrentDownloads, 1),
    maxConcurrentUploads: read.integer('max-concurrent-uploads', defaults.maxConcurrentUploads, 1),
    maxDownloadAttempts: read.integer('max-download-attempts', defaults.maxDownloadAttempts, 1),
    maxLayerExpansion: read.integer('max-layer-expansion', defaults.maxLayerExpansion, 1),
    undoRetention: durationOf('undo-retention', read.text('undo-retention', ''), defaults.undoRetention),
    undoBudget: read.integer('undo-budget', defaults.undoBudget),
    storageDriver: storageDriverOf(read.text('storage-driver', 'overlay2')),
  };
}

const durationUnits: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3600_000, d: 86_400_000 };

/** `90s`, `30m`, `1h30m`, `2d`, `0`; milliseconds. '' for `initial`. */
function durationOf(key: string, text: string, initial: number): number {
  if (text === '') return initial;
  if (text !== '0' && !/^(\d+[smhd])+$/.test(text))
    throw new EngineError('invalid-argument', `invalid ${key}: ${text}`, { hint: 'write 30m, 12h, 7d or 0' });
  const parts = [...text.matchAll(/(\d+)([smhd])/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (durationUnits[unit ?? ''] ?? 0), 0);
}

function orDefault(given: string[], fallback: string[]): string[] {
  return given.length === 0 ? fallback : given;
}

function toRegistries(read: SettingsReader, defaults: DaemonConfig): Partial<DaemonConfig> {
  const folders = read.list('registry-certs-dirs');
  return {
    registryMirrors: read.list('registry-mirrors').map((mirror) => checkMirror(mirror, false)),
    registryMirrorsFor: read.lists('registry-mirrors-for', (mirror) => checkMirror(mirror, true)),
    insecureRegistries: read.list('insecure-registries'),
    registryCertificateFolders: folders.length === 0 ? defaults.registryCertificateFolders : folders,
    proxies: {
      httpProxy: read.text('http-proxy', ''),
      httpsProxy: read.text('https-proxy', ''),
      noProxy: read.text('no-proxy', ''),
    },
  };
}

function toNetwork(read: SettingsReader, defaults: DaemonConfig): Partial<DaemonConfig> {
  const bip = read.text('bip', '');
  const fixedCidr = read.text('fixed-cidr', '');
  const fixedCidr6 = read.text('fixed-cidr-v6', '');
  const bridge = read.text('bridge', '');
  return {
    bridge: bridge === '' ? defaults.bridge : bridge,
    ...(bip === '' ? {} : { bip }),
    ...(fixedCidr === '' ? {} : { fixedCidr }),
    ...(fixedCidr6 === '' ? {} : { fixedCidr6 }),
    addressPools: read.list('default-address-pools').map(toPool),
    mtu: read.integer('mtu', defaults.mtu),
    ipv6: read.boolean('ipv6', defaults.ipv6),
    icc: read.boolean('icc', defaults.icc),
    defaultAddress: checkAddress('ip', read.text('ip', defaults.defaultAddress)),
    defaultNetworkOptions: networkOptions(read),
    firewallBackend: oneOf('firewall-backend', read.text('firewall-backend', ''), [
      '',
      'nftables',
      'iptables',
    ] as const),
    nftTable: read.text('nft-table', defaults.nftTable),
    dns: read.list('dns'),
    dnsOptions: read.list('dns-opts'),
    dnsSearch: read.list('dns-search'),
  };
}

function checkAddress(key: string, text: string): string {
  if (isIP(text) !== 0) return text;
  throw new EngineError('invalid-argument', `invalid ${key}: ${text} is no IP address`, {
    hint: 'write an address of this host, 127.0.0.1 for the host alone, or 0.0.0.0 for all',
  });
}

/** By driver. Those of bridges are checked, as they would be when a network is made. */
function networkOptions(read: SettingsReader): Record<string, Record<string, string>> {
  const options = read.maps('default-network-opts');
  try {
    parseBridgeOptions(options['bridge'] ?? {});
  } catch (cause) {
    throw new EngineError('invalid-argument', `invalid default-network-opts: ${messageOf(cause)}`, { cause });
  }
  return options;
}

/** TCP without TLS. */
function openAddresses(read: SettingsReader): string[] {
  if (isSecure(toTls(read))) return [];
  const hosts = read.list('hosts').map((host) => /^(?:tcp:\/\/)?([^/]+)\/?$/.exec(host)?.[1]);
  return hosts.flatMap((host) => (host === undefined ? [] : [`http://${host}`]));
}

/** As in dockerd: to say anything of tlsverify turns TLS on, and TLS demands client certificates unless told not to. */
function toTls(read: SettingsReader): TlsSettings {
  const enabled = read.optionalBoolean('tls');
  const verify = read.optionalBoolean('tlsverify');
  const certPath = process.env['DOCKER_CERT_PATH'] ?? '/etc/gantry/tls';
  return {
    enabled: enabled ?? (verify === undefined ? undefined : true),
    verify: verify ?? enabled === true,
    caFile: read.text('tlscacert', join(certPath, 'ca.pem')),
    certFile: read.text('tlscert', join(certPath, 'cert.pem')),
    keyFile: read.text('tlskey', join(certPath, 'key.pem')),
  };
}

/** Typed looks at settings; the kinds were checked when they were read. */
class SettingsReader {
  readonly #settings: Settings;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  text(key: string, fallback: string): string {
    const value = this.#settings.get(key);
    return typeof value === 'string' ? value : fallback;
  }

  path(key: string, fallback: string): string {
    const path = this.text(key, fallback);
    if (path.startsWith('/')) return path;
    throw new EngineError('invalid-argument', `${key} must be an absolute path: ${path}`);
  }

  integer(key: string, fallback: number, least = 0): number {
    const value = this.#settings.get(key);
    if (typeof value !== 'number') return fallback;
    if (value < least)
      throw new EngineError('invalid-argument', `invalid ${key}: ${value} is less than ${least}`);
    return value;
  }

  boolean(key: string, fallback: boolean): boolean {
    return this.optionalBoolean(key) ?? fallback;
  }

  optionalBoolean(key: string): boolean | undefined {
    const value = this.#settings.get(key);
    return typeof value === 'boolean' ? value : undefined;
  }

  list(key: string): string[] {
    const value = this.#settings.get(key);
    return Array.isArray(value) ? value : [];
  }

  lists(key: string, check: (one: string) => string): Record<string, string[]> {
    const entries = this.#entries(key);
    return Object.fromEntries(
      entries.map(([name, list]) => [name, Array.isArray(list) ? list.map((one) => check(String(one))) : []]),
    );
  }

  map(key: string): Record<string, string> {
    return Object.fromEntries(this.#entries(key).map(([name, value]) => [name, String(value)]));
  }

  maps(key: string): Record<string, Record<string, string>> {
    return Object.fromEntries(
      this.#entries(key).map(([name, map]): [string, Record<string, string>] => [
        name,
        { ...(map as Record<string, string>) },
      ]),
    );
  }

  runtimes(): Record<string, RuntimeSetting> {
    const entries = this.#entries('runtimes');
    return Object.fromEntries(
      entries.filter((one): one is [string, RuntimeSetting] => hasKey(one[1], 'path')),
    );
  }

  ulimits(): Ulimit[] {
    return this.#entries('default-ulimits')
      .filter((one): one is [string, UlimitSetting] => hasKey(one[1], 'soft'))
      .map(([name, limit]) => ({ name, ...limit }));
  }

  #entries(key: string): Array<[string, unknown]> {
    const value = this.#settings.get(key);
    return typeof value === 'object' ? Object.entries(value) : [];
  }
}

function hasKey(value: unknown, key: string): boolean {
  return typeof value === 'object' && value !== null && key in value;
}

function addedRuntimes(words: readonly string[]): Record<string, RuntimeSetting> {
  const entries = words.map((word) => {
    const match = /^([a-z0-9._-]+)=(\/.+)$/i.exec(word);
    if (match === null)
      throw new EngineError('invalid-argument', `invalid runtime ${word}: it must be NAME=/PATH`);
    return [match[1], { path: match[2], args: [] }];
  });
  return Object.fromEntries(entries);
}

/** `base=10.200.0.0/16,size=24`; whether the two fit each other is the network's to check. */
function toPool(word: string): { base: string; size: number } {
  const fields = new Map(
    word
      .split(',')
      .map((field): [string, string] => [field.split('=')[0] ?? '', field.slice(field.indexOf('=') + 1)]),
  );
  const [base = '', size = ''] = [fields.get('base'), fields.get('size')];
  if (fields.size === 2 && base !== '' && /^\d{1,3}$/.test(size)) return { base, size: Number(size) };
  throw new EngineError('invalid-argument', `invalid default-address-pools: ${word}`, {
    hint: 'write base=10.200.0.0/16,size=24',
  });
}

function cgroupDriverOf(execOpts: readonly string[]): 'cgroupfs' | 'systemd' {
  let driver: 'cgroupfs' | 'systemd' = 'cgroupfs';
  for (const option of execOpts) {
    const [key, value = ''] = option.split('=', 2);
    if (key !== 'native.cgroupdriver') {
      throw new EngineError(
        'invalid-argument',
        `invalid option ${option}: only native.cgroupdriver=… is known`,
      );
    }
    driver = oneOf('native.cgroupdriver', value, ['cgroupfs', 'systemd'] as const);
  }
  return driver;
}

function storageDriverOf(name: string): 'overlay2' {
  oneOf('storage-driver', name, ['overlay2', 'overlay'] as const);
  return 'overlay2';
}

function checkLabel(label: string): string {
  if (/^[^=]+=/.test(label)) return label;
  throw new EngineError('invalid-argument', `bad attribute format: ${label}`, {
    hint: 'write labels as KEY=VALUE',
  });
}

/** Mirrors of Docker Hub stand for themselves; those of others may keep each registry below a path. */
function checkMirror(mirror: string, mayHavePath: boolean): string {
  const url = URL.canParse(mirror) ? new URL(mirror) : undefined;
  const isPlain = url !== undefined && url.search === '' && url.hash === '' && url.username === '';
  if (isPlain && /^https?:$/.test(url.protocol) && (mayHavePath || url.pathname === '/'))
    return mirror.replace(/\/$/, '');
  throw new EngineError('invalid-argument', `invalid mirror: ${mirror}`, {
    hint: mayHavePath
      ? 'write mirrors as https://HOST[:PORT][/PATH]'
      : 'write mirrors as https://HOST[:PORT]',
  });
}

function oneOf<T extends string>(key: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found !== undefined) return found;
  const names = known.filter((one) => one !== '').join(', ');
  throw new EngineError('invalid-argument', `invalid ${key}: ${value}`, {
    hint: `it must be one of ${names}`,
  });
}
