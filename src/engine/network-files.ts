/** The contents of a container's /etc/hosts, /etc/hostname and /etc/resolv.conf, as Docker writes them. Pure. */
import { EngineError } from '../errors/engine-error.ts';

export interface HostsInput {
  /** Addresses of the container itself; none without a network. */
  addresses: readonly string[];
  /** Hostname, then other names of the container. */
  names: readonly string[];
  /** `NAME:ADDRESS` or `NAME=ADDRESS`, where the address may be `host-gateway`. */
  extraHosts: readonly string[];
  /** What `host-gateway` means. */
  hostGateway: string | undefined;
}

const loopbackLines = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

/** /etc/hosts of a container with a network of its own. EngineError `invalid-argument` for a bad entry of `extraHosts`. */
export function hostsFile(input: HostsInput): string {
  const own = input.addresses.map((address) => `${address}\t${input.names.join(' ')}`);
  return linesOf([...loopbackLines, ...extraHostLines(input), ...own]);
}

/** The host's own file with the user's entries after it, for `--network=host`. */
export function hostsFileOfHost(
  hostContent: string,
  input: Pick<HostsInput, 'extraHosts' | 'hostGateway'>,
): string {
  const extra = extraHostLines(input);
  if (extra.length === 0) return hostContent;
  return `${hostContent}${hostContent.endsWith('\n') || hostContent === '' ? '' : '\n'}${linesOf(extra)}`;
}

function extraHostLines(input: Pick<HostsInput, 'extraHosts' | 'hostGateway'>): string[] {
  return input.extraHosts.map((entry) => {
    const { name, address } = parseExtraHost(entry);
    if (address !== 'host-gateway') return `${address}\t${name}`;
    if (input.hostGateway !== undefined) return `${input.hostGateway}\t${name}`;
    throw new EngineError('invalid-argument', `unable to derive the IP value for host-gateway`, {
      hint: 'name an address: there is no bridge here',
    });
  });
}

/** EngineError `invalid-argument` "bad format for add-host: …" where it is no `NAME:ADDRESS`. */
export function parseExtraHost(entry: string): { name: string; address: string } {
  const match = /^([^:=]+)[:=](.+)$/.exec(entry);
  const address = (match?.[2] ?? '').replace(/^\[(.*)\]$/, '$1');
  if (match === null || address === '')
    throw new EngineError('invalid-argument', `bad format for add-host: "${entry}"`);
  if (address !== 'host-gateway' && !/^[0-9a-fA-F.:]+$/.test(address)) {
    throw new EngineError('invalid-argument', `invalid IP address in add-host: "${address}"`);
  }
  return { name: match[1] ?? '', address };
}

export interface ResolvConfInput {
  /** The host's own resolv.conf; '' where it has none. */
  host: string;
  /** The user's; where given, they replace the host's. */
  nameservers: readonly string[];
  search: readonly string[];
  options: readonly string[];
  /** The container's network is the host's: its loopback addresses lead somewhere. */
  sharesHostNetwork: boolean;
}

/** Where the host names only itself: what Docker takes. */
const publicNameservers = ['8.8.8.8', '8.8.4.4'];

/** resolv.conf(5). Name servers on the host's loopback are of no use in a network of one's own, and left out there. */
export function resolvConfFile(input: ResolvConfInput): string {
  const host = parseResolvConf(input.host);
  const usable = input.sharesHostNetwork
    ? host.nameservers
    : host.nameservers.filter((address) => !isLoopback(address));
  const fallback = usable.length === 0 && !input.sharesHostNetwork ? publicNameservers : usable;
  const nameservers = input.nameservers.length > 0 ? input.nameservers : fallback;
  const search = (input.search.length > 0 ? input.search : host.search).filter((domain) => domain !== '.');
  const options = input.options.length > 0 ? input.options : host.options;
  return linesOf([
    ...nameservers.map((address) => `nameserver ${address}`),
    ...(search.length === 0 ? [] : [`search ${search.join(' ')}`]),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ]);
}

export function parseResolvConf(text: string): {
  nameservers: string[];
  search: string[];
  options: string[];
} {
  const found = { nameservers: [] as string[], search: [] as string[], options: [] as string[] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver') found.nameservers.push(...values.slice(0, 1));
    if (keyword === 'search' || keyword === 'domain') found.search = values;
    if (keyword === 'options') found.options.push(...values);
  }
  return found;
}

/** Does it name nothing but systemd-resolved's stub? Then the real servers are in its own file. */
export function namesOnlyStub(text: string): boolean {
  const { nameservers } = parseResolvConf(text);
  return nameservers.length > 0 && nameservers.every((address) => address === '127.0.0.53');
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
