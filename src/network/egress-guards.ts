/** Holds containers to their egress rules: the kernel's tables, the names that they get to hear, and what is told of refusals. */
import type { Launcher } from '../host/launcher-types.ts';
import { Nft } from '../host/nft.ts';
import { Mutex } from '../util/mutex.ts';
import { forgetFlowsOf } from './conntrack.ts';
import { Guard, type GuardedNetwork, type Place } from './egress-guard.ts';
import { EgressNames, type EgressNamesOptions } from './egress-names.ts';
import { shownName } from './egress-query.ts';
import { readRefusals } from './egress-refusals.ts';
import { type EgressRefusal, RefusalReports } from './egress-reports.ts';
import {
  baseScript,
  dropEgressScript,
  dropGuardScript,
  egressTable,
  forgetPortScript,
  guardKey,
  guardScript,
  learnScript,
  setNamesOf,
  unguardScript,
  unlearnScript,
} from './egress-script.ts';
import { staleScript } from './egress-stale.ts';
import { presentAddresses } from './endpoint-addresses.ts';
import { readHostNetwork } from './host-network.ts';
import { parseAddress, parseSubnet, subnetContains } from './ip-address.ts';
import { HostAddresses } from './names/host-addresses.ts';
import type { Endpoint } from './network-types.ts';

export interface EgressGuardsOptions
  extends Pick<EgressNamesOptions, 'resolvers' | 'forwarder' | 'known' | 'warn'> {
  launcher: Pick<Launcher, 'run' | 'netlink'>;
  /** Name of the firewall's table, from which this one's follows. */
  nftTable: string;
  refused: (refusal: EgressRefusal) => void;
}

const lookMs = 500;
/** When the port of a place that was given back is surely gone. */
const portGoneMs = 10_000;

export class EgressGuards {
  readonly #options: EgressGuardsOptions;
  readonly #nft: Nft;
  readonly #table: string;
  readonly #names: EgressNames;
  readonly #reports: RefusalReports;
  readonly #guards = new Map<string, Guard>();
  readonly #hostAddresses = new HostAddresses();
  /** Addresses of neighbours that went while the kernel's tables were not yet ours to change. */
  readonly #goneAddresses = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #lock = new Mutex();
  #macs: ReadonlyMap<string, string> = new Map();
  #ownSubnets: () => readonly string[] = () => [];
  #stands = false;
  #look: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: EgressGuardsOptions) {
    this.#options = options;
    this.#nft = new Nft(options.launcher);
    this.#table = egressTable(options.nftTable);
    this.#reports = new RefusalReports(options.refused);
    this.#names = new EgressNames({
      ...options,
      guardAt: (networkId, address) => this.#placeAt(networkId, address)?.guard,
      learn: (guard, name, addresses, ttl) => this.#learn(guard, name, addresses, ttl),
      isOwn: (address) => this.#isOwn(address),
      refused: ({ containerId }, networkId, name) =>
        this.#reports.report({
          containerId,
          networkId,
          destination: '',
          port: undefined,
          protocol: 'dns',
          name: shownName(name),
        }),
    });
  }

  /** Tells the subnets of all networks of this daemon's containers. */
  ownSubnetsBy(subnets: () => readonly string[]): void {
    this.#ownSubnets = subnets;
  }

  /** An endpoint that is on record: its rules are known now, and stand in the kernel since before or with `rebuild`. */
  adopt(endpoint: Endpoint, network: GuardedNetwork): void {
    if (endpoint.egress === undefined) return;
    const guard = this.#guards.get(endpoint.containerId) ?? new Guard(endpoint.containerId, endpoint.egress);
    this.#guards.set(endpoint.containerId, guard);
    guard.places.set(endpoint.endpointId, { endpoint, network });
  }

  /** Names of the guarded are answered as soon as this resolves, where the bridges are there. */
  async openNames(): Promise<void> {
    for (const { network } of this.#places()) await this.#names.open(network);
  }

  /** The rules of an endpoint stand when it resolves: before there is an interface. EngineError `internal` where the kernel refuses them. */
  async add(endpoint: Endpoint, network: GuardedNetwork): Promise<void> {
    if (endpoint.egress === undefined) return;
    this.adopt(endpoint, network);
    await this.#lock.run(async () => {
      await this.#names.open(network);
      await this.#readMacs();
      const guard = this.#guards.get(endpoint.containerId);
      if (guard === undefined) return;
      if (!this.#stands) await this.#replace();
      else await this.#applyOrReplace(guardScript(this.#table, this.#containerOf(guard)));
    });
    /* Connections of whoever had the address before are not its own. */
    for (const message of forgetFlowsOf(endpoint)) await this.#options.launcher.netlink([message]);
    this.#watch();
  }

  /** Of any endpoint that goes, guarded or not: nobody reaches its address by its name any more. Nothing leaves its port, for as long as that is there. */
  async remove(endpoint: Endpoint): Promise<void> {
    await this.#unlearn(presentAddresses(endpoint));
    const guard = this.#guards.get(endpoint.containerId);
    const place = guard?.places.get(endpoint.endpointId);
    if (guard === undefined || place === undefined) return;
    await this.#lock.run(async () => {
      const [placed] = this.#containerOf(guard, [place]).places;
      guard.places.delete(endpoint.endpointId);
      if (guard.places.size === 0) this.#forget(guard);
      if (this.#stands && placed !== undefined) {
        const rest =
          guard.places.size === 0
            ? dropGuardScript(this.#table, guardKey(guard.containerId), setNamesOf(guard))
            : guardScript(this.#table, this.#containerOf(guard));
        await this.#applyOrReplace(`${unguardScript(this.#table, guard.containerId, placed)}${rest}`);
        this.#forgetPortLater(endpoint.hostInterface);
      }
      if (!this.#places().some(({ network }) => network.id === place.network.id))
        await this.#names.shut(place.network);
    });
  }

  /** Makes the kernel's tables what they should be, in one transaction: at start-up, and where somebody took them away. What was learned before stays. */
  async rebuild(): Promise<void> {
    await this.#lock.run(async () => {
      await this.#readMacs();
      for (const { network } of this.#places()) await this.#names.open(network);
      if (this.#guards.size > 0) await this.#replace();
      else await this.#drop();
    });
    if (this.#guards.size > 0) this.#watch();
  }

  async close(): Promise<void> {
    clearInterval(this.#look);
    await this.#looking;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#names.close();
  }

  async destroy(): Promise<void> {
    await this.close();
    await this.#drop();
  }

  #forget(guard: Guard): void {
    this.#guards.delete(guard.containerId);
    this.#reports.forget(guard.containerId);
  }

  #places(): Place[] {
    return [...this.#guards.values()].flatMap(({ places }) => [...places.values()]);
  }

  #containerOf(guard: Guard, places?: readonly Place[]) {
    const names = (network: GuardedNetwork) => this.#names.places(network);
    return guard.container(names, (bridge) => this.#macs.get(bridge), places);
  }

  async #readMacs(): Promise<void> {
    const { links } = await readHostNetwork(this.#options.launcher);
    this.#macs = new Map(links.map(({ name, mac }) => [name, mac]));
  }

  /** Needs the lock. Tables of another shape, of an earlier version, are replaced as a whole. */
  async #replace(): Promise<void> {
    const guards = [...this.#guards.values()];
    const rules = guards.map(
      (guard) => `${guardScript(this.#table, this.#containerOf(guard))}${this.#allowances(guard)}`,
    );
    const gone = guards.map((guard) =>
      unlearnScript(this.#table, setNamesOf(guard), [...this.#goneAddresses]),
    );
    const script = [baseScript(this.#table), ...rules, ...gone].join('');
    const stale = staleScript(this.#table, await this.#nft.namesIn(this.#table), guards);
    try {
      await this.#nft.apply(`${script}${stale}`);
    } catch {
      await this.#nft.apply(`${dropEgressScript(this.#table)}${script}`);
    }
    this.#stands = true;
    this.#goneAddresses.clear();
  }

  #allowances(guard: Guard): string {
    return guard
      .allowances()
      .map(({ index, address, seconds }) =>
        learnScript(this.#table, guard.containerId, [index], [address], seconds),
      )
      .join('');
  }

  /** Needs the lock. Somebody may have taken the tables away. */
  async #applyOrReplace(script: string): Promise<void> {
    try {
      await this.#nft.apply(script);
    } catch {
      await this.#replace();
    }
  }

  async #drop(): Promise<void> {
    this.#stands = false;
    if (((await this.#nft.namesIn(this.#table).catch(() => undefined)) ?? []).length === 0) return;
    await this.#nft.apply(dropEgressScript(this.#table));
  }

  async #learn(guard: Guard, name: string, addresses: readonly string[], ttl: number): Promise<void> {
    const made = guard.missing(name, addresses, ttl);
    if (made.length === 0) return;
    await this.#nft.apply(
      made
        .map((one) => learnScript(this.#table, guard.containerId, [one.index], one.addresses, one.seconds))
        .join(''),
    );
    guard.learned(name, made);
  }

  async #unlearn(addresses: readonly string[]): Promise<void> {
    if (!this.#stands && this.#guards.size > 0)
      for (const address of addresses) this.#goneAddresses.add(address);
    for (const guard of this.#guards.values()) {
      const known = addresses.filter((address) => guard.forget(address));
      if (known.length === 0 || !this.#stands) continue;
      await this.#nft.apply(unlearnScript(this.#table, setNamesOf(guard), known)).catch(() => undefined);
    }
  }

  #forgetPortLater(hostInterface: string): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      if (this.#stands) this.#nft.apply(forgetPortScript(this.#table, hostInterface)).catch(() => undefined);
    }, portGoneMs);
    timer.unref();
    this.#timers.add(timer);
  }

  #placeAt(networkId: string, address: string): { guard: Guard; place: Place } | undefined {
    for (const guard of this.#guards.values()) {
      for (const place of guard.places.values()) {
        const { ipAddress, ipv6Address } = place.endpoint;
        const isIt = address === ipAddress || address === ipv6Address;
        if (isIt && (networkId === '' || place.network.id === networkId)) return { guard, place };
      }
    }
    return undefined;
  }

  #isOwn(address: string): boolean {
    if (this.#hostAddresses.has(address)) return true;
    const bytes = parseAddress(address);
    return this.#ownSubnets()
      .map(parseSubnet)
      .some((subnet) => subnet.base.length === bytes.length && subnetContains(subnet, bytes));
  }

  #watch(): void {
    this.#look ??= setInterval(() => {
      this.#looking = this.#lookOnce().catch(() => undefined);
    }, lookMs).unref();
  }

  /** One look at a time is under way: the next waits in `#looking` only where a look takes longer than the time between. */
  async #lookOnce(): Promise<void> {
    if (this.#guards.size === 0 || !this.#stands || this.#lock.held) return;
    const packets = await readRefusals(this.#options.launcher, this.#table);
    if (packets === undefined) return this.#mend();
    for (const { source, ...packet } of packets) {
      const found = this.#placeAt('', source);
      if (found === undefined) continue;
      const { guard, place } = found;
      const name = guard.nameOf(packet.destination);
      this.#reports.report({ containerId: guard.containerId, networkId: place.network.id, name, ...packet });
    }
  }

  async #mend(): Promise<void> {
    if (this.#guards.size === 0) return;
    await this.rebuild();
    this.#options.warn(
      'the firewall was reloaded without the egress rules of containers: they are back',
      'leave out "flush ruleset" where the firewall is loaded',
    );
  }
}
