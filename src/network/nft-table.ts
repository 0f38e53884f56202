/** Gantry's nftables table as script text: chains that never change, and sets and maps with elements per network and published port. Pure, see nft(8). */
import { isIPv6 } from 'node:net';
import { requireIdentifier } from '../host/nft.ts';
import {
  type BridgeRules,
  directPorts,
  modeOf,
  type NameRedirect,
  type RuleContent,
  requireInterfaceName,
  sourceFor,
} from './firewall-types.ts';
import { isUnspecified } from './ip-address.ts';
import type { Endpoint, PublishedPort } from './network-types.ts';
import { isOpenTo, sourcesOf } from './publish-from.ts';

/** A script that puts the table in place of whatever is there of that name, in one transaction. */
export function tableScript(content: RuleContent & { table: string }): string {
  const table = requireIdentifier(content.table);
  return `add table inet ${table}
delete table inet ${table}
table inet ${table} {
${sets}
${guardChain}
${publishChains}
${postroutingChain}
${forwardChains}
}
${content.bridges.map((rules) => addBridge(table, rules)).join('')}${content.redirects
  .map((redirect) => addRedirect(table, redirect))
  .join('')}${addElements(table, content.endpoints)}`;
}

/** Removes the table, there or not. */
export function dropTableScript(table: string): string {
  return `add table inet ${requireIdentifier(table)}\ndelete table inet ${table}\n`;
}

/** Enters a bridge. */
export function addBridge(table: string, rules: BridgeRules): string {
  return adding(table, bridgeElements(rules));
}

/** Takes a bridge out again. */
export function deleteBridge(table: string, rules: BridgeRules): string {
  return deleting(table, bridgeElements(rules));
}

export function addRedirect(table: string, redirect: NameRedirect): string {
  return adding(table, [redirectElement(redirect)]);
}

export function deleteRedirect(table: string, redirect: NameRedirect): string {
  return deleting(table, [redirectElement(redirect)]);
}

/** Elements that publish the endpoints' ports. */
export function addElements(table: string, endpoints: readonly Endpoint[]): string {
  return adding(table, endpoints.flatMap(elementsOf));
}

/** Takes the endpoints' ports back. */
export function deleteElements(table: string, endpoints: readonly Endpoint[]): string {
  return deleting(table, endpoints.flatMap(elementsOf));
}

function adding(table: string, elements: readonly string[]): string {
  return elements.map((element) => `add element inet ${table} ${element}\n`).join('');
}

/** Each element is added first: deleting one that is not there would fail the whole script. */
function deleting(table: string, elements: readonly string[]): string {
  return elements
    .map((element) => `add element inet ${table} ${element}\ndelete element inet ${table} ${element}\n`)
    .join('');
}

function bridgeElements(rules: BridgeRules): string[] {
  const { bridge, subnets, icc, internal, trusted = [] } = rules;
  requireInterfaceName(bridge);
  const name = `"${bridge}"`;
  return [
    `bridges { ${name} }`,
    ...(internal ? [`internal { ${name} }`] : []),
    `within { ${name} . ${name} : ${icc ? 'accept' : 'drop'} }`,
    ...trusted.map((from) => `trusted { "${from}" . ${name} }`),
    ...subnets.flatMap((subnet) => [
      ...subnetElements(rules, subnet, familyOf(subnet)),
      ...modeElements(rules, familyOf(subnet)),
    ]),
  ];
}

function subnetElements(rules: BridgeRules, subnet: string, family: '4' | '6'): string[] {
  const own = `own${family} { "${rules.bridge}" . ${subnet} }`;
  const source = sourceFor(rules, family);
  if (source === undefined) return [own];
  return [
    own,
    source === 'host' ? `masquerade${family} { ${subnet} }` : `source${family} { ${subnet} : ${source} }`,
  ];
}

function modeElements(rules: BridgeRules, family: '4' | '6'): string[] {
  switch (modeOf(rules, family)) {
    case 'nat':
      return [];
    case 'nat-unprotected':
      return [`open${family} { "${rules.bridge}" }`];
    case 'routed':
      return [`routed${family} { "${rules.bridge}" }`];
    case 'isolated':
      return [`isolated${family} { "${rules.bridge}" }`];
  }
}

function familyOf(subnet: string): '4' | '6' {
  return subnet.includes(':') ? '6' : '4';
}

function redirectElement({ address, protocol, port }: NameRedirect): string {
  const family = isIPv6(address) ? '6' : '4';
  return `exact${family} { ${address} . ${protocol} . 53 : ${address} . ${port} }`;
}

function elementsOf(endpoint: Endpoint): string[] {
  return [
    ...sourceElements(endpoint, '4'),
    ...sourceElements(endpoint, '6'),
    ...endpoint.ports.flatMap((port) => elementOf(endpoint, port) ?? []),
    ...directPorts(endpoint).flatMap((port) => directElement(endpoint, port) ?? []),
  ];
}

/** Before the ports themselves: they are never open to all, not even for a moment. */
function sourceElements(endpoint: Endpoint, family: '4' | '6'): string[] {
  const address = family === '4' ? endpoint.ipAddress : endpoint.ipv6Address;
  if (
    address === undefined ||
    address === '' ||
    endpoint.ports.length === 0 ||
    isOpenTo(endpoint.publishFrom, family)
  )
    return [];
  const allowed = sourcesOf(endpoint.publishFrom, family).map(
    (cidr) => `sources${family} { ${address} . ${cidr} }`,
  );
  return [`limited${family} { ${address} }`, ...allowed];
}

function targetOf({ ipAddress, ipv6Address }: Endpoint, { hostIp }: PublishedPort): string | undefined {
  return (isIPv6(hostIp) ? ipv6Address : ipAddress) || undefined;
}

function elementOf(endpoint: Endpoint, port: PublishedPort): string | undefined {
  const ipv6 = isIPv6(port.hostIp);
  const target = targetOf(endpoint, port);
  if (target === undefined || port.hostPort === 0) return undefined;
  const family = ipv6 ? '6' : '4';
  const key = `${port.protocol} . ${port.hostPort}`;
  const value = `${target} . ${port.containerPort}`;
  if (isUnspecified(port.hostIp)) return `any${family} { ${key} : ${value} }`;
  return `exact${family} { ${port.hostIp} . ${key} : ${value} }`;
}

function directElement(endpoint: Endpoint, port: PublishedPort): string | undefined {
  const target = targetOf(endpoint, port);
  if (target === undefined) return undefined;
  return `direct${isIPv6(port.hostIp) ? '6' : '4'} { ${target} . ${port.protocol} . ${port.containerPort} }`;
}

/**
 * `exact`: published on one address of the host; `any`: on all of them. `within`: may what comes from a bridge go back to it? `own`: the subnets by
 * bridge; `masquerade`: those that leave with the host's address; `source`: those that leave with this one; `limited`: containers whose ports only `sources` (container
 * . client) reach. `routed`, `open` (nat-unprotected), `isolated`: bridges that are not plain NAT; `trusted`: interface . bridge; `direct`: published ports at the
 * container's own address, for routed networks and trusted interfaces.
 */
const sets = `  map exact4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map exact6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  map any4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map any6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  set bridges { type ifname; }
  set internal { type ifname; }
  map within { type ifname . ifname : verdict; }
  set own4 { type ifname . ipv4_addr; flags interval; }
  set own6 { type ifname . ipv6_addr; flags interval; }
  set masquerade4 { type ipv4_addr; flags interval; }
  set masquerade6 { type ipv6_addr; flags interval; }
  map source4 { type ipv4_addr : ipv4_addr; flags interval; }
  map source6 { type ipv6_addr : ipv6_addr; flags interval; }
  set routed4 { type ifname; }
  set routed6 { type ifname; }
  set open4 { type ifname; }
  set open6 { type ifname; }
  set isolated4 { type ifname; }
  set isolated6 { type ifname; }
  set trusted { type ifname . ifname; }
  set direct4 { type ipv4_addr . inet_proto . inet_service; }
  set direct6 { type ipv6_addr . inet_proto . inet_service; }
  set limited4 { type ipv4_addr; }
  set limited6 { type ipv6_addr; }
  set sources4 { type ipv4_addr . ipv4_addr; flags interval; }
  set sources6 { type ipv6_addr . ipv6_addr; flags interval; }`;

/**
 * The bridges have route_localnet (the host's own 127.0.0.1:PORT is redirected to them): without this chain, a container could
 * reach what listens on the host's loopback only. It stands before NAT: answers to redirected connections don't look so here.
 */
const guardChain = `  chain guard {
    type filter hook prerouting priority -300; policy accept;
    ip daddr 127.0.0.0/8 iifname @bridges drop
    ip saddr 127.0.0.0/8 iifname @bridges drop
  }`;

/**
 * What comes from outside and names a loopback address is never redirected: those ports are published to the host alone. The host's own ::1 can't be
 * redirected at all (an answer to it would be dropped on the bridge): port-sockets.ts passes those connections on.
 */
const publishChains = `  chain publish {
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

/**
 * Redirected connections from the host's loopback or from the bridge's own subnet get the bridge's address as their source: the
 * answer must come back through the host. All others keep theirs.
 */
const postroutingChain = `  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ct status dnat oifname @bridges ip saddr 127.0.0.0/8 masquerade
    ct status dnat oifname . ip saddr @own4 masquerade
    ct status dnat oifname . ip6 saddr @own6 masquerade
    oifname . ip saddr @own4 accept
    oifname . ip6 saddr @own6 accept
    ip saddr @masquerade4 masquerade
    ip6 saddr @masquerade6 masquerade
    snat ip to ip saddr map @source4
    snat ip6 to ip6 saddr map @source6
  }`;

/**
 * Into a bridge goes what was published, and by `direct` what may reach a container's own address; the host itself is nobody on an isolated one.
 * Accepting here ends this chain only: what does not concern the bridges is left to other tables. `sources` is asked with the client's own address: that of
 * the host's loopback is changed later, in postrouting.
 */
const forwardChains = `  chain sources {
    ct direction reply return
    ip daddr @limited4 ip daddr . ip saddr != @sources4 drop
    ip6 daddr @limited6 ip6 daddr . ip6 saddr != @sources6 drop
  }
  chain outgoing {
    type filter hook output priority 0; policy accept;
    ct status dnat jump sources
  }
  chain input {
    type filter hook input priority 0; policy accept;
    meta nfproto ipv4 iifname @isolated4 drop
    meta nfproto ipv6 iifname @isolated6 drop
  }
  chain inside {
    iifname . oifname vmap @within
    drop
  }
  chain published {
    jump sources
    oifname @routed4 meta nfproto ipv4 accept
    oifname @routed6 meta nfproto ipv6 accept
    iifname != @bridges iifname . oifname @trusted accept
  }
  chain direct {
    meta l4proto { tcp, udp, sctp } ip daddr . meta l4proto . th dport @direct4 jump published
    meta l4proto { tcp, udp, sctp } ip6 daddr . meta l4proto . th dport @direct6 jump published
    oifname @routed4 meta l4proto icmp accept
    oifname @routed6 meta l4proto ipv6-icmp accept
    iifname @bridges drop
    oifname @open4 meta nfproto ipv4 accept
    oifname @open6 meta nfproto ipv6 accept
    drop
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    ct state established,related accept
    iifname != @bridges oifname != @bridges accept
    iifname @internal goto inside
    oifname @internal goto inside
    ct status dnat jump sources
    ct status dnat accept
    iifname . oifname vmap @within
    oifname @bridges goto direct
  }`;
