/** The text of a container's /etc/resolv.conf: the host's, or what was asked for, see resolv.conf(5). Pure. */
import { isIP, isIPv6 } from 'node:net';

export interface ResolvConf {
  nameservers: string[];
  search: string[];
  options: string[];
}

/** What the user asked for; an empty list means: as on the host. */
export interface ResolvConfOverrides {
  /** `--dns`. */
  nameservers?: readonly string[];
  /** `--dns-search`; a single `.` for no search list. */
  search?: readonly string[];
  /** `--dns-opt`. */
  options?: readonly string[];
}

export interface ContainerResolvConf {
  /** The host's file. */
  host: ResolvConf;
  overrides?: ResolvConfOverrides;
  /** Has the container IPv6? Without it, IPv6 name servers are left out. */
  ipv6: boolean;
  /** True for a container in the host's network: there the host's loopback is its own. */
  keepLoopback?: boolean;
  /** Addresses of the name services that the container asks; they ask the other name servers in its stead. Empty for none. */
  nameServices?: readonly string[];
}

/** Docker's choice where the host has no name server that a container could reach. */
const fallback4 = ['8.8.8.8', '8.8.4.4'];
const fallback6 = ['2001:4860:4860::8888', '2001:4860:4860::8844'];

/** Name servers, search list and options of a file; as resolvers do, the last `search` (or `domain`) counts. */
export function parseResolvConf(text: string): ResolvConf {
  const found: ResolvConf = { nameservers: [], search: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    const [first] = values;
    if (keyword === 'nameserver' && first !== undefined && isIP(first.replace(/%.*$/, '')) !== 0)
      found.nameservers.push(first);
    else if (keyword === 'search' || keyword === 'domain') found.search = values;
    else if (keyword === 'options') found.options.push(...values);
  }
  return found;
}

/** Is the host's only resolver systemd's stub on loopback? Then the real servers are in /run/systemd/resolve/resolv.conf. */
export function usesLocalStub(host: ResolvConf): boolean {
  return host.nameservers.length > 0 && host.nameservers.every((address) => address === '127.0.0.53');
}

/** The file that a container gets. */
export function containerResolvConf({
  host,
  overrides = {},
  ipv6,
  keepLoopback = false,
  nameServices = [],
}: ContainerResolvConf): string {
  const asked = overrides.nameservers ?? [];
  const others = asked.length > 0 ? asked : reachable(host.nameservers, ipv6, keepLoopback);
  const nameservers = nameServices.length > 0 ? nameServices : others;
  const search = orHost(overrides.search, host.search).filter((domain) => domain !== '.');
  const chosen = orHost(overrides.options, host.options);
  const options = nameServices.length > 0 ? withoutDots(chosen) : chosen;
  return [
    '# Made by Gantry from the settings of the host and of this container.',
    ...nameservers.map((address) => `nameserver ${address}`),
    ...(search.length > 0 ? [`search ${search.join(' ')}`] : []),
    ...(options.length > 0 ? [`options ${options.join(' ')}`] : []),
    '',
  ].join('\n');
}

/** Names of containers have no dot, and are asked for as they are, before any search domain. */
function withoutDots(options: readonly string[]): readonly string[] {
  return options.some((option) => option.startsWith('ndots:')) ? options : [...options, 'ndots:0'];
}

function orHost(asked: readonly string[] | undefined, host: readonly string[]): readonly string[] {
  return asked !== undefined && asked.length > 0 ? asked : host;
}

function reachable(nameservers: readonly string[], ipv6: boolean, keepLoopback: boolean): readonly string[] {
  if (keepLoopback) return nameservers;
  const usable = nameservers.filter((address) => !isLoopback(address) && (ipv6 || !isIPv6(address)));
  if (usable.length > 0) return usable;
  return ipv6 ? [...fallback4, ...fallback6] : fallback4;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}
