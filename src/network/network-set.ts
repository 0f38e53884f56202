/** All bridges of a daemon: the default one and the user's, with the firewall, the host's ports and the name service that they share. */
import { randomBytes } from 'node:crypto';
import { EngineError } from '../errors/engine-error.ts';
import type { Collection } from '../util/collection.ts';
import { Mutex } from '../util/mutex.ts';
import { hostSubnets } from './bridge-config.ts';
import { strayBridges } from './bridge-link.ts';
import { BridgeNetwork, type BridgeParts, type PortsWanted } from './bridge-network.ts';
import { ConfigNetwork, refuseConfigInUse, withConfiguration } from './config-network.ts';
import type { EgressGuards } from './egress-guards.ts';
import type { EndpointStore } from './endpoint-store.ts';
import { deleteLinks, readHostNetwork, usedSubnets } from './host-network.ts';
import { interfaceNumberOf } from './interface-setup.ts';
import { parseSubnet } from './ip-address.ts';
import { MacvlanNetwork } from './macvlan-network.ts';
import { isParentDriver } from './macvlan-options.ts';
import { RecentLinks } from './macvlan-recent.ts';
import type { NameService } from './names/name-service.ts';
import type { DriverNetwork } from './network-driver.ts';
import { parseBridgeOptions } from './network-options.ts';
import { bridgeOf, planConfiguration, planNetwork, planOf, type Surroundings } from './network-plan.ts';
import type { Bridge, Endpoint, NetworkDescription, NetworkRequest, NetworkSet } from './network-types.ts';

export interface NetworkSetParts extends Omit<BridgeParts, 'names' | 'egress'> {
  names: NameService;
  egress: EgressGuards;
  /** The user's networks by ID. */
  record: Collection<NetworkDescription>;
  endpoints: EndpointStore;
  defaults: NetworkDefaults;
  warn: (message: string, hint: string) => void;
  /** How often somebody else's changes of the firewall are looked for, milliseconds. */
  watchMs: number;
}

/** What the daemon's configuration says of networks that the user makes. */
export interface NetworkDefaults {
  nftTable: string;
  mtu: number | undefined;
  defaultAddress: string | undefined;
  ipv6: boolean;
  pools: Surroundings['pools'];
}

export class Networks implements NetworkSet {
  readonly defaultBridge: BridgeNetwork | undefined;
  readonly #parts: NetworkSetParts;
  readonly #bridges = new Map<string, DriverNetwork>();
  /** Held while a network is made or removed. */
  readonly #lock = new Mutex();
  readonly #recent = new RecentLinks();
  #hasPorts = false;
  #watch: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(parts: NetworkSetParts, defaultBridge: BridgeNetwork | undefined) {
    this.#parts = parts;
    parts.firewall.mendWith(() => this.mendFirewall());
    parts.egress.ownSubnetsBy(() => this.list().flatMap(({ rules }) => rules?.subnets ?? []));
    this.defaultBridge = defaultBridge;
    if (defaultBridge !== undefined) this.#enter(defaultBridge);
    for (const [, description] of parts.record.entries()) this.#enter(this.#make(description));
  }

  /** Names are answered as soon as this resolves, where the bridges are there: containers that run wait for it. */
  async openNames(): Promise<void> {
    await Promise.all([...this.#bridges.keys()].map((id) => this.#parts.names.open(id)));
    await this.#parts.egress.openNames();
  }

  get firewallBackend() {
    return this.#parts.firewall.backendName;
  }

  list(): DriverNetwork[] {
    return [...this.#bridges.values()];
  }

  get(id: string): DriverNetwork | undefined {
    return this.#bridges.get(id);
  }

  create(request: NetworkRequest): Promise<Bridge> {
    return this.#lock.run(() => this.#create(request));
  }

  async remove(id: string): Promise<void> {
    await this.#lock.run(() => this.#remove(id));
  }

  endpointsOf(containerId: string): Endpoint[] {
    return this.list()
      .flatMap((bridge) => bridge.endpoint(containerId) ?? [])
      .sort((one, other) => numberOf(one) - numberOf(other));
  }

  async movePorts(containerId: string, toNetworkId: string, wanted: PortsWanted): Promise<void> {
    const to = this.#bridges.get(toNetworkId);
    const from = this.list().find((bridge) => (bridge.endpoint(containerId)?.ports.length ?? 0) > 0);
    // Other drivers publish nothing: the ports stay where they are.
    if (!(to instanceof BridgeNetwork) || !(from instanceof BridgeNetwork) || from === to) return;
    await to.takePorts(from, containerId, wanted);
  }

  rename(containerId: string, networkId: string, names: readonly string[]): void {
    const bridge = this.#bridges.get(networkId);
    const naming = bridge?.endpoint(containerId)?.naming;
    if (naming !== undefined) bridge?.note(containerId, { naming: { ...naming, names: [...names] } });
  }

  silence(containerId: string): void {
    this.#parts.names.silence(containerId);
  }

  async serveInside(containerId: string, netns: string): Promise<void> {
    const wanted = this.list().some((one) => one.namesInside && one.endpoint(containerId) !== undefined);
    if (wanted) await this.#parts.names.openInside(containerId, netns);
    else await this.#parts.names.closeInside(containerId);
  }

  /** The record says what there is; the kernel is made to agree. */
  async reconcile(live: ReadonlySet<string>): Promise<void> {
    const { launcher, firewall, endpoints, defaults } = this.#parts;
    const bridges = this.list();
    endpoints.sweep(new Set(this.#bridges.keys()));
    for (const bridge of bridges) await bridge.forgetDead(live);
    const host = await readHostNetwork(launcher);
    const known = new Set(bridges.map(({ interfaceName }) => interfaceName));
    await deleteLinks(launcher, strayBridges(defaults.nftTable, host, known));
    for (const bridge of bridges) {
      await this.#orWarn(bridge, () => bridge.raise(host));
      if (bridge.rules !== undefined) firewall.note(bridge.rules);
    }
    await firewall.rebuild(bridges.flatMap((bridge) => bridge.endpoints()));
    await this.#parts.egress.rebuild();
    if (!this.#hasPorts) await this.#adoptPorts();
    await this.openNames();
    await this.#warnOfFirewalls();
    this.#watch ??= setInterval(() => this.#watchFirewall(), this.#parts.watchMs).unref();
  }

  /** Puts the table back that somebody else's reload of the firewall took away with all others. */
  async mendFirewall(): Promise<void> {
    const { firewall, warn } = this.#parts;
    if (!(await firewall.isGone())) return;
    await firewall.rebuild(this.list().flatMap((bridge) => bridge.endpoints()));
    warn(
      'the firewall was reloaded without the rules of containers: they are back',
      'leave out "flush ruleset" where the firewall is loaded',
    );
  }

  /** One look at a time. What fails now is looked at again in a moment. */
  #watchFirewall(): void {
    this.#looking ??= this.mendFirewall()
      .catch(() => undefined)
      .finally(() => {
        this.#looking = undefined;
      });
  }

  async close(): Promise<void> {
    clearInterval(this.#watch);
    await this.#looking;
    await this.#parts.names.close();
    await this.#parts.egress.close();
    for (const bridge of this.list()) await bridge.close();
  }

  async destroy(): Promise<void> {
    clearInterval(this.#watch);
    await this.#looking;
    await this.#parts.names.close();
    for (const bridge of this.list()) {
      this.#bridges.delete(bridge.description.id);
      await bridge.destroy();
    }
    await this.#parts.egress.destroy();
    await this.#parts.firewall.drop();
  }

  async #create(request: NetworkRequest): Promise<Bridge> {
    const { launcher, defaults, record, firewall, names } = this.#parts;
    const networks = this.list().map(({ description }) => description);
    if (networks.some(({ name }) => name === request.name))
      throw new EngineError('conflict', `network with name ${request.name} already exists`);
    const host = await readHostNetwork(launcher);
    const around: Surroundings = {
      // A configuration's subnets are nobody's.
      networks: networks.filter(({ configOnly }) => configOnly !== true),
      used: usedSubnets(host, undefined),
      pools: defaults.pools,
      ipv6: defaults.ipv6,
    };
    const id = randomBytes(32).toString('hex');
    const whole = withConfiguration(request, networks);
    const description =
      whole.configOnly === true
        ? planConfiguration(id, whole, Date.now())
        : planNetwork(id, whole, around, Date.now());
    const bridge = this.#make(description);
    try {
      await bridge.raise();
      await bridge.prove();
      if (bridge.rules !== undefined) await firewall.addBridge(bridge.rules);
      // Last of all: what is there without a record, the next start takes away.
      record.put(description.id, description);
    } catch (error) {
      await names.removeNetwork(description.id);
      await bridge.destroy().catch(() => undefined);
      throw error;
    }
    this.#enter(bridge);
    await names.open(description.id);
    return bridge;
  }

  async #remove(id: string): Promise<void> {
    const bridge = this.#bridges.get(id);
    if (bridge === undefined) return;
    const [endpoint] = bridge.endpoints();
    if (endpoint !== undefined)
      throw new EngineError('forbidden', `network ${bridge.description.name} has active endpoints`, {
        details: { containerId: endpoint.containerId, endpointId: endpoint.endpointId },
      });
    refuseConfigInUse(
      bridge.description,
      this.list().map(({ description }) => description),
    );
    bridge.retire();
    this.#parts.record.delete(id);
    this.#bridges.delete(id);
    await this.#parts.names.removeNetwork(id);
    await bridge.destroy();
  }

  #make(description: NetworkDescription): DriverNetwork {
    if (description.configOnly === true) return new ConfigNetwork(description);
    return isParentDriver(description.driver)
      ? this.#makeMacvlan(description)
      : this.#makeBridge(description);
  }

  #makeMacvlan(description: NetworkDescription): MacvlanNetwork {
    const { defaults, endpoints, names, launcher, host } = this.#parts;
    const { id, name, internal, ipam, options } = description;
    const { mtu } = parseBridgeOptions(options);
    names.addNetwork(
      { id, name, internal, subnets: ipam.pools.map(({ subnet }) => parseSubnet(subnet)) },
      [],
    );
    return new MacvlanNetwork(
      { launcher, host, names },
      {
        description,
        plan: planOf(description, mtu ?? 0),
        mtu,
        nftTable: defaults.nftTable,
        record: endpoints.part(id),
        recorded: endpoints.recorded(id),
        isParentShared: (parent) =>
          this.list().some((one) => one.description.id !== id && one.interfaceName === parent),
        recent: this.#recent,
      },
    );
  }

  #makeBridge(description: NetworkDescription): BridgeNetwork {
    const { defaults, endpoints, names, launcher, firewall, ports, host } = this.#parts;
    const { id, name, internal, ipam } = description;
    const { config, plan } = bridgeOf(description, defaults);
    const gateways = hostSubnets(config, plan).map(({ gateway }) => gateway);
    const subnets = ipam.pools.map(({ subnet }) => parseSubnet(subnet));
    names.addNetwork({ id, name, internal, subnets }, gateways);
    return new BridgeNetwork(
      { launcher, firewall, ports, host, names, egress: this.#parts.egress },
      { config, plan, description, record: endpoints.part(id), recorded: endpoints.recorded(id) },
    );
  }

  #enter(bridge: DriverNetwork): void {
    this.#bridges.set(bridge.description.id, bridge);
  }

  /** One network's trouble is not the others', nor the daemon's. The default bridge's is. */
  async #orWarn(bridge: DriverNetwork, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (bridge === this.defaultBridge) throw error;
      const why = error instanceof Error ? error.message : String(error);
      this.#parts.warn(
        `the network ${bridge.description.name} could not be brought up: ${why}`,
        'remove it, or mend that and start the daemon anew',
      );
    }
  }

  async #adoptPorts(): Promise<void> {
    this.#hasPorts = true;
    for (const bridge of this.list()) {
      for (const port of await bridge.adoptPorts()) {
        this.#parts.warn(
          `port ${port.hostPort}/${port.protocol} is published, but another program uses it too`,
          'end that program: connections go to the container',
        );
      }
    }
  }

  async #warnOfFirewalls(): Promise<void> {
    const { firewall, warn } = this.#parts;
    const { forward, input } = await firewall.droppingChains();
    const { interfaceName: name = 'br-*' } = this.defaultBridge ?? {};
    for (const chain of forward) {
      warn(
        `the firewall chain "${chain}" drops forwarded packets, those of containers on ${name} too`,
        `let them pass: nft insert rule ${chain} iifname ${name} accept; nft insert rule ${chain} oifname ${name} accept`,
      );
    }
    if (!this.list().some(({ servesNames }) => servesNames)) return;
    for (const chain of input) {
      warn(
        `the firewall chain "${chain}" drops packets to this host: containers on user-defined networks may not get names resolved`,
        `let them ask: nft insert rule ${chain} iifname "br-*" meta l4proto { tcp, udp } th dport 53 accept`,
      );
    }
  }
}

/** `eth1` is 1. */
function numberOf(endpoint: Endpoint): number {
  return interfaceNumberOf(endpoint);
}
