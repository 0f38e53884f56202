/** The rules by iptables and ip6tables, for hosts without nftables: chains of Gantry's own, and one jump to each from the kernel's. */
import { EngineError } from '../errors/engine-error.ts';
import type { Iptables, IptablesFamily, SavedTable } from '../host/iptables.ts';
import { Mutex } from '../util/mutex.ts';
import type { BridgeRules, FirewallBackend, NameRedirect, RuleContent } from './firewall-types.ts';
import {
  bridgeRules,
  chainPrefix,
  endpointRules,
  type Rule,
  redirectRules,
  standingRules,
} from './iptables-rules.ts';
import { changeScript, dropScript, isWhole, rewriteScript } from './iptables-script.ts';
import type { Endpoint } from './network-types.ts';

export interface IptablesBackendOptions {
  iptables: Pick<Iptables, 'save' | 'restore'>;
  /** `--nft-table`: what the names of the chains begin with. */
  table: string;
  /** Those that the host has; IPv4 at least. */
  families: readonly IptablesFamily[];
  /** A number that is another one after each change of the rules; undefined where the kernel keeps none. */
  generation: () => Promise<number | undefined>;
  /** Chains of others in nftables: those of iptables drop nothing that Gantry accepts. */
  droppingChains: () => Promise<{ forward: string[]; input: string[] }>;
}

type Saved = Map<string, SavedTable>;

/**
 * Remembers the rules of each bridge, redirect and endpoint, since iptables takes out only what is written exactly as it was put in. Where that fails,
 * someone else has been there: all is written anew.
 */
export class IptablesBackend implements FirewallBackend {
  readonly name = 'iptables';
  readonly #options: IptablesBackendOptions;
  readonly #prefix: string;
  /** One change at a time. */
  readonly #lock = new Mutex();
  /** By what they are for. */
  readonly #rules = new Map<string, readonly Rule[]>();
  #stands = false;
  #seen: number | undefined;

  constructor(options: IptablesBackendOptions) {
    this.#options = options;
    this.#prefix = chainPrefix(options.table);
  }

  replace({ bridges, redirects, endpoints }: RuleContent): Promise<void> {
    return this.#lock.run(async () => {
      for (const rules of bridges) this.#requireFamilies(rules);
      this.#rules.clear();
      for (const rules of bridges) this.#rules.set(bridgeKey(rules), bridgeRules(rules));
      for (const redirect of redirects) this.#rules.set(redirectKey(redirect), redirectRules(redirect));
      for (const endpoint of endpoints) this.#rules.set(endpoint.endpointId, endpointRules(endpoint));
      await this.#rewrite();
      this.#stands = true;
    });
  }

  drop(): Promise<void> {
    return this.#lock.run(async () => {
      this.#stands = false;
      this.#rules.clear();
      for (const family of this.#options.families) {
        const script = dropScript(this.#prefix, await this.#options.iptables.save(family));
        if (script !== '') await this.#options.iptables.restore(family, script);
      }
    });
  }

  async addBridge(rules: BridgeRules): Promise<void> {
    this.#requireFamilies(rules);
    await this.#change(bridgeKey(rules), bridgeRules(rules));
  }

  deleteBridge(rules: BridgeRules): Promise<void> {
    return this.#change(bridgeKey(rules), []);
  }

  addRedirect(redirect: NameRedirect): Promise<void> {
    return this.#change(redirectKey(redirect), redirectRules(redirect));
  }

  deleteRedirect(redirect: NameRedirect): Promise<void> {
    return this.#change(redirectKey(redirect), []);
  }

  publish(endpoint: Endpoint): Promise<void> {
    return this.#change(endpoint.endpointId, endpointRules(endpoint));
  }

  unpublish(endpoint: Endpoint): Promise<void> {
    return this.#change(endpoint.endpointId, []);
  }

  /** The older ip_tables keep no count of changes: there, the rules themselves are looked at. */
  isGone(): Promise<boolean> {
    return this.#lock.run(async () => {
      const generation = await this.#options.generation();
      if (generation !== undefined && generation === this.#seen) return false;
      if (!this.#stands || (await this.#isWhole())) {
        this.#seen = generation;
        return false;
      }
      return true;
    });
  }

  droppingChains(): Promise<{ forward: string[]; input: string[] }> {
    return this.#options.droppingChains();
  }

  /** An IPv6 network without rules would be open to everyone. */
  #requireFamilies({ bridge, subnets }: BridgeRules): void {
    if (this.#options.families.includes('6') || !subnets.some((subnet) => subnet.includes(':'))) return;
    throw new EngineError(
      'failed-precondition',
      `no IPv6 for the bridge ${bridge}: ip6tables cannot be used here`,
      {
        hint: 'install iptables with ip6tables and a kernel that has it, or leave out IPv6',
      },
    );
  }

  #change(key: string, rules: readonly Rule[]): Promise<void> {
    return this.#lock.run(async () => {
      const before = this.#rules.get(key) ?? [];
      this.#set(key, rules);
      try {
        await this.#apply(before, rules);
      } catch {
        await this.#rewrite().catch(async (error: unknown) => {
          this.#set(key, before);
          await this.#rewrite().catch(() => undefined);
          throw error;
        });
      }
    });
  }

  #set(key: string, rules: readonly Rule[]): void {
    if (rules.length === 0) this.#rules.delete(key);
    else this.#rules.set(key, rules);
  }

  async #apply(removed: readonly Rule[], added: readonly Rule[]): Promise<void> {
    for (const family of this.#options.families) {
      const script = changeScript(this.#prefix, family, removed, added);
      if (script !== '') await this.#options.iptables.restore(family, script);
    }
  }

  async #rewrite(): Promise<void> {
    for (const family of this.#options.families) {
      const saved = await this.#options.iptables.save(family);
      const rules = this.#wanted(family, saved);
      await this.#options.iptables.restore(family, rewriteScript(this.#prefix, family, rules, saved));
    }
  }

  async #isWhole(): Promise<boolean> {
    for (const family of this.#options.families) {
      const saved = await this.#options.iptables.save(family);
      if (!isWhole(this.#prefix, family, this.#wanted(family, saved), saved)) return false;
    }
    return true;
  }

  #wanted(family: IptablesFamily, saved: Saved): Rule[] {
    const hasDockerUser = saved.get('filter')?.policies.has('DOCKER-USER') ?? false;
    return [...standingRules(family, hasDockerUser), ...[...this.#rules.values()].flat()];
  }
}

function bridgeKey({ bridge }: BridgeRules): string {
  return `bridge ${bridge}`;
}

function redirectKey({ address, protocol }: NameRedirect): string {
  return `redirect ${protocol} ${address}`;
}
