/** The rtnetlink messages that give one container its interface: a veth pair, addresses and default routes. Pure. */
import type { NetworkSetup } from '../host/network-setup.ts';
import { namesDaemonNamespace } from './macvlan-messages.ts';
import type { DefaultRoutes, Endpoint, EndpointRequest } from './network-types.ts';
import {
  addAddress,
  addDefaultRoute,
  createVethPair,
  enslaveLink,
  raiseBridgePort,
  raiseLink,
  setNeighbour,
} from './rtnetlink.ts';

/** Where the shim holds the daemon's network namespace. */
export const daemonNetnsFd = 8;
/** Above those that a fresh namespace hands out by itself (lo, and fall-back tunnels where their modules are loaded). */
const containerIndex = 100;
const loopbackIndex = 1;

export interface InterfaceRequest {
  endpoint: Endpoint;
  /** Which of the container's interfaces it is; 0 unless told. */
  number?: number;
  bridgeIndex: number;
  mtu: number;
  /** No frames to other containers (`--icc=false`) where netfilter can't see bridged packets. */
  isolated: boolean;
  /** Which default routes go by it; both unless told. */
  defaultRoutes?: DefaultRoutes;
  sysctls: Readonly<Record<string, string>>;
  /** Has the kernel IPv6 at all? Without it there are no parameters to set. */
  kernelHasIpv6: boolean;
  /** The daemon's pid where the container runs already and the launcher, not its shim, sends the messages. */
  daemonPid?: number;
}

/** Index of a container's interface by its number. */
export function interfaceIndex(number: number): number {
  return containerIndex + number;
}

/** Two messages in the daemon's namespace, the rest in the container's; none waits for an RCU grace period. */
export function interfaceSetup(request: InterfaceRequest): NetworkSetup {
  return {
    inside: insideMessages(request),
    outside: outsideMessages(request),
    sysctls: interfaceSysctls(request),
  };
}

function insideMessages(request: InterfaceRequest): Buffer[] {
  const { endpoint, mtu, number = 0, defaultRoutes, daemonPid } = request;
  const { ipv6Address, ipv6Gateway, ipv6PrefixLength } = endpoint;
  const index = interfaceIndex(number);
  const messages = [
    createVethPair({
      name: interfaceNameOf(endpoint),
      index,
      mac: endpoint.macAddress,
      mtu,
      peer: {
        name: endpoint.hostInterface,
        ...(daemonPid === undefined ? { netnsFd: daemonNetnsFd } : { netnsPid: daemonPid }),
      },
    }),
    raiseLink(loopbackIndex),
    ...ipv4Messages(endpoint, index),
    ...linkLocalMessages(endpoint, index),
  ];
  if (defaultRoutes?.ipv4 !== false && endpoint.gateway !== '')
    messages.push(addDefaultRoute(index, endpoint.gateway));
  if (ipv6Address === undefined) return messages;
  messages.push(addAddress({ index, address: ipv6Address, prefixLength: ipv6PrefixLength ?? 64 }));
  if (ipv6Gateway !== undefined && ipv6Gateway !== '' && defaultRoutes?.ipv6 !== false)
    messages.push(addDefaultRoute(index, ipv6Gateway));
  return messages;
}

/** What of an endpoint says which interface it is, and what the user wants of it. `prefix` is that of names that nobody chose. */
export function interfaceFields(
  { interfaceNumber: number = 0, interfaceName, otherNames = [], linkLocal = [] }: EndpointRequest,
  prefix: string,
): Pick<Endpoint, 'interfaceName' | 'interfaceNumber' | 'linkLocal'> {
  const name = interfaceName ?? freeName(prefix, number, otherNames);
  return {
    interfaceName: name,
    ...(name === `${prefix}${number}` ? {} : { interfaceNumber: number }),
    ...(linkLocal.length === 0 ? {} : { linkLocal: [...linkLocal] }),
  };
}

function freeName(prefix: string, first: number, taken: readonly string[]): string {
  for (let number = first; ; number += 1)
    if (!taken.includes(`${prefix}${number}`)) return `${prefix}${number}`;
}

/** Which of the container's interfaces it is: `eth1` is 1 where nothing else is on record. */
export function interfaceNumberOf(endpoint: Pick<Endpoint, 'interfaceName' | 'interfaceNumber'>): number {
  return endpoint.interfaceNumber ?? Number(/\d+$/.exec(interfaceNameOf(endpoint))?.[0] ?? 0);
}

/** The parameters that the user wants of this interface, with its name in them. */
export function ownSysctls(
  endpoint: Pick<Endpoint, 'interfaceName'>,
  asked: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const name = interfaceNameOf(endpoint);
  return Object.fromEntries(
    Object.entries(asked).map(([path, value]) => [path.replace('/IFNAME/', `/${name}/`), value]),
  );
}

/** With the prefix lengths that these have (RFC 3927, RFC 4291). */
export function linkLocalMessages({ linkLocal = [] }: Pick<Endpoint, 'linkLocal'>, index: number): Buffer[] {
  return linkLocal.map((address) =>
    addAddress({ index, address, prefixLength: address.includes(':') ? 64 : 16 }),
  );
}

/** The name of the container's end. */
export function interfaceNameOf({ interfaceName }: Pick<Endpoint, 'interfaceName'>): string {
  return interfaceName ?? 'eth0';
}

function outsideMessages({ endpoint, bridgeIndex, isolated }: InterfaceRequest): Buffer[] {
  return [
    enslaveLink(endpoint.hostInterface, bridgeIndex),
    raiseBridgePort(endpoint.hostInterface, { hairpin: endpoint.ports.length > 0, isolated }),
    ...(endpoint.ipAddress === ''
      ? []
      : [setNeighbour(bridgeIndex, endpoint.ipAddress, endpoint.macAddress)]),
  ];
}

function ipv4Messages({ ipAddress, prefixLength }: Endpoint, index: number): Buffer[] {
  return ipAddress === '' ? [] : [addAddress({ index, address: ipAddress, prefixLength })];
}

/** Written before the interface is made, so that it is born with them: `conf/default` is what a new interface copies. */
export function interfaceSysctls({
  endpoint,
  sysctls,
  kernelHasIpv6,
}: Pick<InterfaceRequest, 'endpoint' | 'sysctls' | 'kernelHasIpv6'>): Record<string, string> {
  if (!kernelHasIpv6) return { ...sysctls };
  if (!usesIpv6(endpoint)) return { 'ipv6/conf/default/disable_ipv6': '1', ...sysctls };
  return { 'ipv6/conf/default/accept_ra': '0', 'ipv6/conf/default/accept_dad': '0', ...sysctls };
}

/** Has its interface IPv6 addresses? */
export function usesIpv6({ ipv6Address, linkLocal = [] }: Endpoint): boolean {
  return ipv6Address !== undefined || linkLocal.some((address) => address.includes(':'));
}

const ipv6Off = 'ipv6/conf/default/disable_ipv6';

/**
 * One setup of several for the same container. Where some of its networks have IPv6 and others not, it is on by default, and off for the
 * interfaces of the others: parameters of interfaces that are not there yet are written once they are.
 */
export function joinSetups(parts: ReadonlyArray<{ endpoint: Endpoint; setup: NetworkSetup }>): NetworkSetup {
  const mixed = new Set(parts.map(({ setup }) => setup.sysctls?.[ipv6Off])).size > 1;
  return {
    inside: daemonNamedFirst(parts.flatMap(({ setup }) => setup.inside)),
    outside: parts.flatMap(({ setup }) => setup.outside),
    sysctls: Object.assign({}, ...parts.map((part) => (mixed ? withOwnIpv6(part) : part.setup.sysctls))),
  };
}

/** Once is enough, and before the kernel makes up a name by itself, which it does for a veth pair. */
function daemonNamedFirst(messages: readonly Uint8Array[]): Uint8Array[] {
  return [
    ...messages.filter(namesDaemonNamespace).slice(0, 1),
    ...messages.filter((message) => !namesDaemonNamespace(message)),
  ];
}

function withOwnIpv6({
  endpoint,
  setup,
}: {
  endpoint: Endpoint;
  setup: NetworkSetup;
}): Record<string, string> {
  const { [ipv6Off]: off, ...rest } = setup.sysctls ?? {};
  return off === '1' ? { ...rest, [`ipv6/conf/${interfaceNameOf(endpoint)}/disable_ipv6`]: '1' } : rest;
}
