/** Which proxy leads to a host: by the daemon's settings, else by its environment, with Go's rules for what goes without one. */
import { BlockList, isIP } from 'node:net';
import { EngineError } from '../../errors/engine-error.ts';

/** As in the environment: '' for none. */
export interface ProxySettings {
  httpProxy: string;
  httpsProxy: string;
  /** Comma-separated: names, names with a port, `.suffixes`, addresses, CIDR, or `*`. */
  noProxy: string;
}

/** `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, in upper or lower case. */
export function environmentProxies(env: NodeJS.ProcessEnv): ProxySettings {
  const read = (name: string): string => env[name] ?? env[name.toLowerCase()] ?? '';
  return { httpProxy: read('HTTP_PROXY'), httpsProxy: read('HTTPS_PROXY'), noProxy: read('NO_PROXY') };
}

/** The settings that are given, and the environment's for the others. */
export function effectiveProxies(
  settings: Partial<ProxySettings> | undefined,
  env: NodeJS.ProcessEnv = process.env,
): ProxySettings {
  const given = Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== ''));
  return { ...environmentProxies(env), ...given };
}

/** The proxy's URL, or undefined where `url` is reached directly. EngineError `invalid-argument` for a proxy that is no URL. */
export function proxyFor(url: URL, settings: ProxySettings): URL | undefined {
  const text = url.protocol === 'https:' ? settings.httpsProxy : settings.httpProxy;
  if (text === '' || isDirect(url, settings.noProxy)) return undefined;
  const whole = /^[a-z0-9]+:\/\//i.test(text) ? text : `http://${text}`;
  const proxy = URL.canParse(whole) ? new URL(whole) : undefined;
  if (proxy?.protocol === 'http:' || proxy?.protocol === 'https:') return proxy;
  throw new EngineError('invalid-argument', `the proxy ${hidePassword(text)} cannot be used`, {
    hint: 'write proxies as http://HOST:PORT or https://HOST:PORT',
  });
}

/** Credentials in a proxy's URL are not for everyone. */
export function hidePassword(text: string): string {
  return text.replace(/(^|\/\/)[^/@]*@/, '$1xxxxx:xxxxx@');
}

function isDirect(url: URL, noProxy: string): boolean {
  const hostname = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isLoopback(hostname)) return true;
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return noProxy
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== '' && matches(entry, hostname, port));
}

/** `localhost` and loopback addresses never go through a proxy. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '::1' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  );
}

function matches(entry: string, hostname: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inSubnet(hostname, entry);
  if (isIP(entry) !== 0) return entry === hostname;
  const [name = '', entryPort] = splitPort(entry);
  if (entryPort !== undefined && entryPort !== port) return false;
  const bare = name.replace(/^\*(?=\.)/, '');
  // A leading dot means the names below it alone, as in Go.
  if (bare.startsWith('.')) return hostname.endsWith(bare);
  return hostname === bare || hostname.endsWith(`.${bare}`);
}

function splitPort(entry: string): [name: string, port: string | undefined] {
  const match = /^\[?([^\]]*?)\]?:([0-9]+)$/.exec(entry);
  return match === null ? [entry, undefined] : [match[1] ?? '', match[2]];
}

/** Is an address in a network in CIDR form? False for what is no address. */
export function inSubnet(hostname: string, cidr: string): boolean {
  const [network = '', prefix = ''] = cidr.split('/');
  const version = isIP(network);
  if (version === 0 || isIP(hostname) !== version || !/^[0-9]{1,3}$/.test(prefix)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Math.min(Number(prefix), version === 4 ? 32 : 128), family);
  return list.check(hostname, family);
}
