/** Exposed and published ports: from the texts of Docker's API to requests for the network. */
import { isIP } from 'node:net';
import { EngineError } from '../errors/engine-error.ts';
import type { PortProtocol, PortRequest } from '../network/network-types.ts';
import { parsePublishFrom } from '../network/publish-from.ts';
import type { ContainerRecord, HostConfig, PortBinding } from './model.ts';

/** One or several neighbouring ports of a protocol. */
export interface PortRange {
  first: number;
  last: number;
  protocol: PortProtocol;
}

export interface ContainerPort {
  port: number;
  protocol: PortProtocol;
}

/** What says `--publish-from` for clients that don't know it: Docker's command line, Compose. */
export const publishFromLabel = 'gantry.publish-from';

type PortHostConfig = Pick<HostConfig, 'portBindings' | 'publishAllPorts'>;

/** `80`, `80/udp` or `8000-8010/tcp`; undefined for anything else. */
export function parsePortRange(text: string): PortRange | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? first);
  if (first < 1 || last > 65_535 || last < first) return undefined;
  return { first, last, protocol: protocolOf(match[3]) };
}

function protocolOf(text: string | undefined): PortProtocol {
  const name = text?.toLowerCase();
  return name === 'udp' || name === 'sctp' ? name : 'tcp';
}

/** `80/tcp`, as the keys of Docker's maps of ports. */
export function portKey({ port, protocol }: ContainerPort): string {
  return `${port}/${protocol}`;
}

/** Each port that the container exposes or publishes, once, lowest first. Texts that are no ports are left out. */
export function containerPorts(
  exposed: readonly string[],
  hostConfig: Pick<HostConfig, 'portBindings'>,
): ContainerPort[] {
  const found = new Map<string, ContainerPort>();
  for (const text of [...exposed, ...Object.keys(hostConfig.portBindings)]) {
    for (const one of portsIn(parsePortRange(text))) found.set(portKey(one), one);
  }
  return [...found.values()].sort(
    (one, other) => one.port - other.port || one.protocol.localeCompare(other.protocol),
  );
}

function portsIn(range: PortRange | undefined): ContainerPort[] {
  if (range === undefined) return [];
  const { first, last, protocol } = range;
  return Array.from({ length: last - first + 1 }, (_, offset) => ({ port: first + offset, protocol }));
}

/**
 * What is to be published. `defaultAddress` is the daemon's own for bindings without one; '0.0.0.0' and '' there mean all addresses.
 * EngineError `invalid-argument` in Docker's words.
 */
export function portRequests(
  exposed: readonly string[],
  hostConfig: PortHostConfig,
  defaultAddress = '',
): PortRequest[] {
  checkExposed(exposed);
  const fallbackIp = defaultAddress === '0.0.0.0' ? '' : defaultAddress;
  const requests: PortRequest[] = [];
  const bound = new Set<string>();
  for (const [key, bindings] of Object.entries(hostConfig.portBindings)) {
    const target = boundPort(key);
    for (const binding of bindings) requests.push(requestOf(target, binding, fallbackIp));
    if (bindings.length > 0) bound.add(portKey(target));
  }
  if (!hostConfig.publishAllPorts) return requests;
  const rest = containerPorts(exposed, hostConfig).filter((port) => !bound.has(portKey(port)));
  return [...requests, ...rest.map((port) => requestOf(port, { hostIp: '', hostPort: '' }, fallbackIp))];
}

/**
 * The sources that alone reach the published ports, by their option or else by their label; undefined where all do. EngineError `invalid-argument`.
 */
export function publishFromOf({
  config,
  hostConfig,
}: Pick<ContainerRecord, 'config' | 'hostConfig'>): string[] | undefined {
  const words = hostConfig.publishFrom ?? config.labels[publishFromLabel]?.split(',');
  return words === undefined ? undefined : parsePublishFrom(words);
}

function checkExposed(exposed: readonly string[]): void {
  const bad = exposed.find((text) => parsePortRange(text) === undefined);
  if (bad !== undefined) throw invalidPort(bad);
}

function boundPort(key: string): ContainerPort {
  const range = parsePortRange(key);
  if (range === undefined || range.first !== range.last) throw invalidPort(key.split('/', 1)[0] ?? key);
  return { port: range.first, protocol: range.protocol };
}

function requestOf(target: ContainerPort, binding: PortBinding, fallbackIp: string): PortRequest {
  const hostIp = binding.hostIp === '' ? fallbackIp : checkedAddress(binding.hostIp);
  const [first, last] = hostPorts(binding.hostPort);
  return {
    containerPort: target.port,
    protocol: target.protocol,
    hostIp,
    hostPortFirst: first,
    hostPortLast: last,
  };
}

function checkedAddress(text: string): string {
  const address = text.replace(/^\[(.*)\]$/, '$1');
  if (isIP(address) !== 0) return address;
  throw new EngineError('invalid-argument', `invalid IP address: ${text}`, {
    hint: 'publish on an address of this host, such as 127.0.0.1',
  });
}

/** '' and 0 mean any free port. */
function hostPorts(text: string): [first: number, last: number] {
  if (text === '' || text === '0') return [0, 0];
  const range = parsePortRange(text);
  if (range === undefined) throw invalidPort(text);
  return [range.first, range.last];
}

function invalidPort(text: string): EngineError {
  return new EngineError('invalid-argument', `invalid port specification: "${text}"`, {
    hint: 'ports are 1 to 65535, ranges 8000-8010, with /tcp, /udp or /sctp after them',
  });
}
