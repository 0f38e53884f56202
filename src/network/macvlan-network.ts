/** One macvlan or ipvlan network: endpoints whose interfaces stand on one of the host's. Nothing of it passes the host's own firewall. */
import { randomBytes } from 'node:crypto';
import { EngineError } from '../errors/engine-error.ts';
import type { NetworkSetup } from '../host/network-setup.ts';
import { type BridgePlan, macFor, requireMac } from './bridge-config.ts';
import type { BridgeParts, BridgeSetup } from './bridge-network.ts';
import type { HostNetwork } from './host-network.ts';
import { interfaceFields, ownSysctls } from './interface-setup.ts';
import { type ParentOptions, parseParentOptions } from './macvlan-options.ts';
import { dropParent, ensureParent, linkFailure, tryLink } from './macvlan-parent.ts';
import type { RecentLinks } from './macvlan-recent.ts';
import { routesByLink, upperSetup } from './macvlan-setup.ts';
import { type Addresses, type AddressFields, addressesOf, NetworkAddresses } from './network-addresses.ts';
import type { DriverNetwork } from './network-driver.ts';
import type { Endpoint, EndpointRequest, NetworkDescription, PublishedPort } from './network-types.ts';
import type { Link } from './rtnetlink-replies.ts';

export interface MacvlanSetup extends Pick<BridgeSetup, 'description' | 'record' | 'recorded'> {
  plan: BridgePlan;
  /** MTU that the user chose; the parent's unless told. */
  mtu: number | undefined;
  nftTable: string;
  /** Does another network stand on the same parent? */
  isParentShared: (parent: string) => boolean;
  recent: RecentLinks;
}

/** How long a start waits for what a container that has just ended had. */
const formerMs = 5000;

export class MacvlanNetwork implements DriverNetwork {
  readonly description: NetworkDescription;
  readonly interfaceName: string;
  readonly gateways: readonly string[] = [];
  readonly servesNames: boolean = true;
  readonly namesInside: boolean = true;
  readonly leadsOut: boolean;
  readonly rules = undefined;
  readonly #parts: Pick<BridgeParts, 'launcher' | 'host' | 'names'>;
  readonly #setup: MacvlanSetup;
  readonly #options: ParentOptions;
  readonly #addresses: NetworkAddresses;
  readonly #endpoints = new Map<string, Endpoint>();
  #parent: Link | undefined;
  #retired = false;

  constructor(parts: Pick<BridgeParts, 'launcher' | 'host' | 'names'>, setup: MacvlanSetup) {
    const { description, plan, recorded } = setup;
    this.#parts = parts;
    this.#setup = setup;
    this.#options = parseParentOptions(description);
    this.#addresses = new NetworkAddresses(plan);
    this.description = description;
    this.interfaceName = this.#options.parent;
    this.leadsOut = !description.internal && !this.#options.isOwnParent;
    for (const endpoint of recorded) {
      this.#endpoints.set(endpoint.containerId, endpoint);
      this.#addresses.adopt(endpoint);
      parts.names?.add(endpoint);
    }
  }

  get mtu(): number {
    return this.#setup.mtu ?? this.#parent?.mtu ?? 1500;
  }

  async raise(host?: HostNetwork): Promise<void> {
    this.#parent = await ensureParent(this.#parts.launcher, this.#options, this.#alias, host);
  }

  /** For a new network: can the kernel, and the parent, do it? */
  async prove(): Promise<void> {
    await this.#try(undefined, this.#setup.recent.mayLinger(this.interfaceName));
  }

  async connect(request: EndpointRequest): Promise<{ endpoint: Endpoint; setup: NetworkSetup }> {
    if (this.#retired)
      throw new EngineError('failed-precondition', `the network ${this.description.name} is not up`);
    await this.disconnect(request.containerId);
    this.#refuseSecond();
    if (request.egress !== undefined)
      throw new EngineError(
        'invalid-argument',
        `what a container may reach can't be limited on ${this.description.driver} networks: their packets don't pass the host's firewall`,
        { hint: 'put it on a bridge network, or leave out --egress' },
      );
    if (request.macAddress !== undefined && this.#options.link.driver === 'ipvlan')
      throw new EngineError(
        'invalid-argument',
        'ipvlan interfaces do not support custom mac address assignment',
      );
    // The parent may have gone and come back since: a USB adapter, a VLAN somebody took away.
    await this.raise();
    const addresses = this.#addresses.take(request);
    try {
      const endpoint = this.#makeEndpoint(request, addresses);
      const setup = this.#setupFor(endpoint, request);
      this.#setup.record.put(endpoint.containerId, endpoint);
      this.#endpoints.set(endpoint.containerId, endpoint);
      this.#parts.names?.add(endpoint);
      await this.#waitForFormer(endpoint);
      return { endpoint, setup };
    } catch (error) {
      await this.disconnect(request.containerId);
      this.#addresses.release(addresses);
      throw error;
    }
  }

  disconnect(containerId: string): Promise<void> {
    const endpoint = this.#endpoints.get(containerId);
    if (endpoint !== undefined) this.#forget(endpoint);
    return Promise.resolve();
  }

  endpoint(containerId: string): Endpoint | undefined {
    return this.#endpoints.get(containerId);
  }

  endpoints(): Endpoint[] {
    return [...this.#endpoints.values()];
  }

  forgetDead(live: ReadonlySet<string>): Promise<void> {
    for (const [id, endpoint] of this.#endpoints) if (!live.has(id)) this.#forget(endpoint);
    return Promise.resolve();
  }

  /** Ports are not published: its containers are on the wire themselves. */
  adoptPorts(): Promise<PublishedPort[]> {
    return Promise.resolve([]);
  }

  note(containerId: string, changes: Partial<Pick<Endpoint, 'naming'>>): Endpoint | undefined {
    const before = this.#endpoints.get(containerId);
    if (before === undefined) return undefined;
    const after = { ...before, ...changes };
    this.#setup.record.put(containerId, after);
    this.#endpoints.set(containerId, after);
    this.#parts.names?.remove(before);
    this.#parts.names?.add(after);
    return before;
  }

  close(): Promise<void> {
    this.#retired = true;
    return Promise.resolve();
  }

  retire(): void {
    this.#retired = true;
  }

  async destroy(): Promise<void> {
    this.#retired = true;
    for (const endpoint of this.endpoints()) this.#forget(endpoint);
    const { parent } = this.#options;
    if (this.#setup.isParentShared(parent)) return;
    await dropParent(this.#parts.launcher, parent, this.#alias);
  }

  /** The interface of a container that has just ended may still have this one's MAC, or the whole parent. */
  async #waitForFormer({ macAddress }: Endpoint): Promise<void> {
    const { recent } = this.#setup;
    const mac = this.#hasParentsMac ? undefined : macAddress;
    if (this.#options.link.driver === 'macvlan' && recent.mayLinger(this.interfaceName, mac))
      await this.#try(mac, true);
  }

  async #try(mac: string | undefined, patient: boolean): Promise<void> {
    if (this.#parent === undefined) return;
    const { link } = this.#options;
    const patienceMs = patient ? formerMs : 0;
    await tryLink(this.#parts.launcher, {
      parent: this.#parent,
      link,
      mac,
      networkId: this.description.id,
      patienceMs,
    });
  }

  get #alias(): string {
    return `gantry:${this.#setup.nftTable}`;
  }

  #refuseSecond(): void {
    const { link, parent } = this.#options;
    if (link.mode === 'passthru' && this.#endpoints.size > 0) throw linkFailure(22, parent, link.driver);
  }

  #makeEndpoint(request: EndpointRequest, addresses: Addresses): Endpoint {
    const hasGateway = this.leadsOut && !routesByLink(this.#options.link);
    const fields = this.#addresses.fieldsOf(addresses);
    return {
      containerId: request.containerId,
      endpointId: randomBytes(32).toString('hex'),
      networkId: this.description.id,
      ...(hasGateway ? fields : withoutGateways(fields)),
      macAddress: this.#macFor(request, addresses.ipv4 ?? addresses.ipv6 ?? ''),
      hostInterface: '',
      ...interfaceFields(request, 'eth'),
      ports: [],
      ...(request.naming === undefined ? {} : { naming: request.naming }),
    };
  }

  /** ipvlan and passthru have the parent's. */
  #macFor({ macAddress }: EndpointRequest, address: string): string {
    if (macAddress !== undefined) return requireMac(macAddress);
    return this.#hasParentsMac ? (this.#parent?.mac ?? '') : macFor(address);
  }

  get #hasParentsMac(): boolean {
    const { link } = this.#options;
    return link.driver === 'ipvlan' || link.mode === 'passthru';
  }

  #setupFor(endpoint: Endpoint, request: EndpointRequest): NetworkSetup {
    const { runningPid, sysctls = {}, interfaceNumber: number = 0 } = request;
    const { defaultRoutes = { ipv4: true, ipv6: true }, macAddress } = request;
    if (this.#parent === undefined)
      throw new EngineError('failed-precondition', `the interface ${this.interfaceName} is not there`);
    return upperSetup({
      endpoint,
      number,
      link: this.#options.link,
      parent: this.#parent.index,
      mtu: this.mtu,
      mac: this.#hasParentsMac && macAddress === undefined ? undefined : endpoint.macAddress,
      defaultRoutes: this.leadsOut ? defaultRoutes : { ipv4: false, ipv6: false },
      sysctls: { ...sysctls, ...ownSysctls(endpoint, request.interfaceSysctls) },
      kernelHasIpv6: this.#parts.host.hasIpv6,
      ...(runningPid === undefined ? {} : { runningPid }),
    });
  }

  #forget(endpoint: Endpoint): void {
    this.#endpoints.delete(endpoint.containerId);
    this.#setup.recent.note(this.interfaceName, endpoint.macAddress);
    this.#parts.names?.remove(endpoint);
    this.#setup.record.delete(endpoint.containerId);
    this.#addresses.release(addressesOf(endpoint));
  }
}

function withoutGateways(fields: AddressFields): AddressFields {
  const { ipv6Address } = fields;
  return { ...fields, gateway: '', ...(ipv6Address === undefined ? {} : { ipv6Gateway: '' }) };
}
