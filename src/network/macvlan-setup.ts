/** The rtnetlink messages that give one container an interface on a macvlan or ipvlan network. Pure. */
import type { NetworkSetup } from '../host/network-setup.ts';
import {
  daemonNetnsFd,
  interfaceIndex,
  interfaceNameOf,
  interfaceSysctls,
  linkLocalMessages,
} from './interface-setup.ts';
import { addLinkDefaultRoute, createUpperLink, nameDaemonNamespace } from './macvlan-messages.ts';
import type { LinkMode } from './macvlan-options.ts';
import type { DefaultRoutes, Endpoint } from './network-types.ts';
import { addAddress, addDefaultRoute, raiseLink } from './rtnetlink.ts';

export interface UpperRequest {
  endpoint: Endpoint;
  number: number;
  link: LinkMode;
  /** Index of the parent. */
  parent: number;
  mtu: number;
  /** Undefined where the parent's is taken. */
  mac: string | undefined;
  defaultRoutes: DefaultRoutes;
  sysctls: Readonly<Record<string, string>>;
  kernelHasIpv6: boolean;
  /** A process of the container where it runs already: the daemon then makes the interface, and the container's part comes after. */
  runningPid?: number;
}

const loopbackIndex = 1;

/** The interface is born in the container's namespace: none is ever moved. It comes up when it has its addresses, and the kernel announces them. */
export function upperSetup(request: UpperRequest): NetworkSetup {
  const { endpoint, number, link, parent, mtu, mac, runningPid } = request;
  const index = interfaceIndex(number);
  const base = { name: interfaceNameOf(endpoint), index, mac, mtu, parent, link };
  const rest = [
    raiseLink(loopbackIndex),
    ...addresses(endpoint, index),
    raiseLink(index),
    ...routes(request),
  ];
  const sysctls = { ...announcing(request), ...interfaceSysctls(request) };
  if (runningPid === undefined)
    return {
      inside: [nameDaemonNamespace(daemonNetnsFd), createUpperLink(base), ...rest],
      outside: [],
      sysctls,
    };
  return {
    before: [createUpperLink({ ...base, namespacePid: runningPid })],
    inside: rest,
    outside: [],
    sysctls,
  };
}

function addresses(endpoint: Endpoint, index: number): Buffer[] {
  const { ipAddress, prefixLength, ipv6Address, ipv6PrefixLength = 64 } = endpoint;
  return [
    ...(ipAddress === '' ? [] : [addAddress({ index, address: ipAddress, prefixLength })]),
    ...(ipv6Address === undefined
      ? []
      : [addAddress({ index, address: ipv6Address, prefixLength: ipv6PrefixLength })]),
    ...linkLocalMessages(endpoint, index),
  ];
}

function routes({ endpoint, number, link, defaultRoutes }: UpperRequest): Buffer[] {
  const index = interfaceIndex(number);
  const { gateway, ipv6Address, ipv6Gateway, ipAddress } = endpoint;
  const by = (version: 4 | 6, address: string, via: string): Buffer[] => {
    if (address === '') return [];
    if (routesByLink(link)) return [addLinkDefaultRoute(index, version)];
    return via === '' ? [] : [addDefaultRoute(index, via)];
  };
  return [
    ...(defaultRoutes.ipv4 ? by(4, ipAddress, gateway) : []),
    ...(defaultRoutes.ipv6 ? by(6, ipv6Address ?? '', ipv6Gateway ?? '') : []),
  ];
}

/** In the layer 3 modes of ipvlan the host routes, and nobody answers who has a gateway's address. */
export function routesByLink(link: LinkMode): boolean {
  return link.driver === 'ipvlan' && link.mode !== 'l2';
}

/** Others on the wire may remember who had the address before. */
function announcing({ kernelHasIpv6 }: UpperRequest): Record<string, string> {
  return {
    'ipv4/conf/default/arp_notify': '1',
    ...(kernelHasIpv6 ? { 'ipv6/conf/default/ndisc_notify': '1' } : {}),
  };
}
