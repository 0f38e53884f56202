/** What Gantry's rules in the host's firewall are made from, and what any way of writing them can do. */
import { EngineError } from '../errors/engine-error.ts';
import type { Endpoint, FamilyModes, GatewayMode, PublishedPort } from './network-types.ts';

/** What the rules are made from: one bridge. */
export interface BridgeRules {
  /** Its interface. */
  bridge: string;
  /** `172.17.0.0/16`, and an IPv6 subnet where it has one. */
  subnets: readonly string[];
  /** May containers talk with each other? */
  icc: boolean;
  /** Does what leaves the subnet get the host's address? */
  ipMasq: boolean;
  /** No way out, and none in. */
  internal: boolean;
  /** `nat` unless told. */
  modes?: FamilyModes;
  /** Interfaces of the host from which published ports are reached at the containers' own addresses. */
  trusted?: readonly string[];
  /** Source addresses of what leaves, in place of the leaving interface's. */
  hostAddresses?: { ipv4?: string; ipv6?: string };
}

/** Where the name service of a gateway address really listens, where that is not port 53. */
export interface NameRedirect {
  address: string;
  protocol: 'tcp' | 'udp';
  port: number;
}

/** All that the rules are made from. */
export interface RuleContent {
  bridges: readonly BridgeRules[];
  redirects: readonly NameRedirect[];
  endpoints: readonly Endpoint[];
}

/** How a bridge's packets of a family leave and enter. */
export function modeOf({ modes }: Pick<BridgeRules, 'modes'>, family: '4' | '6'): GatewayMode {
  return modes === undefined ? 'nat' : family === '4' ? modes.ipv4 : modes.ipv6;
}

/** What leaves a subnet gets: an address of the host's, `host` for that of the interface which it leaves by; undefined for the container's own. */
export function sourceFor(rules: BridgeRules, family: '4' | '6'): string | undefined {
  const isNat = ['nat', 'nat-unprotected'].includes(modeOf(rules, family));
  if (!rules.ipMasq || rules.internal || !isNat) return undefined;
  return (family === '4' ? rules.hostAddresses?.ipv4 : rules.hostAddresses?.ipv6) ?? 'host';
}

/** Published ports that are open at the container's own address: on a routed network, or to interfaces that the network trusts. */
export function directPorts({ ports, reachedDirectly = false }: Endpoint): PublishedPort[] {
  return ports.filter(({ hostPort }) => hostPort === 0 || reachedDirectly);
}

/** Names that can stand between quotes in a script and that the kernel takes (IFNAMSIZ). */
const interfaceName = /^[A-Za-z0-9_.-]{1,15}$/;

/** Can an interface have this name, and is it safe in a script? */
export function isInterfaceName(name: string): boolean {
  return interfaceName.test(name) && name !== '.' && name !== '..';
}

/** EngineError `invalid-argument` for a name that no bridge can have. */
export function requireInterfaceName(name: string): void {
  if (isInterfaceName(name)) return;
  throw new EngineError('invalid-argument', `${JSON.stringify(name)} can't be the name of a bridge`, {
    hint: 'use at most 15 letters, digits, dots, dashes and underscores',
  });
}

export type FirewallName = 'nftables' | 'iptables';

/**
 * One way of writing the rules. Everything given is in the kernel when a promise resolves, in the order of the calls; EngineError `internal` where the
 * kernel or its program refused it. Taking out what is not there is no failure. Nothing of anybody else's is ever changed.
 */
export interface FirewallBackend {
  readonly name: FirewallName;
  /** Puts all of it in place of whatever of Gantry's is there. */
  replace(content: RuleContent): Promise<void>;
  /** Takes all of it away, whether it is there or not. */
  drop(): Promise<void>;
  addBridge(rules: BridgeRules): Promise<void>;
  deleteBridge(rules: BridgeRules): Promise<void>;
  addRedirect(redirect: NameRedirect): Promise<void>;
  deleteRedirect(redirect: NameRedirect): Promise<void>;
  publish(endpoint: Endpoint): Promise<void>;
  unpublish(endpoint: Endpoint): Promise<void>;
  /** Did somebody else take rules away since they were put there? Asked every second: cheap where nothing changed. */
  isGone(): Promise<boolean>;
  /** Base chains of others that drop what they don't know, where that stops packets of containers: forwarded ones, and those to the host. */
  droppingChains(): Promise<{ forward: string[]; input: string[] }>;
}
