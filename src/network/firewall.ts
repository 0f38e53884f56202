/** Gantry's table in the kernel, kept in step with the bridges and the published ports that there are. */

import type { Launcher } from '../host/launcher-types.ts';
import { Nft } from '../host/nft.ts';
import type { Endpoint } from './network-types.ts';
import {
  addBridge,
  addElements,
  addRedirect,
  type BridgeRules,
  deleteBridge,
  deleteElements,
  deleteRedirect,
  dropTableScript,
  type NameRedirect,
  tableScript,
} from './nft-table.ts';

/** Knows what the table must hold, so that it can be made anew as a whole: at start-up, and after somebody flushed it. */
export class Firewall {
  readonly #table: string;
  readonly #nft: Nft;
  readonly #bridges = new Map<string, BridgeRules>();
  readonly #redirects = new Map<string, NameRedirect>();
  #stands = false;
  #mend: () => Promise<void> = () => Promise.resolve();

  constructor(launcher: Pick<Launcher, 'run'>, table: string) {
    this.#table = table;
    this.#nft = new Nft(launcher);
  }

  /** What makes the table anew where a change finds it gone. */
  mendWith(mend: () => Promise<void>): void {
    this.#mend = mend;
  }

  /** Replaces the table by one with what is known now and the ports of `endpoints`. Without a bridge there is none. */
  async rebuild(endpoints: readonly Endpoint[]): Promise<void> {
    if (this.#bridges.size === 0) return this.drop();
    const [bridges, redirects] = [[...this.#bridges.values()], [...this.#redirects.values()]];
    this.#stands = true;
    await this.#nft.apply(tableScript({ table: this.#table, bridges, redirects, endpoints }));
  }

  /** Known, but not yet in the kernel: `rebuild` follows. */
  note(rules: BridgeRules): void {
    this.#bridges.set(rules.bridge, rules);
  }

  async addBridge(rules: BridgeRules): Promise<void> {
    this.note(rules);
    if (!this.#stands) return this.rebuild([]);
    await this.#apply(addBridge(this.#table, rules));
  }

  async removeBridge(bridge: string): Promise<void> {
    const rules = this.#bridges.get(bridge);
    if (rules === undefined) return;
    this.#bridges.delete(bridge);
    await this.#apply(deleteBridge(this.#table, rules));
  }

  publish(endpoint: Endpoint): Promise<void> {
    return this.#apply(addElements(this.#table, [endpoint]));
  }

  unpublish(endpoint: Endpoint): Promise<void> {
    return this.#apply(deleteElements(this.#table, [endpoint]));
  }

  async redirect(redirect: NameRedirect): Promise<void> {
    this.#redirects.set(keyOf(redirect), redirect);
    if (this.#stands) await this.#apply(addRedirect(this.#table, redirect));
  }

  async endRedirect(address: string, protocol: 'tcp' | 'udp'): Promise<void> {
    const key = keyOf({ address, protocol });
    const redirect = this.#redirects.get(key);
    if (redirect === undefined) return;
    this.#redirects.delete(key);
    if (this.#stands) await this.#apply(deleteRedirect(this.#table, redirect));
  }

  /** Was the table taken away by someone else? */
  async isGone(): Promise<boolean> {
    return this.#stands && (await this.#nft.hasTable(this.#table)) === false;
  }

  /** Base chains of others that drop what they don't know. */
  droppingChains(): Promise<{ forward: string[]; input: string[] }> {
    return this.#nft.droppingChains();
  }

  /** Takes the table away; nothing where there was none and no nft. */
  async drop(): Promise<void> {
    if (!this.#stands && (await this.#nft.hasTable(this.#table).catch(() => false)) !== true) return;
    this.#stands = false;
    await this.#nft.apply(dropTableScript(this.#table));
  }

  /** Somebody else's reload may have taken the table away since: then it is made anew first. */
  async #apply(script: string): Promise<void> {
    try {
      await this.#nft.apply(script);
    } catch (error) {
      if (!(await this.isGone())) throw error;
      await this.#mend();
      await this.#nft.apply(script);
    }
  }
}

function keyOf({ address, protocol }: Pick<NameRedirect, 'address' | 'protocol'>): string {
  return `${protocol} ${address}`;
}
