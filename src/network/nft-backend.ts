/** The rules by nftables: one table of Gantry's own, whose sets and maps hold what changes. */
import type { Launcher } from '../host/launcher-types.ts';
import { Nft } from '../host/nft.ts';
import type { BridgeRules, FirewallBackend, NameRedirect, RuleContent } from './firewall-types.ts';
import type { Endpoint } from './network-types.ts';
import { chainsOf, hasTable, rulesGeneration } from './nft-state.ts';
import {
  addBridge,
  addElements,
  addRedirect,
  deleteBridge,
  deleteElements,
  deleteRedirect,
  dropTableScript,
  tableScript,
} from './nft-table.ts';

export class NftBackend implements FirewallBackend {
  readonly name = 'nftables';
  readonly #launcher: Pick<Launcher, 'run' | 'netlink'>;
  readonly #table: string;
  readonly #nft: Nft;
  /** The generation of the kernel's rules in which the table was known to be whole. */
  #seen: number | undefined;
  /** Its chains when it was made; undefined until they were looked at. */
  #chains: string | undefined;

  constructor(launcher: Pick<Launcher, 'run' | 'netlink'>, table: string) {
    this.#launcher = launcher;
    this.#table = table;
    this.#nft = new Nft(launcher);
  }

  async replace(content: RuleContent): Promise<void> {
    this.#seen = undefined;
    this.#chains = undefined;
    await this.#nft.apply(tableScript({ table: this.#table, ...content }));
    this.#chains = await chainsOf(this.#launcher, this.#table);
  }

  async drop(): Promise<void> {
    this.#chains = undefined;
    if (await hasTable(this.#launcher, this.#table)) await this.#nft.apply(dropTableScript(this.#table));
  }

  addBridge(rules: BridgeRules): Promise<void> {
    return this.#nft.apply(addBridge(this.#table, rules));
  }

  deleteBridge(rules: BridgeRules): Promise<void> {
    return this.#nft.apply(deleteBridge(this.#table, rules));
  }

  addRedirect(redirect: NameRedirect): Promise<void> {
    return this.#nft.apply(addRedirect(this.#table, redirect));
  }

  deleteRedirect(redirect: NameRedirect): Promise<void> {
    return this.#nft.apply(deleteRedirect(this.#table, redirect));
  }

  publish(endpoint: Endpoint): Promise<void> {
    return this.#nft.apply(addElements(this.#table, [endpoint]));
  }

  unpublish(endpoint: Endpoint): Promise<void> {
    return this.#nft.apply(deleteElements(this.#table, [endpoint]));
  }

  /** Chains are looked at only where the kernel's rules are of another generation than last time. */
  async isGone(): Promise<boolean> {
    const generation = await rulesGeneration(this.#launcher);
    if (generation !== undefined && generation === this.#seen) return false;
    const before = this.#chains;
    const now = await chainsOf(this.#launcher, this.#table);
    if (before === undefined || before !== this.#chains) return false;
    if (now !== before) return true;
    this.#seen = generation;
    return false;
  }

  droppingChains(): Promise<{ forward: string[]; input: string[] }> {
    return this.#nft.droppingChains();
  }
}
