/** What the network room offers to the engine: a bridge, endpoints on it, and published ports. */
import type { NetworkSetup } from '../host/network-setup.ts';

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

/** A request to publish one container port. */
export interface PortRequest {
  containerPort: number;
  protocol: PortProtocol;
  /** Address on the host; '' for all (v4, and v6 where the host has it). */
  hostIp: string;
  /** First and last candidate; 0 and 0 for any free port of the ephemeral range. */
  hostPortFirst: number;
  hostPortLast: number;
}

/** A published port, as `docker port` shows it. One request for all addresses gives one row for v4 and one for v6. */
export interface PublishedPort {
  containerPort: number;
  protocol: PortProtocol;
  hostIp: string;
  /** 0 where it is open at the container's own address alone, on a routed network. */
  hostPort: number;
}

/** One container's place on a network; recorded durably when it is made. */
export interface Endpoint {
  containerId: string;
  /** 64 hex digits. */
  endpointId: string;
  networkId: string;
  /** '' on a network without IPv4. */
  ipAddress: string;
  prefixLength: number;
  /** '' for none, as that of IPv6. */
  gateway: string;
  ipv6Address?: string;
  ipv6PrefixLength?: number;
  ipv6Gateway?: string;
  macAddress: string;
  /** The host's end of the veth pair; '' where there is none (macvlan, ipvlan). */
  hostInterface: string;
  /** The container's end; `eth0` unless told. */
  interfaceName?: string;
  /** Which of the container's interfaces it is, where its name doesn't end with that. */
  interfaceNumber?: number;
  /** Further addresses of the interface, which the user chose. */
  linkLocal?: string[];
  ports: PublishedPort[];
  /** Interfaces that its network trusts reach its published ports at its own address. */
  reachedDirectly?: boolean;
  /** The only sources that reach the published ports, as CIDR blocks; all unless told. */
  publishFrom?: string[];
  /** What the name service tells of it, on a user-defined network. */
  naming?: EndpointNaming;
  /** What it may reach; everything where there is nothing. */
  egress?: EndpointEgress;
}

/** What a container may reach. */
export interface EndpointEgress {
  /** As the user wrote it, see egress-policy.ts. */
  allow: string;
  /** Addresses that its hosts file gives, by name in lower case. */
  hosts: Record<string, string[]>;
  /** Name servers that it asked for in place of the host's. */
  servers: string[];
}

/** What the name service of a network knows of a container. */
export interface EndpointNaming {
  /** Names by which others on the network find it; the first is the one that reverse lookups answer. */
  names: string[];
  /** Names that it alone knows: alias to name. */
  links: Record<string, string>;
  /** Name servers that it asked for in place of the host's. */
  servers: string[];
}

export interface EndpointRequest {
  containerId: string;
  /** Requested address, or undefined for the next free one. */
  ipAddress?: string;
  ipv6Address?: string;
  macAddress?: string;
  ports: readonly PortRequest[];
  /** Where ports are published that name no address; the network's own unless told. */
  defaultAddress?: string;
  /** See `Endpoint.publishFrom`. */
  publishFrom?: readonly string[];
  sysctls?: Readonly<Record<string, string>>;
  /** Which of the container's interfaces it is: 0 (unless told) for `eth0`. */
  interfaceNumber?: number;
  /** The interface's name; made from its number unless told. */
  interfaceName?: string;
  /** Names that others of the container's interfaces have, or ask for. */
  otherNames?: readonly string[];
  /** Kernel parameters of the interface: path below /proc/sys/net with `IFNAME` for its name, to value. */
  interfaceSysctls?: Readonly<Record<string, string>>;
  linkLocal?: readonly string[];
  /** The container runs, and this is a process in its network namespace: its interface is made by the launcher, not by its shim. */
  runningPid?: number;
  /** Which families' default routes go by this network; both unless told. */
  defaultRoutes?: DefaultRoutes;
  naming?: EndpointNaming;
  egress?: EndpointEgress;
}

export interface DefaultRoutes {
  ipv4: boolean;
  ipv6: boolean;
}

/**
 * How packets of a family leave a bridge network and enter it. `nat`: with the host's address, and by published ports; `nat-unprotected`: that, and all ports
 * at the container's own address too; `routed`: by the container's own address alone, where its published ports are open; `isolated`: not at all, the
 * host has no address there either.
 */
export type GatewayMode = 'nat' | 'nat-unprotected' | 'routed' | 'isolated';

export interface FamilyModes {
  ipv4: GatewayMode;
  ipv6: GatewayMode;
}

/** One subnet of a network, as the user gave it or as it was chosen. */
export interface NetworkPool {
  subnet: string;
  /** The part of it that containers get addresses from. */
  range?: string;
  gateway?: string;
  /** Addresses that no container gets, by what they are for. */
  auxiliary?: Record<string, string>;
}

export interface NetworkDescription {
  id: string;
  name: string;
  driver: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  /** No way out of it, and none in. */
  internal: boolean;
  /** Standalone containers may join: of meaning to swarms only. */
  attachable: boolean;
  /** true unless told. */
  enableIpv4?: boolean;
  enableIpv6: boolean;
  /** It is only a configuration for others; its pools are what the user gave, and nobody's yet. */
  configOnly?: boolean;
  /** Name or ID of the configuration that it was made from. */
  configFrom?: string;
  /** The user chose the subnet: containers may choose addresses. */
  hasUserSubnet: boolean;
  ipam: { options: Record<string, string> | null; pools: NetworkPool[] };
  options: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
}

/** One bridge and what is on it. All methods are safe to call concurrently. */
export interface Bridge {
  readonly description: NetworkDescription;
  /** Name of its interface. */
  readonly interfaceName: string;
  /** The bridge's own addresses; none where the host has none on it. */
  readonly gateways: readonly string[];
  /** MTU of the bridge and of the containers' interfaces. */
  readonly mtu: number;
  /** Has it a name service? It is one of the user's then, not the default bridge. */
  readonly servesNames: boolean;
  /** The name service listens in each container's own namespace (127.0.0.11), not on the gateway's address, which is not the host's. */
  readonly namesInside: boolean;
  /** Can a default route go by it? */
  readonly leadsOut: boolean;
  /**
   * Takes an address, a name for the veth and the host ports, and enters the nft elements. The interface itself is made by
   * the shim from `setup`. EngineError `conflict`/`internal` in Docker's words where a port is taken ("Bind for 0.0.0.0:80 failed: port is already allocated").
   */
  connect(request: EndpointRequest): Promise<{ endpoint: Endpoint; setup: NetworkSetup }>;
  /** Gives back address, ports and nft elements (and the veth where it is still there). Idempotent. */
  disconnect(containerId: string): Promise<void>;
  endpoint(containerId: string): Endpoint | undefined;
  endpoints(): Endpoint[];
}

/** What a user asks for when a network is made. */
export interface NetworkRequest {
  name: string;
  /** `bridge`, `macvlan` or `ipvlan`; bridge unless told. */
  driver?: string;
  configOnly?: boolean;
  configFrom?: string;
  internal: boolean;
  attachable: boolean;
  /** undefined for what the options say, else true. */
  enableIpv4: boolean | undefined;
  /** undefined for the daemon's default. */
  enableIpv6: boolean | undefined;
  ipam: { options: Record<string, string> | null; pools: Array<Partial<NetworkPool>> };
  options: Record<string, string>;
  labels: Record<string, string>;
}

/** The default bridge and all user-defined ones, with what they share: the firewall's table, the host's ports, the name service. */
export interface NetworkSet {
  /** Undefined where the daemon is told to have none. */
  readonly defaultBridge: Bridge | undefined;
  /** What writes the firewall's rules. */
  readonly firewallBackend?: 'nftables' | 'iptables';
  /** All, the default one first. */
  list(): Bridge[];
  get(id: string): Bridge | undefined;
  /** Durable, and there, when it resolves. EngineErrors in Docker's words: `conflict` for a name, `forbidden` for subnets that overlap. */
  create(request: NetworkRequest): Promise<Bridge>;
  /** EngineError `forbidden` where containers are on it. Nothing is left of it when it resolves. */
  remove(id: string): Promise<void>;
  /** A container's endpoints, in the order of its interfaces. */
  endpointsOf(containerId: string): Endpoint[];
  /** Published ports follow the default route from one network of a container to another; where that publishes otherwise, `wanted` is published anew. */
  movePorts(
    containerId: string,
    toNetworkId: string,
    wanted: Pick<EndpointRequest, 'ports' | 'defaultAddress'>,
  ): Promise<void>;
  /** Other names for a container on a network, at once. */
  rename(containerId: string, networkId: string, names: readonly string[]): void;
  /** Its names are answered no more, and it asks no more: it has ended. */
  silence(containerId: string): void;
  /** Lets it ask for names in its own network namespace (at `netns`), where one of its networks wants that. Idempotent. */
  serveInside(containerId: string, netns: string): Promise<void>;
  /** Makes or repairs bridges, addresses, forwarding, the nft table; releases endpoints of containers not in `live`, and what a crash left. */
  reconcile(live: ReadonlySet<string>): Promise<void>;
  /** Puts the table back where a reload of the host's firewall took it away. */
  mendFirewall(): Promise<void>;
  /** Lets go of what this process holds (sockets). Containers keep their networks, and their connections. */
  close(): Promise<void>;
  /** Removes all bridges and the nft table; for tests. */
  destroy(): Promise<void>;
}
