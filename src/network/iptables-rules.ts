/** Gantry's rules for iptables and ip6tables, each as the text of a line of iptables-restore(8). The same as those of nft-table.ts. Pure. */
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { IptablesFamily } from '../host/iptables.ts';
import {
  type BridgeRules,
  directPorts,
  modeOf,
  type NameRedirect,
  requireInterfaceName,
  sourceFor,
} from './firewall-types.ts';
import { isUnspecified } from './ip-address.ts';
import type { Endpoint, PublishedPort } from './network-types.ts';
import { isOpenTo, sourcesOf } from './publish-from.ts';

export type IptablesTable = 'raw' | 'nat' | 'filter';

export interface Rule {
  family: IptablesFamily;
  table: IptablesTable;
  /** One of Gantry's own chains, by its short name; or one of the kernel's, in capitals. */
  chain: string;
  /** What follows `-A CHAIN`. Own chains in it are written `@NAME`. */
  rule: string;
}

/** Gantry's own chains. */
export const ownChains: Readonly<Record<IptablesTable, readonly string[]>> = {
  raw: ['guard'],
  nat: ['publish', 'exact', 'any', 'post'],
  filter: [
    ...['forward', 'check', 'internal', 'inside', 'within', 'closed', 'sources'],
    // What may reach a container's own address; published ports there, from whom they may be reached; what is not of a bridge; the host's own isolation.
    ...['direct', 'ports', 'admit', 'outside', 'hostless'],
  ],
};

const families: readonly IptablesFamily[] = ['4', '6'];
/** XT_EXTENSION_MAXNAMELEN is 29 with the closing zero; the longest short name has 8 characters. */
const longestPrefix = 19;

/** What the names of the chains begin with, for a table of that name. */
export function chainPrefix(table: string): string {
  if (table.length <= longestPrefix) return table;
  return `${table.slice(0, 10)}_${createHash('sha256').update(table).digest('hex').slice(0, 8)}`;
}

/**
 * What is there however many networks and ports there are. Answers of known connections pass first; then what concerns internal networks, redirected
 * connections from sources that may, what stays within a bridge, what may reach a container's own address; nothing else enters a bridge, and all may leave one.
 * Accepting ends the whole FORWARD chain here, so a DOCKER-USER chain is asked first.
 */
export function standingRules(family: IptablesFamily, hasDockerUser: boolean): Rule[] {
  const make = (table: IptablesTable, chain: string, rule: string): Rule => ({ family, table, chain, rule });
  const redirected = '-m conntrack --ctstate DNAT';
  const local = '-m addrtype --dst-type LOCAL -j @publish';
  return [
    ...(family === '4' ? [make('raw', 'PREROUTING', '-j @guard')] : []),
    make('nat', 'PREROUTING', family === '4' ? `! -d 127.0.0.0/8 ${local}` : local),
    make('nat', 'OUTPUT', family === '4' ? local : `! -d ::1/128 ${local}`),
    make('nat', 'publish', '-j @exact'),
    make('nat', 'publish', '-j @any'),
    make('nat', 'POSTROUTING', '-j @post'),
    make('filter', 'FORWARD', '-j @forward'),
    make('filter', 'OUTPUT', `${redirected} --ctdir ORIGINAL -j @sources`),
    ...(hasDockerUser ? [make('filter', 'check', '-j DOCKER-USER')] : []),
    make('filter', 'check', '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'),
    make('filter', 'check', '-j @internal'),
    make('filter', 'check', `${redirected} --ctdir ORIGINAL -j @sources`),
    make('filter', 'check', `${redirected} -j ACCEPT`),
    make('filter', 'check', '-j @within'),
    make('filter', 'check', '-j @direct'),
    make('filter', 'check', '-j @closed'),
    make('filter', 'check', '-j ACCEPT'),
    make('filter', 'inside', '-j @within'),
    make('filter', 'inside', '-j DROP'),
    make('filter', 'admit', '-j @sources'),
    make('filter', 'admit', '-j ACCEPT'),
    make('filter', 'INPUT', '-j @hostless'),
  ];
}

export function bridgeRules(rules: BridgeRules): Rule[] {
  const { bridge, subnets, icc, internal } = rules;
  requireInterfaceName(bridge);
  const guard = (rule: string): Rule => ({ family: '4', table: 'raw', chain: 'guard', rule });
  const filter = families.flatMap((family) => {
    const make = (chain: string, rule: string): Rule => ({ family, table: 'filter', chain, rule });
    return [
      make('forward', `-i ${bridge} -j @check`),
      make('forward', `-o ${bridge} -j @check`),
      ...(internal
        ? [make('internal', `-i ${bridge} -g @inside`), make('internal', `-o ${bridge} -g @inside`)]
        : []),
      make('within', `-i ${bridge} -o ${bridge} -j ${icc ? 'ACCEPT' : 'DROP'}`),
      make('closed', `-o ${bridge} -j DROP`),
      make('outside', `-i ${bridge} -j DROP`),
      ...modeRules(rules, family),
    ];
  });
  const redirected = '-m conntrack --ctstate DNAT -j MASQUERADE';
  const post = (family: IptablesFamily, rule: string): Rule => ({
    family,
    table: 'nat',
    chain: 'post',
    rule,
  });
  const nat = subnets.flatMap((subnet) => {
    const family = isIPv6(subnet.split('/', 1)[0] ?? '') ? '6' : '4';
    const source = sourceFor(rules, family);
    const target = source === 'host' ? 'MASQUERADE' : `SNAT --to-source ${source}`;
    return [
      post(family, `-s ${subnet} -o ${bridge} ${redirected}`),
      post(family, `-s ${subnet} -o ${bridge} -j RETURN`),
      ...(source === undefined ? [] : [post(family, `-s ${subnet} -j ${target}`)]),
    ];
  });
  return [
    guard(`-d 127.0.0.0/8 -i ${bridge} -j DROP`),
    guard(`-s 127.0.0.0/8 -i ${bridge} -j DROP`),
    ...filter,
    post('4', `-s 127.0.0.0/8 -o ${bridge} ${redirected}`),
    ...nat,
  ];
}

/** Those that are asked in turn: published ports from where they may be reached, then what the mode lets in beside. */
function modeRules(rules: BridgeRules, family: IptablesFamily): Rule[] {
  const { bridge, trusted = [] } = rules;
  const make = (chain: string, rule: string): Rule => ({ family, table: 'filter', chain, rule });
  const icmp = family === '4' ? 'icmp' : 'ipv6-icmp';
  const fromTrusted = trusted.flatMap((from) => [
    make('direct', `-i ${from} -o ${bridge} -j @outside`),
    make('direct', `-i ${from} -o ${bridge} -j @ports`),
  ]);
  switch (modeOf(rules, family)) {
    case 'nat':
      return fromTrusted;
    case 'nat-unprotected':
      return [
        ...fromTrusted,
        make('direct', `-o ${bridge} -j @outside`),
        make('direct', `-o ${bridge} -j ACCEPT`),
      ];
    case 'routed':
      return [make('direct', `-o ${bridge} -j @ports`), make('direct', `-o ${bridge} -p ${icmp} -j ACCEPT`)];
    case 'isolated':
      return [make('hostless', `-i ${bridge} -j DROP`)];
  }
}

export function redirectRules({ address, protocol, port }: NameRedirect): Rule[] {
  return [redirection(address, { protocol, hostIp: address, hostPort: 53, containerPort: port })];
}

export function endpointRules(endpoint: Endpoint): Rule[] {
  return [
    ...families.flatMap((family) => sourceRules(endpoint, family)),
    ...endpoint.ports.flatMap((port) => {
      const target = targetOf(endpoint, port);
      return target === undefined || port.hostPort === 0 ? [] : [redirection(target, port)];
    }),
    ...directPorts(endpoint).flatMap((port) => {
      const target = targetOf(endpoint, port);
      return target === undefined ? [] : [direct(target, port)];
    }),
  ];
}

function targetOf({ ipAddress, ipv6Address }: Endpoint, { hostIp }: PublishedPort): string | undefined {
  return (isIPv6(hostIp) ? ipv6Address : ipAddress) || undefined;
}

function direct(target: string, { protocol, containerPort }: PublishedPort): Rule {
  return {
    family: isIPv6(target) ? '6' : '4',
    table: 'filter',
    chain: 'ports',
    rule: `-d ${target} -p ${protocol} -m ${protocol} --dport ${containerPort} -j @admit`,
  };
}

function redirection(target: string, { protocol, hostIp, hostPort, containerPort }: PublishedPort): Rule {
  const ipv6 = isIPv6(hostIp);
  const all = isUnspecified(hostIp);
  const to = `${ipv6 ? `[${target}]` : target}:${containerPort}`;
  return {
    family: ipv6 ? '6' : '4',
    table: 'nat',
    chain: all ? 'any' : 'exact',
    rule: `${all ? '' : `-d ${hostIp} `}-p ${protocol} -m ${protocol} --dport ${hostPort} -j DNAT --to-destination ${to}`,
  };
}

function sourceRules(endpoint: Endpoint, family: IptablesFamily): Rule[] {
  const address = family === '4' ? endpoint.ipAddress : endpoint.ipv6Address;
  if (
    address === undefined ||
    address === '' ||
    endpoint.ports.length === 0 ||
    isOpenTo(endpoint.publishFrom, family)
  )
    return [];
  const make = (rule: string): Rule => ({ family, table: 'filter', chain: 'sources', rule });
  return [
    ...sourcesOf(endpoint.publishFrom, family).map((cidr) => make(`-s ${cidr} -d ${address} -j RETURN`)),
    make(`-d ${address} -j DROP`),
  ];
}
