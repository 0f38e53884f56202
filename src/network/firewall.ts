/** Gantry's rules in the host's firewall, kept in step with the bridges and the published ports that there are. */
import type { BridgeRules, FirewallBackend, FirewallName, NameRedirect } from './firewall-types.ts';
import type { Endpoint } from './network-types.ts';

/** Knows what the rules must be, so that they can be made anew as a whole: at start-up, and after somebody flushed them. */
export class Firewall {
  readonly #backend: FirewallBackend;
  #dropOthers: (() => Promise<void>) | undefined;
  readonly #bridges = new Map<string, BridgeRules>();
  readonly #redirects = new Map<string, NameRedirect>();
  #stands = false;
  #mend: () => Promise<void> = () => Promise.resolve();

  /** `dropOthers` takes away what an earlier daemon wrote by another backend; called once, when these rules stand. */
  constructor(backend: FirewallBackend, dropOthers: () => Promise<void> = () => Promise.resolve()) {
    this.#backend = backend;
    this.#dropOthers = dropOthers;
  }

  /** By what the rules are written. */
  get backendName(): FirewallName {
    return this.#backend.name;
  }

  /** What makes the rules anew where a change finds them gone. */
  mendWith(mend: () => Promise<void>): void {
    this.#mend = mend;
  }

  /** Replaces the rules by those for what is known now and the ports of `endpoints`. Without a bridge there are none. */
  async rebuild(endpoints: readonly Endpoint[]): Promise<void> {
    const [bridges, redirects] = [[...this.#bridges.values()], [...this.#redirects.values()]];
    this.#stands = bridges.length > 0;
    if (this.#stands) await this.#backend.replace({ bridges, redirects, endpoints });
    else await this.#backend.drop();
    const dropOthers = this.#dropOthers;
    this.#dropOthers = undefined;
    await dropOthers?.();
  }

  /** Known, but not yet in the kernel: `rebuild` follows. */
  note(rules: BridgeRules): void {
    this.#bridges.set(rules.bridge, rules);
  }

  async addBridge(rules: BridgeRules): Promise<void> {
    this.note(rules);
    if (!this.#stands) return this.rebuild([]);
    await this.#apply(() => this.#backend.addBridge(rules));
  }

  async removeBridge(bridge: string): Promise<void> {
    const rules = this.#bridges.get(bridge);
    if (rules === undefined) return;
    this.#bridges.delete(bridge);
    await this.#apply(() => this.#backend.deleteBridge(rules));
  }

  publish(endpoint: Endpoint): Promise<void> {
    return this.#apply(() => this.#backend.publish(endpoint));
  }

  unpublish(endpoint: Endpoint): Promise<void> {
    return this.#apply(() => this.#backend.unpublish(endpoint));
  }

  async redirect(redirect: NameRedirect): Promise<void> {
    this.#redirects.set(keyOf(redirect), redirect);
    if (this.#stands) await this.#apply(() => this.#backend.addRedirect(redirect));
  }

  async endRedirect(address: string, protocol: 'tcp' | 'udp'): Promise<void> {
    const key = keyOf({ address, protocol });
    const redirect = this.#redirects.get(key);
    if (redirect === undefined) return;
    this.#redirects.delete(key);
    if (this.#stands) await this.#apply(() => this.#backend.deleteRedirect(redirect));
  }

  /** Were rules taken away by someone else? */
  async isGone(): Promise<boolean> {
    return this.#stands && (await this.#backend.isGone());
  }

  /** Base chains of others that drop what they don't know. */
  droppingChains(): Promise<{ forward: string[]; input: string[] }> {
    return this.#backend.droppingChains();
  }

  /** Takes the rules away; nothing where there were none. */
  async drop(): Promise<void> {
    this.#stands = false;
    await this.#backend.drop();
  }

  /** Somebody else's reload may have taken the rules away since: then they are made anew first, unless whoever watches them is at it already. */
  async #apply(change: () => Promise<void>): Promise<void> {
    try {
      await change();
    } catch {
      if (await this.isGone()) await this.#mend();
      await change();
    }
  }
}

function keyOf({ address, protocol }: Pick<NameRedirect, 'address' | 'protocol'>): string {
  return `${protocol} ${address}`;
}
