/** What Gantry's rules in the host's firewall are made from, and what any way of writing them can do. */
import { EngineError } from '../errors/engine-error.ts';
import type { Endpoint } from './network-types.ts';

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

/** Names that can stand between quotes in a script and that the kernel takes (IFNAMSIZ). */
const interfaceName = /^[A-Za-z0-9_.-]{1,15}$/;

/** EngineError `invalid-argument` for a name that no bridge can have. */
export function requireInterfaceName(name: string): void {
  if (interfaceName.test(name) && name !== '.' && name !== '..') return;
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
