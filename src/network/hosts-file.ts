/** The text of a container's /etc/hosts and /etc/hostname, see hosts(5). Pure. */
import { isIP } from 'node:net';
import { EngineError } from '../errors/engine-error.ts';

export interface HostsFile {
  hostname: string;
  domainname: string;
  /** The container's own addresses; none without a network of its own. */
  addresses: readonly string[];
  /** `NAME:ADDRESS` or `NAME=ADDRESS`; the address may be `host-gateway`. */
  extraHosts: readonly string[];
  /** What `host-gateway` stands for: the bridge's addresses. */
  hostGateways: readonly string[];
}

const standard = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

/** EngineError `invalid-argument` for an extra host that can't be read. */
export function hostsFile(options: HostsFile): string {
  const names = [fullName(options), options.hostname].filter(
    (name, index, all) => name !== '' && all.indexOf(name) === index,
  );
  const own = names.length === 0 ? [] : options.addresses.map((address) => `${address}\t${names.join(' ')}`);
  const extra = options.extraHosts.flatMap((entry) => extraLines(entry, options.hostGateways));
  return `${[...standard, ...extra, ...own].join('\n')}\n`;
}

export function hostnameFile(hostname: string): string {
  return `${hostname}\n`;
}

function fullName({ hostname, domainname }: HostsFile): string {
  return hostname === '' || domainname === '' ? hostname : `${hostname}.${domainname}`;
}

/** The host's own file with the user's entries after it, for a container in the host's network. */
export function hostsFileOfHost(
  hostContent: string,
  extraHosts: readonly string[],
  hostGateways: readonly string[],
): string {
  if (extraHosts.length === 0) return hostContent;
  const begin = hostContent === '' || hostContent.endsWith('\n') ? hostContent : `${hostContent}\n`;
  return `${begin}${extraHosts.flatMap((entry) => extraLines(entry, hostGateways)).join('\n')}\n`;
}

/** EngineError `invalid-argument` where an entry of `--add-host` is no `NAME:ADDRESS`. */
export function parseExtraHost(entry: string): { name: string; address: string } {
  const [, name = '', value = ''] = /^([^:=\s]+)[:=](\S+)$/.exec(entry) ?? [];
  const address = value.replace(/^\[(.*)\]$/, '$1');
  if (name !== '' && (address === 'host-gateway' || isIP(address) !== 0)) return { name, address };
  throw new EngineError('invalid-argument', `bad format for add-host: ${JSON.stringify(entry)}`, {
    hint: 'write NAME:ADDRESS, e.g. db:10.0.0.5',
  });
}

function extraLines(entry: string, hostGateways: readonly string[]): string[] {
  const { name, address } = parseExtraHost(entry);
  if (address !== 'host-gateway') return [`${address}\t${name}`];
  if (hostGateways.length > 0) return hostGateways.map((gateway) => `${gateway}\t${name}`);
  throw new EngineError('invalid-argument', 'unable to derive the IP value for host-gateway', {
    hint: 'use a bridge network, or give the address itself',
  });
}
