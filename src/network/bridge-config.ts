/** What a bridge is told, and the subnets and names that follow from it; for the default one, by the daemon's configuration. */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { EngineError } from '../errors/engine-error.ts';
import { readFact } from '../host/kernel.ts';
import { type HostNetwork, usedSubnets } from './host-network.ts';
import { addressAt, formatSubnet, offsetOf, parseAddress, type Subnet } from './ip-address.ts';
import type { Endpoint, FamilyModes, NetworkDescription, NetworkPool } from './network-types.ts';
import {
  type BridgeSubnet,
  bridgeSubnetOf,
  chooseSubnet,
  type DefaultPool,
  ipv6SubnetOf,
  rangeWithin,
} from './subnet-choice.ts';

export interface BridgeConfig {
  /** The interface, e.g. `gantry0`; at most 15 characters. */
  name: string;
  /** Name of the nftables table (family inet) that is Gantry's own. */
  nftTable: string;
  /** `--bip 10.1.0.1/24`: the bridge's own address. Default: from Docker's pools. */
  bip?: string;
  /** `--fixed-cidr`: the part of the subnet that containers get addresses from. */
  fixedCidr?: string;
  /** 1500 unless told. */
  mtu?: number;
  /** `--ipv6`. */
  ipv6?: boolean;
  /** `--fixed-cidr-v6`; a unique local /64 unless told. */
  fixedCidrV6?: string;
  /** `--ip`: where ports are published that name no host address; `0.0.0.0` (all, IPv6 too) unless told. */
  defaultAddress?: string;
  /** `--icc`: may containers talk with each other? true unless told. */
  icc?: boolean;
  /** `--ip-masq`: true unless told. */
  ipMasq?: boolean;
  /** No way out of the network, and none in. */
  internal?: boolean;
  /** What the names of the containers' interfaces begin with; `eth` unless told. */
  interfacePrefix?: string;
  /** How packets leave and enter; `nat` unless told. */
  modes?: FamilyModes;
  /** No IPv4 address for the bridge: the gateway is another machine. */
  inhibitIpv4?: boolean;
  /** Interfaces of the host from which published ports are reached at the containers' own addresses. */
  trusted?: readonly string[];
  /** Source addresses of what leaves. */
  hostAddresses?: { ipv4?: string; ipv6?: string };
  /** Where subnets come from that nobody chose. */
  pools?: readonly DefaultPool[];
}

export interface BridgePlan {
  /** 64 hex digits, the same for the same bridge on the same host. */
  networkId: string;
  mac: string;
  mtu: number;
  /** At least one of the two families. */
  ipv4: BridgeSubnet | undefined;
  range: Subnet | undefined;
  ipv6: BridgeSubnet | undefined;
  range6?: Subnet;
  /** Further subnets of either family, in the order in which addresses are taken from them; never of a bridge. */
  further?: ReadonlyArray<BridgeSubnet & { range?: Subnet }>;
  /** Addresses that no container gets. */
  reserved?: readonly string[];
}

const defaultMtu = 1500;

/**
 * Settles the bridge's subnets: the flags' own; else those that the bridge already has, or that recorded endpoints are in, so that
 * running containers stay reachable; else the first default pool that is free.
 */
export function planBridge(
  config: BridgeConfig,
  host: HostNetwork,
  endpoints: readonly Endpoint[],
): BridgePlan & { ipv4: BridgeSubnet } {
  const link = host.links.find((candidate) => candidate.name === config.name);
  const ipv4 =
    config.bip === undefined
      ? (presentSubnet(host, link?.index) ??
        recordedSubnet(endpoints) ??
        chooseSubnet(usedSubnets(host, link?.index), config.pools))
      : bridgeSubnetOf(config.bip);
  const seed = `${readFact('/etc/machine-id') ?? hostname()}:${config.name}`;
  const networkId = createHash('sha256').update(`network:${seed}`).digest('hex');
  return {
    networkId,
    mac: bridgeMac(networkId),
    mtu: config.mtu ?? defaultMtu,
    ipv4,
    range: config.fixedCidr === undefined ? undefined : rangeWithin(ipv4.subnet, config.fixedCidr),
    ipv6: config.ipv6 === true ? ipv6Plan(config, seed, endpoints) : undefined,
  };
}

function presentSubnet(host: HostNetwork, index: number | undefined): BridgeSubnet | undefined {
  const found = host.addresses.find((address) => address.index === index && !address.address.includes(':'));
  return found === undefined ? undefined : bridgeSubnetOf(`${found.address}/${found.prefixLength}`);
}

function recordedSubnet(endpoints: readonly Endpoint[]): BridgeSubnet | undefined {
  const [first] = endpoints;
  return first === undefined ? undefined : bridgeSubnetOf(`${first.gateway}/${first.prefixLength}`);
}

function ipv6Plan(config: BridgeConfig, seed: string, endpoints: readonly Endpoint[]): BridgeSubnet {
  const recorded = endpoints.find((endpoint) => endpoint.ipv6Gateway !== undefined);
  if (config.fixedCidrV6 !== undefined || recorded?.ipv6Gateway === undefined) {
    return ipv6SubnetOf(seed, config.fixedCidrV6);
  }
  return ipv6SubnetOf(seed, `${recorded.ipv6Gateway}/${recorded.ipv6PrefixLength ?? 64}`);
}

/** The MAC of a bridge, made from its network's ID. */
export function bridgeMac(networkId: string): string {
  return `02:42:${(networkId.slice(0, 8).match(/../g) ?? []).join(':')}`;
}

/** The container's IPv6 address: as far above the base of its subnet as its IPv4 address is above that of its own. */
export function ipv6AddressFor(ipv6: BridgeSubnet, ipv4: BridgeSubnet, ipAddress: string): string {
  const offset = offsetOf(ipv4.subnet, ipAddress);
  if (ipv4.gateway === '') return addressAt(ipv6.subnet, offset);
  const gatewayOffset = offsetOf(ipv4.subnet, ipv4.gateway);
  // ::1 is the bridge's; whoever has the first IPv4 address because the bridge has another takes that number instead.
  return addressAt(ipv6.subnet, offset === 1 ? gatewayOffset : offset);
}

/** Docker's rule: `02:42` and the four bytes of the IPv4 address; without one, as many that stand for the IPv6 address. */
export function macFor(address: string): string {
  const bytes = parseAddress(address);
  const four = bytes.length === 4 ? bytes : createHash('sha256').update(bytes).digest().subarray(0, 4);
  return `02:42:${(four.toString('hex').match(/../g) ?? []).join(':')}`;
}

/** The subnets of which the host itself has an address on the bridge. */
export function hostSubnets(
  { modes, inhibitIpv4 }: Pick<BridgeConfig, 'modes' | 'inhibitIpv4'>,
  { ipv4, ipv6 }: Pick<BridgePlan, 'ipv4' | 'ipv6'>,
): BridgeSubnet[] {
  const is4 = ipv4 !== undefined && modes?.ipv4 !== 'isolated' && inhibitIpv4 !== true;
  const is6 = ipv6 !== undefined && modes?.ipv6 !== 'isolated';
  return [...(is4 ? [ipv4] : []), ...(is6 ? [ipv6] : [])];
}

/** `--mac-address`, in lower case. EngineError `invalid-argument` for one that no interface can have (a group's included). */
export function requireMac(text: string): string {
  const mac = text.toLowerCase().replaceAll('-', ':');
  if (/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(mac) && mac !== '00:00:00:00:00:00') return mac;
  throw new EngineError('invalid-argument', `invalid MAC address: ${text}`, {
    hint: 'write six bytes in hexadecimal, the first one even, e.g. 02:42:ac:11:00:02',
  });
}

/** The network as `network inspect bridge` shows it. */
export function describeBridge(
  config: BridgeConfig,
  { networkId, ipv4, range, ipv6, mtu }: BridgePlan & { ipv4: BridgeSubnet },
): NetworkDescription {
  const pool4 = { ...poolOf(ipv4), ...(range === undefined ? {} : { range: formatSubnet(range) }) };
  return {
    id: networkId,
    name: 'bridge',
    driver: 'bridge',
    createdAt: Date.now(),
    internal: false,
    attachable: false,
    enableIpv6: ipv6 !== undefined,
    hasUserSubnet: false,
    ipam: { options: null, pools: [pool4, ...(ipv6 === undefined ? [] : [poolOf(ipv6)])] },
    options: {
      'com.docker.network.bridge.default_bridge': 'true',
      'com.docker.network.bridge.enable_icc': String(config.icc ?? true),
      'com.docker.network.bridge.enable_ip_masquerade': String(config.ipMasq ?? true),
      'com.docker.network.bridge.host_binding_ipv4': config.defaultAddress ?? '0.0.0.0',
      'com.docker.network.bridge.name': config.name,
      'com.docker.network.driver.mtu': String(mtu),
    },
    labels: {},
  };
}

function poolOf({ subnet, gateway }: BridgeSubnet): NetworkPool {
  return { subnet: formatSubnet(subnet), gateway };
}
