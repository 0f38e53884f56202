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
  hostPort: number;
}

/** One container's place on a network; recorded durably when it is made. */
export interface Endpoint {
  containerId: string;
  /** 64 hex digits. */
  endpointId: string;
  networkId: string;
  ipAddress: string;
  prefixLength: number;
  gateway: string;
  ipv6Address?: string;
  ipv6PrefixLength?: number;
  ipv6Gateway?: string;
  macAddress: string;
  /** The host's end of the veth pair. */
  hostInterface: string;
  ports: PublishedPort[];
}

export interface EndpointRequest {
  containerId: string;
  /** Requested address, or undefined for the next free one. */
  ipAddress?: string;
  macAddress?: string;
  ports: readonly PortRequest[];
  sysctls?: Readonly<Record<string, string>>;
}

export interface NetworkDescription {
  id: string;
  name: string;
  driver: 'bridge' | 'host' | 'null';
  createdAt: number;
  /** Present for `bridge`. */
  ipam?: { subnet: string; gateway: string; subnet6?: string; gateway6?: string };
  options: Readonly<Record<string, string>>;
}

/** The default bridge. All methods are safe to call concurrently. */
export interface Bridge {
  readonly description: NetworkDescription;
  /** MTU of the bridge and of the containers' interfaces. */
  readonly mtu: number;
  /** Makes or repairs the bridge, its addresses, forwarding and the nft table; releases endpoints and map elements of containers not in `live`. */
  reconcile(live: ReadonlySet<string>): Promise<void>;
  /**
   * Takes an address, a name for the veth and the host ports, and enters the nft elements. The interface itself is made by
   * the shim from `setup`. EngineError `conflict`/`internal` in Docker's words where a port is taken ("Bind for 0.0.0.0:80 failed: port is already allocated").
   */
  connect(request: EndpointRequest): Promise<{ endpoint: Endpoint; setup: NetworkSetup }>;
  /** Gives back address, ports and nft elements (and the veth where it is still there). Idempotent. */
  disconnect(containerId: string): Promise<void>;
  endpoint(containerId: string): Endpoint | undefined;
  endpoints(): Endpoint[];
  /** Lets go of what this process holds (the sockets on published ports). Containers keep their network, and their connections. */
  close(): Promise<void>;
  /** Removes bridge and nft table; for tests and quickstart's clean-up. */
  destroy(): Promise<void>;
}
