/** One bridge: endpoints with addresses and published ports, kept in step with the kernel and the record. */
import { randomBytes } from 'node:crypto';
import { EngineError } from '../errors/engine-error.ts';
import type { Launcher } from '../host/launcher-types.ts';
import type { NetworkSetup } from '../host/network-setup.ts';
import type { Collection } from '../util/collection.ts';
import { type BridgeConfig, type BridgePlan, hostSubnets, macFor, requireMac } from './bridge-config.ts';
import { ensureBridge, ownBridge, seesBridgedPackets, settlePorts } from './bridge-link.ts';
import { flowsOf, flowsToPublished } from './conntrack.ts';
import type { GuardedNetwork } from './egress-guard.ts';
import type { EgressGuards } from './egress-guards.ts';
import type { Firewall } from './firewall.ts';
import type { BridgeRules } from './firewall-types.ts';
import type { HostKernel } from './host-kernel.ts';
import { deleteLinks, type HostNetwork, readHostNetwork } from './host-network.ts';
import { type HostPorts, withoutPorts } from './host-ports.ts';
import { interfaceFields, interfaceSetup, ownSysctls } from './interface-setup.ts';
import { formatSubnet } from './ip-address.ts';
import { type Addresses, addressesOf, NetworkAddresses } from './network-addresses.ts';
import type { DriverNetwork } from './network-driver.ts';
import type { Endpoint, EndpointRequest, NetworkDescription, PublishedPort } from './network-types.ts';
import { raiseBridgePort } from './rtnetlink.ts';

/** What the bridges of a daemon share. */
export interface BridgeParts {
  launcher: Pick<Launcher, 'run' | 'netlink'>;
  firewall: Firewall;
  ports: HostPorts;
  host: HostKernel;
  /** Told of each endpoint that is there from now on, and that is there no more. */
  names?: { add(endpoint: Endpoint): void; remove(endpoint: Endpoint): void };
  /** Holds those with rules to them. */
  egress?: Pick<EgressGuards, 'adopt' | 'add' | 'remove'>;
}

export interface BridgeSetup {
  config: BridgeConfig;
  plan: BridgePlan;
  description: NetworkDescription;
  /** This network's endpoints by container ID. */
  record: Pick<Collection<Endpoint>, 'put' | 'delete'>;
  /** Those that are on record. */
  recorded: readonly Endpoint[];
}

/** What a container is to publish. */
export type PortsWanted = Pick<EndpointRequest, 'ports' | 'defaultAddress'>;

/** How long a container's namespace may take to vanish with its interface before the interface is deleted. */
const lingerMs = 2000;

export class BridgeNetwork implements DriverNetwork {
  readonly description: NetworkDescription;
  readonly interfaceName: string;
  readonly gateways: readonly string[];
  readonly mtu: number;
  readonly servesNames: boolean;
  readonly namesInside: boolean;
  readonly leadsOut: boolean;
  readonly #parts: BridgeParts;
  readonly #record: BridgeSetup['record'];
  readonly #config: BridgeConfig;
  readonly #plan: BridgePlan;
  readonly #addresses: NetworkAddresses;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #lingering = new Map<string, NodeJS.Timeout>();
  #index: number | undefined;

  constructor(parts: BridgeParts, { config, plan, description, record, recorded }: BridgeSetup) {
    this.#parts = parts;
    this.#record = record;
    this.#config = config;
    this.#plan = plan;
    this.#addresses = new NetworkAddresses(plan);
    this.description = description;
    this.interfaceName = config.name;
    this.gateways = hostSubnets(config, plan).map(({ gateway }) => gateway);
    this.mtu = plan.mtu;
    this.servesNames = parts.names !== undefined;
    this.namesInside = this.servesNames && this.gateways.length === 0;
    this.leadsOut = config.internal !== true;
    for (const endpoint of recorded) {
      this.#endpoints.set(endpoint.containerId, endpoint);
      this.#addresses.adopt(endpoint);
      parts.names?.add(endpoint);
      parts.egress?.adopt(endpoint, this.#guarded);
    }
  }

  /** As containers that are held to egress rules see it. */
  get #guarded(): GuardedNetwork {
    const { id, internal } = this.description;
    return { id, internal, bridge: this.interfaceName, gateways: this.gateways };
  }

  /** What the firewall is to know of it. */
  get rules(): BridgeRules {
    const { ipv4, ipv6 } = this.#plan;
    const { name, icc = true, ipMasq = true, internal = false, ...more } = this.#config;
    const { modes, trusted, hostAddresses } = more;
    return {
      bridge: name,
      subnets: [ipv4, ipv6].flatMap((one) => (one === undefined ? [] : [formatSubnet(one.subnet)])),
      icc,
      ipMasq,
      internal,
      ...(modes === undefined ? {} : { modes }),
      ...(trusted === undefined ? {} : { trusted }),
      ...(hostAddresses === undefined ? {} : { hostAddresses }),
    };
  }

  /** Is its interface one that Gantry made? */
  owns(host: HostNetwork): boolean {
    return ownBridge(this.#config, host) !== undefined;
  }

  /** Makes or repairs the interface with its addresses, and puts the containers' on it. The firewall is another's. */
  async raise(host?: HostNetwork): Promise<void> {
    const { launcher } = this.#parts;
    const index = await ensureBridge(launcher, this.#config, this.#plan, host);
    await settlePorts(launcher, this.#config, index, this.endpoints(), this.#isolated(), host);
    this.#index = index;
  }

  /** Every kernel that Gantry runs on has bridges. */
  prove(): Promise<void> {
    return Promise.resolve();
  }

  /** Releases endpoints of containers not in `live`. The firewall is made anew by the caller. */
  async forgetDead(live: ReadonlySet<string>): Promise<void> {
    for (const [id, endpoint] of this.#endpoints) {
      if (!live.has(id)) await this.#forget(endpoint);
    }
  }

  async connect(request: EndpointRequest): Promise<{ endpoint: Endpoint; setup: NetworkSetup }> {
    const bridgeIndex = this.#index;
    if (bridgeIndex === undefined)
      throw new EngineError('failed-precondition', `the bridge ${this.#config.name} is not up`);
    // An endpoint of an earlier run that was not given back would keep its ports from this one.
    await this.disconnect(request.containerId);
    const addresses = this.#addresses.take(request);
    let ports: PublishedPort[] = [];
    try {
      const endpoint = this.#makeEndpoint(request, addresses);
      ports = await this.#claimPorts(request, endpoint);
      endpoint.ports = ports;
      await this.#publish(endpoint);
      return { endpoint, setup: this.#setupFor(endpoint, request, bridgeIndex) };
    } catch (error) {
      await this.#parts.ports.release(ports);
      this.#addresses.release(addresses);
      throw error;
    }
  }

  async disconnect(containerId: string): Promise<void> {
    const endpoint = this.#endpoints.get(containerId);
    if (endpoint === undefined) return;
    // At once, so that a table that is rebuilt meanwhile is built without it.
    this.#endpoints.delete(containerId);
    this.#parts.names?.remove(endpoint);
    await this.#unpublish(endpoint);
    await this.#forget(endpoint);
    this.#deleteLater(endpoint.hostInterface);
  }

  endpoint(containerId: string): Endpoint | undefined {
    return this.#endpoints.get(containerId);
  }

  endpoints(): Endpoint[] {
    return [...this.#endpoints.values()];
  }

  /** Takes over the ports of recorded endpoints. Returns those that another program uses too. */
  async adoptPorts(): Promise<PublishedPort[]> {
    const foreign: PublishedPort[] = [];
    for (const endpoint of this.endpoints())
      foreign.push(...(await this.#parts.ports.adopt(endpoint.ports, endpoint)));
    return foreign;
  }

  /** Changes an endpoint's record, durably: its names, or its ports, which the firewall is not yet told of. Returns what it was. */
  note(
    containerId: string,
    changes: Partial<Pick<Endpoint, 'ports' | 'publishFrom' | 'naming'>>,
  ): Endpoint | undefined {
    const before = this.#endpoints.get(containerId);
    if (before === undefined) return undefined;
    const after = { ...before, ...changes };
    this.#record.put(containerId, after);
    this.#endpoints.set(containerId, after);
    this.#parts.names?.remove(before);
    this.#parts.names?.add(after);
    return before;
  }

  /** Takes over the ports of an endpoint on another network of the same container. A crash in between leaves them on both: see `withoutTwins`. */
  async takePorts(from: BridgeNetwork, containerId: string, wanted: PortsWanted): Promise<void> {
    const { ports = [], publishFrom } = from.endpoint(containerId) ?? {};
    if (ports.length === 0) return;
    if (from.#publishesBy !== this.#publishesBy) return this.#publishAnew(from, containerId, wanted);
    this.note(containerId, { ports, ...(publishFrom === undefined ? {} : { publishFrom }) });
    const before = from.note(containerId, { ports: [] });
    const after = this.#endpoints.get(containerId);
    if (before === undefined || after === undefined) return;
    await from.#unpublish(before);
    await this.#enterPorts(after);
    this.#parts.ports.retarget(ports, after);
    await this.#raisePort(after);
  }

  /** Other families, or another way of publishing: what was asked for gives other ports here. */
  async #publishAnew(from: BridgeNetwork, containerId: string, wanted: PortsWanted): Promise<void> {
    const { ports: held = [], publishFrom } = from.endpoint(containerId) ?? {};
    const endpoint = this.#endpoints.get(containerId);
    if (endpoint === undefined) return;
    const limits = publishFrom === undefined ? {} : { publishFrom };
    // On record at one of the two at any time: a crash loses no port.
    const ports = await this.#claimPorts(wanted, { ...endpoint, ...limits }, held);
    this.note(containerId, { ports, ...limits });
    const before = from.note(containerId, { ports: [] });
    const after = { ...endpoint, ...limits, ports };
    if (before !== undefined) await from.#unpublish(before);
    await this.#parts.ports.release(withoutPorts(held, ports));
    this.#parts.ports.retarget(ports, after);
    await this.#enterPorts(after);
    await this.#raisePort(after);
  }

  /** Networks of which this is the same publish the same ports. */
  get #publishesBy(): string {
    const { ipv4, ipv6 } = this.#plan;
    const { trusted = [] } = this.#config;
    return JSON.stringify([ipv4 !== undefined, ipv6 !== undefined, this.#routed(), trusted.length > 0]);
  }

  /** The host's end lets the container reach itself by its published ports. */
  async #raisePort({ hostInterface, ports }: Endpoint): Promise<void> {
    const hairpin = ports.length > 0;
    await this.#parts.launcher.netlink([
      raiseBridgePort(hostInterface, { hairpin, isolated: this.#isolated() }),
    ]);
  }

  async close(): Promise<void> {
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    this.#index = undefined;
    for (const endpoint of this.endpoints()) await this.#parts.ports.release(endpoint.ports);
  }

  /** Nobody joins it any more. */
  retire(): void {
    this.#index = undefined;
  }

  /** Takes it all away, its interface too if Gantry made it. */
  async destroy(): Promise<void> {
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    const { launcher, firewall } = this.#parts;
    const interfaces = [
      ...this.#lingering.keys(),
      ...this.endpoints().map((endpoint) => endpoint.hostInterface),
    ];
    for (const endpoint of this.endpoints()) await this.#forget(endpoint);
    this.#lingering.clear();
    this.#index = undefined;
    await firewall.removeBridge(this.#config.name);
    const bridge = ownBridge(this.#config, await readHostNetwork(launcher));
    await deleteLinks(launcher, [...interfaces, ...(bridge === undefined ? [] : [bridge.name])]);
  }

  #makeEndpoint(request: EndpointRequest, addresses: Addresses): Endpoint {
    const { macAddress } = request;
    const main = addresses.ipv4 ?? addresses.ipv6 ?? '';
    return {
      containerId: request.containerId,
      endpointId: randomBytes(32).toString('hex'),
      networkId: this.#plan.networkId,
      ...this.#addresses.fieldsOf(addresses),
      macAddress: macAddress === undefined ? macFor(main) : requireMac(macAddress),
      hostInterface: `veth${randomBytes(4).toString('hex').slice(1)}`,
      ...interfaceFields(request, this.#config.interfacePrefix ?? 'eth'),
      ports: [],
      ...((this.#config.trusted?.length ?? 0) > 0 ? { reachedDirectly: true } : {}),
      ...(request.publishFrom === undefined ? {} : { publishFrom: [...request.publishFrom] }),
      ...(request.naming === undefined ? {} : { naming: request.naming }),
      ...(request.egress === undefined ? {} : { egress: request.egress }),
    };
  }

  #setupFor(endpoint: Endpoint, request: EndpointRequest, bridgeIndex: number): NetworkSetup {
    const { interfaceNumber, defaultRoutes, sysctls = {}, runningPid } = request;
    return interfaceSetup({
      endpoint,
      bridgeIndex,
      mtu: this.mtu,
      isolated: this.#isolated(),
      sysctls: { ...sysctls, ...ownSysctls(endpoint, request.interfaceSysctls) },
      kernelHasIpv6: this.#parts.host.hasIpv6,
      ...(interfaceNumber === undefined ? {} : { number: interfaceNumber }),
      ...(defaultRoutes === undefined ? {} : { defaultRoutes }),
      ...(runningPid === undefined ? {} : { daemonPid: process.pid }),
    });
  }

  #claimPorts(
    request: PortsWanted,
    endpoint: Endpoint,
    held: readonly PublishedPort[] = [],
  ): Promise<PublishedPort[]> {
    const { ipAddress, ipv6Address, publishFrom } = endpoint;
    const target = {
      ipAddress,
      defaultAddress: request.defaultAddress ?? this.#config.defaultAddress ?? '0.0.0.0',
      routed: this.#routed(),
      ...(ipv6Address === undefined ? {} : { ipv6Address }),
      ...(publishFrom === undefined ? {} : { publishFrom }),
    };
    return this.#parts.ports.claim(request.ports, target, held);
  }

  #routed(): { ipv4: boolean; ipv6: boolean } {
    const { modes } = this.#config;
    return { ipv4: modes?.ipv4 === 'routed', ipv6: modes?.ipv6 === 'routed' };
  }

  /** The record comes first: what a crash leaves in the kernel is then known to the next start. */
  async #publish(endpoint: Endpoint): Promise<void> {
    this.#record.put(endpoint.containerId, endpoint);
    this.#endpoints.set(endpoint.containerId, endpoint);
    try {
      await this.#parts.egress?.add(endpoint, this.#guarded);
      await this.#enterPorts(endpoint);
    } catch (error) {
      await this.#parts.egress?.remove(endpoint);
      this.#endpoints.delete(endpoint.containerId);
      this.#record.delete(endpoint.containerId);
      throw error;
    }
    this.#parts.names?.add(endpoint);
  }

  async #enterPorts(endpoint: Endpoint): Promise<void> {
    if (endpoint.ports.length === 0) return;
    await this.#parts.firewall.publish(endpoint);
    await this.#forgetFlows(flowsToPublished(endpoint));
  }

  async #unpublish(endpoint: Endpoint): Promise<void> {
    if (endpoint.ports.length === 0) return;
    await this.#parts.firewall.unpublish(endpoint);
    await this.#forgetFlows(flowsOf(endpoint));
  }

  /** One after the other, since a batch stops at the first failure: no such flow, or a kernel that can't do it. */
  async #forgetFlows(messages: readonly Buffer[]): Promise<void> {
    await Promise.all(messages.map((message) => this.#parts.launcher.netlink([message])));
  }

  /** Gives back what an endpoint holds in this process and in the record. */
  async #forget(endpoint: Endpoint): Promise<void> {
    this.#endpoints.delete(endpoint.containerId);
    this.#parts.names?.remove(endpoint);
    await this.#parts.egress?.remove(endpoint);
    this.#record.delete(endpoint.containerId);
    this.#addresses.release(addressesOf(endpoint));
    await this.#parts.ports.release(endpoint.ports);
  }

  /** Deleting a link takes tens of milliseconds (RCU); as a rule the kernel does it by itself when the container's namespace ends. */
  #deleteLater(name: string): void {
    const timer = setTimeout(() => {
      this.#lingering.delete(name);
      deleteLinks(this.#parts.launcher, [name]).catch(() => undefined);
    }, lingerMs);
    timer.unref();
    this.#lingering.set(name, timer);
  }

  /** Containers are kept apart by the bridge itself where nftables can't see their packets to each other. */
  #isolated(): boolean {
    return this.#config.icc === false && !seesBridgedPackets();
  }
}
