/** Gantry's nftables table as script text: chains that never change, and maps with one element per published port. Pure, see nft(8). */
import { isIPv6 } from 'node:net';
import { EngineError } from '../errors/engine-error.ts';
import { requireIdentifier } from '../host/nft.ts';
import { isUnspecified } from './ip-address.ts';
import type { Endpoint, PublishedPort } from './network-types.ts';

export interface TableOptions {
  /** Name of the table, family inet. */
  table: string;
  /** The bridge's name. */
  bridge: string;
  /** `172.17.0.0/16`. */
  subnet: string;
  subnet6?: string;
  /** May containers talk with each other? */
  icc: boolean;
  /** Does what leaves the subnet get the host's address? */
  ipMasq: boolean;
}

/** Names that can stand between quotes in a script and that the kernel takes (IFNAMSIZ). */
const interfaceName = /^[A-Za-z0-9_.-]{1,15}$/;

/** EngineError `invalid-argument` for a name that no bridge can have. */
export function requireInterfaceName(name: string): void {
  if (interfaceName.test(name)) return;
  throw new EngineError('invalid-argument', `${JSON.stringify(name)} can't be the name of a bridge`, {
    hint: 'use at most 15 letters, digits, dots, dashes and underscores',
  });
}

/** A script that puts the table in place of whatever is there of that name, in one transaction. */
export function tableScript(options: TableOptions, endpoints: readonly Endpoint[]): string {
  const table = requireIdentifier(options.table);
  requireInterfaceName(options.bridge);
  return `add table inet ${table}
delete table inet ${table}
table inet ${table} {
${maps()}
${guardChain(options)}
${publishChains()}
${postroutingChain(options)}
${forwardChain(options)}
}
${addElements(table, endpoints)}`;
}

/** Removes the table, there or not. */
export function dropTableScript(table: string): string {
  return `add table inet ${requireIdentifier(table)}\ndelete table inet ${table}\n`;
}

/** Elements that publish the endpoints' ports. */
export function addElements(table: string, endpoints: readonly Endpoint[]): string {
  return endpoints
    .flatMap((endpoint) => elementsOf(endpoint))
    .map((element) => `add element inet ${table} ${element}\n`)
    .join('');
}

/** Takes the endpoints' ports back. Each element is added first: deleting one that is not there would fail the whole script. */
export function deleteElements(table: string, endpoints: readonly Endpoint[]): string {
  return endpoints
    .flatMap((endpoint) => elementsOf(endpoint))
    .map((element) => `add element inet ${table} ${element}\ndelete element inet ${table} ${element}\n`)
    .join('');
}

function elementsOf(endpoint: Endpoint): string[] {
  return endpoint.ports.flatMap((port) => elementOf(endpoint, port) ?? []);
}

function elementOf(endpoint: Endpoint, port: PublishedPort): string | undefined {
  const ipv6 = isIPv6(port.hostIp);
  const target = ipv6 ? endpoint.ipv6Address : endpoint.ipAddress;
  if (target === undefined) return undefined;
  const family = ipv6 ? '6' : '4';
  const key = `${port.protocol} . ${port.hostPort}`;
  const value = `${target} . ${port.containerPort}`;
  if (isUnspecified(port.hostIp)) return `any${family} { ${key} : ${value} }`;
  return `exact${family} { ${port.hostIp} . ${key} : ${value} }`;
}

/** `exact`: published on one address of the host; `any`: on all of them. */
function maps(): string {
  return `  map exact4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map exact6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }`;
}

/**
 * The bridge has route_localnet (the host's own 127.0.0.1:PORT is redirected to it): without this chain, a container could
 * reach what listens on the host's loopback only. It stands before NAT: answers to redirected connections don't look so here.
 */
function guardChain({ bridge }: TableOptions): string {
  return `  chain guard {
    type filter hook prerouting priority -300; policy accept;
    iifname "${bridge}" ip daddr 127.0.0.0/8 drop
    iifname "${bridge}" ip saddr 127.0.0.0/8 drop
  }`;
}

/**
 * What comes from outside and names a loopback address is never redirected: those ports are published to the host alone. The host's own ::1 can't be
 * redirected at all (an answer to it would be dropped on the bridge): port-sockets.ts passes those connections on.
 */
function publishChains(): string {
  return `  chain publish {
    meta l4proto != { tcp, udp, sctp } return
    dnat ip to ip daddr . meta l4proto . th dport map @exact4
    dnat ip to meta l4proto . th dport map @any4
    dnat ip6 to ip6 daddr . meta l4proto . th dport map @exact6
    dnat ip6 to meta l4proto . th dport map @any6
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    ip daddr 127.0.0.0/8 return
    ip6 daddr ::1 return
    fib daddr type local jump publish
  }
  chain output {
    type nat hook output priority -100; policy accept;
    ip6 daddr ::1 return
    fib daddr type local jump publish
  }`;
}

/**
 * Redirected connections from the host's loopback or from the bridge's own subnet get the bridge's address as their source: the
 * answer must come back through the host. All others keep theirs.
 */
function postroutingChain({ bridge, subnet, subnet6, ipMasq }: TableOptions): string {
  const within6 = `    oifname "${bridge}" ct status dnat ip6 saddr ${subnet6} masquerade\n`;
  const leaving = [
    `    oifname != "${bridge}" ip saddr ${subnet} masquerade\n`,
    ...(subnet6 === undefined ? [] : [`    oifname != "${bridge}" ip6 saddr ${subnet6} masquerade\n`]),
  ];
  return `  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
${ipMasq ? leaving.join('') : ''}    oifname "${bridge}" ct status dnat ip saddr { 127.0.0.0/8, ${subnet} } masquerade
${subnet6 === undefined ? '' : within6}  }`;
}

/** Accepting here ends this chain only: what does not concern the bridge is left to other tables. */
function forwardChain({ bridge, icc }: TableOptions): string {
  return `  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname != "${bridge}" oifname != "${bridge}" accept
    ct state established,related accept
    ct status dnat accept
    iifname "${bridge}" oifname "${bridge}" ${icc ? 'accept' : 'drop'}
    iifname "${bridge}" accept
    drop
  }`;
}
