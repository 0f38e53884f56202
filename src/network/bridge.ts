/** The default bridge: endpoints with addresses and published ports, kept in step with the kernel and the record. */
import { randomBytes } from 'node:crypto';
import { EngineError } from '../errors/engine-error.ts';
import type { Launcher } from '../host/launcher-types.ts';
import type { NetworkSetup } from '../host/network-setup.ts';
import { Nft } from '../host/nft.ts';
import type { Collection } from '../util/collection.ts';
import { AddressPool } from './address-pool.ts';
import {
  type BridgeConfig,
  type BridgePlan,
  describeBridge,
  ipv6AddressFor,
  macFor,
  planBridge,
  requireMac,
} from './bridge-config.ts';
import { ensureBridge, ownBridge, seesBridgedPackets, settlePorts } from './bridge-link.ts';
import { flowsOf, flowsToPublished } from './conntrack.ts';
import { type HostKernel, readHostKernel } from './host-kernel.ts';
import { deleteLinks, readHostNetwork } from './host-network.ts';
import { HostPorts } from './host-ports.ts';
import { interfaceSetup } from './interface-setup.ts';
import { formatSubnet } from './ip-address.ts';
import type {
  Bridge,
  Endpoint,
  EndpointRequest,
  NetworkDescription,
  PublishedPort,
} from './network-types.ts';
import {
  addElements,
  deleteElements,
  dropTableScript,
  requireInterfaceName,
  tableScript,
} from './nft-table.ts';

export interface BridgeOptions {
  launcher: Pick<Launcher, 'run' | 'netlink'>;
  /** By container ID. */
  endpoints: Collection<Endpoint>;
  config: BridgeConfig;
  /** Told what works less well than it should, and how to mend it. */
  warn?: (message: string, hint: string) => void;
}

/** How long a container's namespace may take to vanish with its interface before the interface is deleted. */
const lingerMs = 2000;

/** Reads the host's routes and the record, and settles the subnets. Changes nothing: `reconcile` does. */
export async function createBridge(options: BridgeOptions): Promise<Bridge> {
  requireInterfaceName(options.config.name);
  const host = await readHostNetwork(options.launcher);
  const records = options.endpoints.entries().map(([, endpoint]) => endpoint);
  const plan = planBridge(options.config, host, records);
  return new DefaultBridge(options, plan, await readHostKernel());
}

class DefaultBridge implements Bridge {
  readonly description: NetworkDescription;
  readonly mtu: number;
  readonly #launcher: BridgeOptions['launcher'];
  readonly #record: Collection<Endpoint>;
  readonly #config: BridgeConfig;
  readonly #warn: (message: string, hint: string) => void;
  readonly #plan: BridgePlan;
  readonly #host: HostKernel;
  readonly #nft: Nft;
  readonly #addresses: AddressPool;
  readonly #ports: HostPorts;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #lingering = new Map<string, NodeJS.Timeout>();
  #index: number | undefined;

  constructor(options: BridgeOptions, plan: BridgePlan, host: HostKernel) {
    const { config } = options;
    this.#launcher = options.launcher;
    this.#record = options.endpoints;
    this.#config = config;
    this.#warn = options.warn ?? (() => undefined);
    this.#plan = plan;
    this.#host = host;
    this.#nft = new Nft(options.launcher);
    const range = plan.range === undefined ? {} : { range: plan.range };
    this.#addresses = new AddressPool({ ...plan.ipv4, ...range });
    this.#ports = new HostPorts(host.ephemeralPorts);
    this.mtu = plan.mtu;
    this.description = describeBridge(config, plan);
    for (const [id, endpoint] of this.#record.entries()) {
      this.#endpoints.set(id, endpoint);
      this.#addresses.adopt(endpoint.ipAddress);
    }
  }

  async reconcile(live: ReadonlySet<string>): Promise<void> {
    for (const [id, endpoint] of this.#endpoints) {
      if (!live.has(id)) await this.#forget(endpoint);
    }
    const index = await ensureBridge(this.#launcher, this.#config, this.#plan);
    await this.#nft.apply(tableScript(this.#tableOptions(), this.endpoints()));
    await settlePorts(this.#launcher, this.#config, index, this.endpoints(), this.#isolated());
    if (this.#index === undefined) await this.#adoptPorts();
    this.#index = index;
    await this.#warnOfOtherFirewalls();
  }

  async connect(request: EndpointRequest): Promise<{ endpoint: Endpoint; setup: NetworkSetup }> {
    const bridgeIndex = this.#index;
    if (bridgeIndex === undefined)
      throw new EngineError('failed-precondition', `the bridge ${this.#config.name} is not up`);
    // An endpoint of an earlier run that was not given back would keep its ports from this one.
    await this.disconnect(request.containerId);
    const ipAddress = this.#takeAddress(request);
    let ports: PublishedPort[] = [];
    try {
      const endpoint = this.#makeEndpoint(request, ipAddress);
      ports = await this.#claimPorts(request, endpoint);
      endpoint.ports = ports;
      await this.#publish(endpoint);
      const { mtu } = this;
      const setup = interfaceSetup({
        endpoint,
        bridgeIndex,
        mtu,
        isolated: this.#isolated(),
        sysctls: request.sysctls ?? {},
        kernelHasIpv6: this.#host.hasIpv6,
      });
      return { endpoint, setup };
    } catch (error) {
      await this.#ports.release(ports);
      this.#addresses.release(ipAddress);
      throw error;
    }
  }

  async disconnect(containerId: string): Promise<void> {
    const endpoint = this.#endpoints.get(containerId);
    if (endpoint === undefined) return;
    // At once, so that a table that is rebuilt meanwhile is built without it.
    this.#endpoints.delete(containerId);
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

  async close(): Promise<void> {
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    this.#index = undefined;
    for (const endpoint of this.endpoints()) await this.#ports.release(endpoint.ports);
  }

  async destroy(): Promise<void> {
    for (const timer of this.#lingering.values()) clearTimeout(timer);
    const interfaces = [
      ...this.#lingering.keys(),
      ...this.endpoints().map((endpoint) => endpoint.hostInterface),
    ];
    for (const endpoint of this.endpoints()) await this.#forget(endpoint);
    this.#lingering.clear();
    this.#index = undefined;
    await this.#nft.apply(dropTableScript(this.#config.nftTable));
    const bridge = ownBridge(this.#config, await readHostNetwork(this.#launcher));
    await deleteLinks(this.#launcher, [...interfaces, ...(bridge === undefined ? [] : [bridge.name])]);
  }

  #takeAddress({ ipAddress }: EndpointRequest): string {
    if (ipAddress === undefined) return this.#addresses.take();
    this.#addresses.takeExactly(ipAddress);
    return ipAddress;
  }

  #makeEndpoint(request: EndpointRequest, ipAddress: string): Endpoint {
    const { ipv4, ipv6, networkId } = this.#plan;
    return {
      containerId: request.containerId,
      endpointId: randomBytes(32).toString('hex'),
      networkId,
      ipAddress,
      prefixLength: ipv4.subnet.prefixLength,
      gateway: ipv4.gateway,
      ...(ipv6 === undefined
        ? {}
        : {
            ipv6Address: ipv6AddressFor(ipv6, ipv4, ipAddress),
            ipv6PrefixLength: ipv6.subnet.prefixLength,
            ipv6Gateway: ipv6.gateway,
          }),
      macAddress: request.macAddress === undefined ? macFor(ipAddress) : requireMac(request.macAddress),
      hostInterface: `veth${randomBytes(4).toString('hex').slice(1)}`,
      ports: [],
    };
  }

  #claimPorts(request: EndpointRequest, endpoint: Endpoint): Promise<PublishedPort[]> {
    const { ipAddress, ipv6Address } = endpoint;
    const defaultAddress = this.#config.defaultAddress ?? '0.0.0.0';
    return this.#ports.claim(request.ports, {
      ipAddress,
      defaultAddress,
      ...(ipv6Address === undefined ? {} : { ipv6Address }),
    });
  }

  /** The record comes first: what a crash leaves in the kernel is then known to the next start. */
  async #publish(endpoint: Endpoint): Promise<void> {
    this.#record.put(endpoint.containerId, endpoint);
    this.#endpoints.set(endpoint.containerId, endpoint);
    if (endpoint.ports.length === 0) return;
    try {
      await this.#nft.apply(addElements(this.#config.nftTable, [endpoint]));
      await this.#forgetFlows(flowsToPublished(endpoint));
    } catch (error) {
      this.#endpoints.delete(endpoint.containerId);
      this.#record.delete(endpoint.containerId);
      throw error;
    }
  }

  async #unpublish(endpoint: Endpoint): Promise<void> {
    if (endpoint.ports.length === 0) return;
    await this.#nft.apply(deleteElements(this.#config.nftTable, [endpoint]));
    await this.#forgetFlows(flowsOf(endpoint));
  }

  /** One after the other, since a batch stops at the first failure: no such flow, or a kernel that can't do it. */
  async #forgetFlows(messages: readonly Buffer[]): Promise<void> {
    await Promise.all(messages.map((message) => this.#launcher.netlink([message])));
  }

  /** Gives back what an endpoint holds in this process and in the record. */
  async #forget(endpoint: Endpoint): Promise<void> {
    this.#endpoints.delete(endpoint.containerId);
    this.#record.delete(endpoint.containerId);
    this.#addresses.release(endpoint.ipAddress);
    await this.#ports.release(endpoint.ports);
  }

  /** Deleting a link takes tens of milliseconds (RCU); as a rule the kernel does it by itself when the container's namespace ends. */
  #deleteLater(name: string): void {
    const timer = setTimeout(() => {
      this.#lingering.delete(name);
      deleteLinks(this.#launcher, [name]).catch(() => undefined);
    }, lingerMs);
    timer.unref();
    this.#lingering.set(name, timer);
  }

  async #adoptPorts(): Promise<void> {
    for (const endpoint of this.endpoints()) {
      for (const port of await this.#ports.adopt(endpoint.ports, endpoint)) {
        this.#warn(
          `port ${port.hostPort}/${port.protocol} is published, but another program uses it too`,
          'end that program: connections go to the container',
        );
      }
    }
  }

  async #warnOfOtherFirewalls(): Promise<void> {
    for (const chain of await this.#nft.droppingForwardChains()) {
      const { name } = this.#config;
      this.#warn(
        `the firewall chain "${chain}" drops forwarded packets, those of containers on ${name} too`,
        `let them pass: nft insert rule ${chain} iifname ${name} accept; nft insert rule ${chain} oifname ${name} accept`,
      );
    }
  }

  /** Containers are kept apart by the bridge itself where nftables can't see their packets to each other. */
  #isolated(): boolean {
    return this.#config.icc === false && !seesBridgedPackets();
  }

  #tableOptions() {
    const { ipv4, ipv6 } = this.#plan;
    return {
      table: this.#config.nftTable,
      bridge: this.#config.name,
      subnet: formatSubnet(ipv4.subnet),
      ...(ipv6 === undefined ? {} : { subnet6: formatSubnet(ipv6.subnet) }),
      icc: this.#config.icc ?? true,
      ipMasq: this.#config.ipMasq ?? true,
    };
  }
}
