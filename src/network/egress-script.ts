/** The nftables tables that hold containers to their egress rules, as script text: one in the bridges, one where packets are routed. Pure, see nft(8). */
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { requireIdentifier } from '../host/nft.ts';
import { type EgressPolicy, namedRanges, type PortRange } from './egress-policy.ts';
import type { Endpoint } from './network-types.ts';

/** A place of a guarded container, as the rules need it. */
export interface GuardedPlace {
  endpoint: Endpoint;
  bridge: string;
  bridgeMac: string;
  /** Where the names of this network are answered for guarded containers, by gateway and protocol. */
  names: ReadonlyArray<{ gateway: string; protocol: 'tcp' | 'udp'; port: number }>;
}

/** A container with all its places. */
export interface GuardedContainer {
  containerId: string;
  policy: EgressPolicy;
  /** Addresses that its hosts file gives for names of its rules. */
  pinned: ReadonlyArray<PortRange & { address: string }>;
  places: readonly GuardedPlace[];
}

type Family = '4' | '6';
const families: readonly Family[] = ['4', '6'];
const ip = { '4': 'ip', '6': 'ip6' } as const;
const mostAddresses = 4096;
const mostRefusals = 65_535;
/** How long the kernel remembers what it refused: so often is the same told again. */
export const refusalSeconds = 60;

/** Sets in which the kernel notes what it refused. */
export const refusalSets = ['refused4', 'refused6', 'other4', 'other6'] as const;

/** Name of the tables, families inet and bridge. */
export function egressTable(table: string): string {
  return requireIdentifier(`${table}_egress`);
}

/** What the names of chains and sets of a container end in. */
export function guardKey(containerId: string): string {
  return createHash('sha256').update(containerId).digest('hex').slice(0, 16);
}

/** Takes both tables away, there or not. */
export function dropEgressScript(table: string): string {
  return ['inet', 'bridge']
    .map((family) => `add table ${family} ${table}\ndelete table ${family} ${table}\n`)
    .join('');
}

/** Both tables with nothing of a container in them but the addresses that were learned before: those outlive the daemon. */
export function baseScript(table: string): string {
  return `table bridge ${table} {
${bridgeSets}
  chain prerouting { type filter hook prerouting priority -310; policy accept; }
}
table inet ${table} {
${inetSets}
  chain guard { type filter hook prerouting priority -150; policy accept; }
  chain names { type nat hook prerouting priority -110; policy accept; }
}
${['ports', 'via4', 'via6'].map((map) => `flush map bridge ${table} ${map}\n`).join('')}flush set inet ${table} ports
${['guarded4', 'guarded6', 'names4', 'names6'].map((map) => `flush map inet ${table} ${map}\n`).join('')}flush chain bridge ${table} prerouting
flush chain inet ${table} guard
flush chain inet ${table} names
table bridge ${table} {
  chain prerouting {
    iifname vmap @ports
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    ether type ip ether daddr set ether daddr . ip daddr map @via4 meta pkttype set host
    ether type ip6 ether daddr set ether daddr . ip6 daddr map @via6 meta pkttype set host
  }
}
table inet ${table} {
  chain guard {
    iifname @ports drop
    iifname . ip saddr vmap @guarded4
    iifname . ip6 saddr vmap @guarded6
  }
  chain names {
    dnat ip to ip saddr . ip daddr . meta l4proto . th dport map @names4
    dnat ip6 to ip6 saddr . ip6 daddr . meta l4proto . th dport map @names6
  }
}
`;
}

/**
 * `ports`: what becomes of frames from a container's port of a bridge. `via`: frames to a guarded container that go to the bridge itself in place of
 * its port, so that its connections to neighbours are routed, and tracked, in both directions.
 */
const bridgeSets = `  map ports { type ifname : verdict; }
  map via4 { type ether_addr . ipv4_addr : ether_addr; }
  map via6 { type ether_addr . ipv6_addr : ether_addr; }`;

/** `ports`: nothing arrives from the port of a guarded container itself, past its bridge. `names`: its questions go to where they are answered by its rules. */
const inetSets = `  set ports { type ifname; }
  map guarded4 { type ifname . ipv4_addr : verdict; }
  map guarded6 { type ifname . ipv6_addr : verdict; }
  map names4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map names6 { type ipv6_addr . ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
${families
  .flatMap((family) => {
    const address = `ipv${family}_addr`;
    const flags = `size ${mostRefusals}; flags dynamic, timeout; timeout ${refusalSeconds}s;`;
    return [
      `  set refused${family} { type ${address} . ${address} . inet_proto . inet_service; ${flags} }`,
      `  set other${family} { type ${address} . ${address} . inet_proto; ${flags} }`,
    ];
  })
  .join('\n')}`;

/** Puts a container's rules in place of those that it had, in one transaction; what it learned stays. */
export function guardScript(table: string, container: GuardedContainer): string {
  const key = guardKey(container.containerId);
  const sets = namedRanges(container.policy).flatMap((_, index) =>
    families.map(
      (family) =>
        `add set inet ${table} ${setName(key, index, family)} { type ipv${family}_addr; flags timeout; size ${mostAddresses}; }`,
    ),
  );
  return `${sets.join('\n')}
add chain inet ${table} c_${key}
flush chain inet ${table} c_${key}
table inet ${table} {
  chain c_${key} {
${containerRules(container, key)
  .map((rule) => `    ${rule}\n`)
  .join('')}  }
}
${container.places.map((place) => placeScript(table, key, place)).join('')}`;
}

function containerRules({ policy, pinned, places }: GuardedContainer, key: string): string[] {
  return [
    'ct state established,related accept',
    'icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept',
    ...places.flatMap(nameRules),
    ...policy.rules.flatMap((rule) =>
      rule.host.kind === 'subnet' ? [allowRule(rule.host.subnet, rule)] : [],
    ),
    ...pinned.map((rule) => allowRule(rule.address, rule)),
    ...namedRanges(policy).flatMap((range, index) =>
      families.map(
        (family) => `${ip[family]} daddr @${setName(key, index, family)} ${portMatch(range)} accept`,
      ),
    ),
    ...families.flatMap(noteRules),
    /* A reset is heard at once; ICMP errors are sent once in a second at most, and TCP waits without them. */
    'meta l4proto tcp reject with tcp reset',
    'reject with icmpx admin-prohibited',
  ];
}

function nameRules({ endpoint, names }: GuardedPlace): string[] {
  return names.flatMap(({ gateway, protocol }) => {
    const family = isIPv6(gateway) ? '6' : '4';
    const own = ownAddress(endpoint, family);
    if (own === undefined) return [];
    return [`${ip[family]} saddr ${own} ${ip[family]} daddr ${gateway} ${protocol} dport 53 accept`];
  });
}

function allowRule(subnet: string, range: PortRange): string {
  const family = subnet.includes(':') ? '6' : '4';
  const match = subnet.endsWith('/0') ? `meta nfproto ipv${family}` : `${ip[family]} daddr ${subnet}`;
  return `${match} ${portMatch(range)} accept`;
}

function portMatch({ protocol, first, last }: PortRange): string {
  return `${protocol} dport ${first === last ? first : `${first}-${last}`}`;
}

/** Bounded for each container, so that none can fill the sets alone. */
function noteRules(family: Family): string[] {
  const [match, key] = [
    `meta nfproto ipv${family}`,
    `${ip[family]} saddr . ${ip[family]} daddr . meta l4proto`,
  ];
  const limit = 'limit rate 10/second burst 20 packets';
  return [
    `${match} meta l4proto { tcp, udp, sctp } ${limit} add @refused${family} { ${key} . th dport }`,
    `${match} meta l4proto != { tcp, udp, sctp } ${limit} add @other${family} { ${key} }`,
  ];
}

function placeScript(table: string, key: string, place: GuardedPlace): string {
  const { hostInterface, endpointId } = place.endpoint;
  const chain = portChain(endpointId);
  return `add chain bridge ${table} ${chain}
flush chain bridge ${table} ${chain}
table bridge ${table} {
  chain ${chain} {
${portRules(place)
  .map((rule) => `    ${rule}\n`)
  .join('')}  }
}
add element bridge ${table} ports { "${hostInterface}" : jump ${chain} }
add element inet ${table} ports { "${hostInterface}" }
${placeElements(place, key)
  .map(([family, element]) => `add element ${family} ${table} ${element}\n`)
  .join('')}`;
}

/** Only with its own addresses, to one receiver: then it is the bridge's own, to be routed. Of the rest, what a network needs to find addresses. */
function portRules({ endpoint, bridgeMac }: GuardedPlace): string[] {
  const { macAddress, ipAddress, ipv6Address } = endpoint;
  const unicast = `meta pkttype != { broadcast, multicast } ether daddr set ${bridgeMac} meta pkttype set host accept`;
  const finding = 'nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit';
  const sources = `{ ::, fe80::/10${ipv6Address === undefined ? '' : `, ${ipv6Address}`} }`;
  return [
    `ether saddr != ${macAddress} drop`,
    ...(ipAddress === ''
      ? []
      : [`ether type arp arp saddr ether ${macAddress} arp saddr ip { 0.0.0.0, ${ipAddress} } accept`]),
    `ether type ip6 ip6 saddr ${sources} icmpv6 type { ${finding}, mld-listener-report, mld2-listener-report } accept`,
    ...(ipAddress === '' ? [] : [`ether type ip ip saddr ${ipAddress} ${unicast}`]),
    ...(ipv6Address === undefined ? [] : [`ether type ip6 ip6 saddr ${ipv6Address} ${unicast}`]),
    'drop',
  ];
}

function placeElements(
  { endpoint, bridge, bridgeMac, names }: GuardedPlace,
  key: string,
): Array<[family: string, element: string]> {
  const addresses = families.flatMap((family) => {
    const own = ownAddress(endpoint, family);
    if (own === undefined) return [];
    const elements: Array<[string, string]> = [
      ['bridge', `via${family} { ${endpoint.macAddress} . ${own} : ${bridgeMac} }`],
      ['inet', `guarded${family} { "${bridge}" . ${own} : jump c_${key} }`],
    ];
    return elements;
  });
  const questions = names.flatMap(({ gateway, protocol, port }): Array<[string, string]> => {
    const family = isIPv6(gateway) ? '6' : '4';
    const own = ownAddress(endpoint, family);
    if (own === undefined) return [];
    return [['inet', `names${family} { ${own} . ${gateway} . ${protocol} . 53 : ${gateway} . ${port} }`]];
  });
  return [...addresses, ...questions];
}

/** Takes a place's rules away. Nothing passes from its port any more, for as long as that may still be there. */
export function unguardScript(table: string, containerId: string, place: GuardedPlace): string {
  const chain = portChain(place.endpoint.endpointId);
  const port = `"${place.endpoint.hostInterface}"`;
  const elements = placeElements(place, guardKey(containerId));
  return `delete element bridge ${table} ports { ${port} }
add element bridge ${table} ports { ${port} : drop }
delete chain bridge ${table} ${chain}
${elements.map(([family, element]) => `delete element ${family} ${table} ${element.replace(/ : .*}/, ' }')}\n`).join('')}`;
}

/** Takes away what is left of a port that is gone. */
export function forgetPortScript(table: string, hostInterface: string): string {
  return ['bridge', 'inet']
    .map((family) => `delete element ${family} ${table} ports { "${hostInterface}" }\n`)
    .join('');
}

/** Takes away chain and sets of a container that has no place any more, by what its names end in. */
export function dropGuardScript(table: string, key: string, setNames: readonly string[]): string {
  return `flush chain inet ${table} c_${key}
delete chain inet ${table} c_${key}
${setNames.map((name) => `delete set inet ${table} ${name}\n`).join('')}`;
}

export function setNamesOf({
  containerId,
  policy,
}: Pick<GuardedContainer, 'containerId' | 'policy'>): string[] {
  const key = guardKey(containerId);
  return namedRanges(policy).flatMap((_, index) => families.map((family) => setName(key, index, family)));
}

/** Allows addresses for so long from now on, known before or not. */
export function learnScript(
  table: string,
  containerId: string,
  indexes: readonly number[],
  addresses: readonly string[],
  seconds: number,
): string {
  const key = guardKey(containerId);
  return indexes
    .flatMap((index) =>
      addresses.map((address) => {
        const set = `element inet ${table} ${setName(key, index, isIPv6(address) ? '6' : '4')}`;
        return `${removal(set, address)}add ${set} { ${address} timeout ${seconds}s }\n`;
      }),
    )
    .join('');
}

/** Allows addresses no more. */
export function unlearnScript(
  table: string,
  setNames: readonly string[],
  addresses: readonly string[],
): string {
  return setNames
    .flatMap((name) =>
      addresses
        .filter((address) => name.endsWith(isIPv6(address) ? '6' : '4'))
        .map((address) => removal(`element inet ${table} ${name}`, address)),
    )
    .join('');
}

/** It is added first: deleting one that is not there would fail the whole script. */
function removal(set: string, address: string): string {
  return `add ${set} { ${address} }\ndelete ${set} { ${address} }\n`;
}

function setName(key: string, index: number, family: Family): string {
  return `s_${key}_${index}_${family}`;
}

function portChain(endpointId: string): string {
  return `p_${endpointId.slice(0, 16)}`;
}

function ownAddress({ ipAddress, ipv6Address }: Endpoint, family: Family): string | undefined {
  return (family === '4' ? ipAddress : ipv6Address) || undefined;
}
