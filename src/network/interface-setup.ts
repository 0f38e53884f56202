/** The rtnetlink messages that give one container its interface: a veth pair, addresses and default routes. Pure. */
import type { NetworkSetup } from '../host/network-setup.ts';
import type { Endpoint } from './network-types.ts';
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
  bridgeIndex: number;
  mtu: number;
  /** No frames to other containers (`--icc=false`) where netfilter can't see bridged packets. */
  isolated: boolean;
  sysctls: Readonly<Record<string, string>>;
  /** Has the kernel IPv6 at all? Without it there are no parameters to set. */
  kernelHasIpv6: boolean;
}

/** Two messages in the daemon's namespace, the rest in the container's; none waits for an RCU grace period. */
export function interfaceSetup(request: InterfaceRequest): NetworkSetup {
  return {
    inside: insideMessages(request),
    outside: outsideMessages(request),
    sysctls: interfaceSysctls(request),
  };
}

function insideMessages({ endpoint, mtu }: InterfaceRequest): Buffer[] {
  const { ipv6Address, ipv6Gateway, ipv6PrefixLength } = endpoint;
  const messages = [
    createVethPair({
      name: 'eth0',
      index: containerIndex,
      mac: endpoint.macAddress,
      mtu,
      peer: { name: endpoint.hostInterface, netnsFd: daemonNetnsFd },
    }),
    raiseLink(loopbackIndex),
    addAddress({ index: containerIndex, address: endpoint.ipAddress, prefixLength: endpoint.prefixLength }),
    addDefaultRoute(containerIndex, endpoint.gateway),
  ];
  if (ipv6Address !== undefined) {
    messages.push(
      addAddress({ index: containerIndex, address: ipv6Address, prefixLength: ipv6PrefixLength ?? 64 }),
    );
  }
  if (ipv6Gateway !== undefined) messages.push(addDefaultRoute(containerIndex, ipv6Gateway));
  return messages;
}

function outsideMessages({ endpoint, bridgeIndex, isolated }: InterfaceRequest): Buffer[] {
  return [
    enslaveLink(endpoint.hostInterface, bridgeIndex),
    raiseBridgePort(endpoint.hostInterface, { hairpin: endpoint.ports.length > 0, isolated }),
    setNeighbour(bridgeIndex, endpoint.ipAddress, endpoint.macAddress),
  ];
}

/** Written before the interface is made, so that it is born with them: `conf/default` is what a new interface copies. */
function interfaceSysctls({ endpoint, sysctls, kernelHasIpv6 }: InterfaceRequest): Record<string, string> {
  if (!kernelHasIpv6) return { ...sysctls };
  if (endpoint.ipv6Address === undefined) return { 'ipv6/conf/default/disable_ipv6': '1', ...sysctls };
  return { 'ipv6/conf/default/accept_ra': '0', 'ipv6/conf/default/accept_dad': '0', ...sysctls };
}
