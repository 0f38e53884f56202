/** From what a user asks of a new network to its subnets, names and settings, checked in Docker's words. Pure. */
import { createHash } from 'node:crypto';
import { EngineError } from '../errors/engine-error.ts';
import { type BridgeConfig, type BridgePlan, bridgeMac } from './bridge-config.ts';
import {
  addressAt,
  formatAddress,
  formatSubnet,
  maskAddress,
  parseAddress,
  parseCidr,
  parseSubnet,
  type Subnet,
  subnetContains,
  subnetsOverlap,
} from './ip-address.ts';
import { isParentDriver, parseParentOptions, refuseSharedParent } from './macvlan-options.ts';
import { bridgeOption, familyOption, parseBridgeOptions } from './network-options.ts';
import type { NetworkDescription, NetworkPool, NetworkRequest } from './network-types.ts';
import {
  type BridgeSubnet,
  chooseSubnet,
  chooseSubnet6,
  type DefaultPool,
  dockerPools,
} from './subnet-choice.ts';

/** What there is already. */
export interface Surroundings {
  /** Of Gantry's own networks. */
  networks: readonly NetworkDescription[];
  /** Subnets that the host uses by route or address. */
  used: readonly Subnet[];
  pools: readonly DefaultPool[] | undefined;
  /** The daemon's default for `--ipv6`. */
  ipv6: boolean;
}

/** A configuration for other networks: checked, and nothing chosen. */
export function planConfiguration(
  id: string,
  request: NetworkRequest,
  createdAt: number,
): NetworkDescription {
  const pools = request.ipam.pools.map(checkedPool).filter(({ subnet }) => subnet !== '');
  return {
    id,
    name: request.name,
    driver: 'null',
    createdAt,
    internal: false,
    attachable: false,
    ...(request.enableIpv4 === false ? { enableIpv4: false } : {}),
    enableIpv6: request.enableIpv6 ?? pools.some(isIpv6),
    configOnly: true,
    hasUserSubnet: pools.length > 0,
    ipam: { options: request.ipam.options, pools },
    options: request.options,
    labels: request.labels,
  };
}

/** EngineErrors: `invalid-argument`, `forbidden` for overlaps, `resource-exhausted` where the default pools are used up. */
export function planNetwork(
  id: string,
  request: NetworkRequest,
  around: Surroundings,
  createdAt: number,
): NetworkDescription {
  const driver = request.driver || 'bridge';
  const { options } = request;
  if (isParentDriver(driver)) parseParentOptions({ id, driver, options });
  const asked = request.ipam.pools.map(checkedPool);
  const enableIpv4 = request.enableIpv4 ?? familyOption(options, 'enableIpv4') ?? true;
  const enableIpv6 =
    request.enableIpv6 ?? familyOption(options, 'enableIpv6') ?? (around.ipv6 || asked.some(isIpv6));
  if (!enableIpv4 && !enableIpv6)
    throw new EngineError('invalid-argument', 'IPv4 or IPv6 must be enabled', {
      hint: 'add --ipv6, or leave out --ipv4=false',
    });
  const wish = { asked, id, driver, gateways: gatewaysFor(request, driver) };
  const pools = [
    ...(enableIpv4 ? poolsFor(wish, 4, around) : []),
    ...(enableIpv6 ? poolsFor(wish, 6, around) : []),
  ];
  for (const pool of pools) refuseOverlap(pool, around.networks);
  const description: NetworkDescription = {
    id,
    name: request.name,
    driver,
    createdAt,
    internal: request.internal,
    attachable: request.attachable,
    ...(enableIpv4 ? {} : { enableIpv4 }),
    enableIpv6,
    hasUserSubnet: asked.some(({ subnet }) => subnet !== ''),
    ipam: { options: request.ipam.options, pools },
    options: request.options,
    labels: request.labels,
    ...(request.configFrom === undefined ? {} : { configFrom: request.configFrom }),
  };
  if (!isParentDriver(driver)) refuseSameBridge(description, around.networks);
  else refuseSharedParent(description, around.networks);
  return description;
}

/** What the bridge of a network is to be. */
export function bridgeOf(
  description: NetworkDescription,
  daemon: { nftTable: string; mtu: number | undefined; defaultAddress: string | undefined },
): { config: BridgeConfig; plan: BridgePlan } {
  const options = parseBridgeOptions(description.options);
  const { modes, trusted, inhibitIpv4, hostAddresses } = options;
  const defaultAddress = options.hostBinding ?? daemon.defaultAddress;
  const mtu = options.mtu ?? daemon.mtu ?? 1500;
  return {
    plan: planOf(description, mtu),
    config: {
      name: bridgeName(description),
      nftTable: daemon.nftTable,
      mtu,
      icc: options.icc,
      ipMasq: options.ipMasq,
      internal: description.internal,
      modes,
      trusted,
      inhibitIpv4,
      hostAddresses,
      ...(defaultAddress === undefined ? {} : { defaultAddress }),
      ...(options.interfacePrefix === undefined ? {} : { interfacePrefix: options.interfacePrefix }),
    },
  };
}

/** Subnets, ranges and gateways of a network, from its record. */
export function planOf(description: NetworkDescription, mtu: number): BridgePlan {
  const [[pool4, ...more4], [pool6, ...more6]] = [poolsOf(description, 4), poolsOf(description, 6)];
  if (pool4 === undefined && pool6 === undefined)
    throw new EngineError('data-loss', `the network ${description.id} has no subnet`);
  const plan: BridgePlan = {
    networkId: description.id,
    mac: bridgeMac(description.id),
    mtu,
    ipv4: pool4 === undefined ? undefined : subnetOf(pool4),
    range: pool4 === undefined ? undefined : rangeOf(pool4),
    ipv6: pool6 === undefined ? undefined : subnetOf(pool6),
    reserved: description.ipam.pools.flatMap(({ auxiliary = {} }) => Object.values(auxiliary)),
    further: [...more4, ...more6].map(furtherOf),
  };
  const range6 = pool6 === undefined ? undefined : rangeOf(pool6);
  if (range6 !== undefined) plan.range6 = range6;
  return plan;
}

/** The user's, or Docker's `br-` and twelve digits of the ID. */
export function bridgeName({ id, options }: Pick<NetworkDescription, 'id' | 'options'>): string {
  return options[bridgeOption.name] || `br-${id.slice(0, 12)}`;
}

function isIpv6(pool: Partial<NetworkPool>): boolean {
  return (pool.subnet ?? pool.gateway ?? '').includes(':');
}

function poolsOf(description: NetworkDescription, version: 4 | 6): NetworkPool[] {
  return description.ipam.pools.filter((pool) => isIpv6(pool) === (version === 6));
}

function furtherOf(pool: NetworkPool): BridgeSubnet & { range?: Subnet } {
  const range = rangeOf(pool);
  return { ...subnetOf(pool), ...(range === undefined ? {} : { range }) };
}

function subnetOf({ subnet, gateway }: NetworkPool): BridgeSubnet {
  const parsed = parseSubnet(subnet);
  return { subnet: parsed, gateway: gateway ?? '' };
}

function rangeOf({ range }: NetworkPool): Subnet | undefined {
  return range === undefined ? undefined : parseSubnet(range);
}

/** The user's pool with every part of it checked; `subnet` is '' where the user named none. */
function checkedPool(pool: Partial<NetworkPool>): NetworkPool {
  const { range, gateway, auxiliary = {} } = pool;
  if (pool.subnet === undefined) {
    if (range === undefined && gateway === undefined && Object.keys(auxiliary).length === 0)
      return { subnet: '' };
    throw invalid(
      'invalid network config:\ninvalid IPAM configuration: a subnet is needed for the rest of it',
    );
  }
  const subnet = exactSubnet('subnet', pool.subnet);
  const longest = subnet.base.length === 4 ? 30 : 126;
  if (subnet.prefixLength > longest)
    throw invalid(`invalid subnet ${pool.subnet}: there is no room in it for containers`);
  if (range !== undefined && !contains(subnet, exactSubnet('ip-range', range)))
    throw invalid(
      `invalid network config:\ninvalid ip-range ${range}: it is not part of the subnet ${pool.subnet}`,
    );
  for (const [what, address] of [['gateway', gateway], ...Object.entries(auxiliary)]) {
    if (address !== undefined) requireAddress(subnet, String(what), address);
  }
  return { subnet: formatSubnet(subnet), ...optional({ range, gateway }), ...auxiliaryOf(auxiliary) };
}

function optional({ range, gateway }: { range: string | undefined; gateway: string | undefined }) {
  return {
    ...(range === undefined ? {} : { range: formatSubnet(parseSubnet(range)) }),
    ...(gateway === undefined ? {} : { gateway: formatAddress(parseAddress(gateway)) }),
  };
}

function auxiliaryOf(auxiliary: Record<string, string>) {
  return Object.keys(auxiliary).length === 0 ? {} : { auxiliary };
}

/** A CIDR block without host bits. */
function exactSubnet(what: string, text: string): Subnet {
  const { address, prefixLength } = parseCidr(text);
  const base = maskAddress(address, prefixLength);
  if (base.equals(address)) return { base, prefixLength };
  throw invalid(
    `invalid network config:\ninvalid ${what} ${text}: it should be ${formatSubnet({ base, prefixLength })}`,
  );
}

function contains(subnet: Subnet, range: Subnet): boolean {
  return range.prefixLength >= subnet.prefixLength && subnetContains(subnet, range.base);
}

function requireAddress(subnet: Subnet, what: string, address: string): void {
  if (subnetContains(subnet, parseAddress(address))) return;
  throw invalid(
    `invalid network config:\ninvalid ${what} ${address}: it is no address of ${formatSubnet(subnet)}`,
  );
}

/** Families of which somebody is the gateway, the host as a rule. EngineError `invalid-argument` for a mode that needs an internal network. */
function gatewaysFor({ options, internal }: NetworkRequest, driver: string): { 4: boolean; 6: boolean } {
  if (isParentDriver(driver)) return { 4: true, 6: true };
  const { modes, inhibitIpv4 } = parseBridgeOptions(options);
  const isolated = { 4: modes.ipv4 === 'isolated', 6: modes.ipv6 === 'isolated' };
  if ((isolated[4] || isolated[6]) && !internal)
    throw new EngineError(
      'invalid-argument',
      "gateway mode 'isolated' can only be used for an internal network",
      { hint: 'add --internal, or choose another mode' },
    );
  return { 4: !isolated[4] && !(inhibitIpv4 && internal), 6: !isolated[6] };
}

interface PoolWish {
  asked: readonly NetworkPool[];
  id: string;
  driver: string;
  gateways: { 4: boolean; 6: boolean };
}

/** The pools of one family: the user's with their gateways filled in, or the next free one. EngineError `forbidden` for several on a bridge. */
function poolsFor(
  { asked, id, driver, gateways }: PoolWish,
  version: 4 | 6,
  around: Surroundings,
): NetworkPool[] {
  const given = asked.filter((pool) => pool.subnet !== '' && isIpv6(pool) === (version === 6));
  if (given.length > 1 && !isParentDriver(driver))
    throw new EngineError('forbidden', "bridge driver doesn't support multiple subnets", {
      hint: 'make several networks: a container may be on all of them',
    });
  refuseOverlapWithin(given);
  const completed = given.map((pool) => withGateway(pool, gateways[version]));
  return given.length > 0 ? completed : [nextPool(version, id, around, gateways[version])];
}

function withGateway(pool: NetworkPool, wanted: boolean): NetworkPool {
  const gateway = pool.gateway ?? (wanted ? firstAddress(pool) : undefined);
  return gateway === undefined ? pool : { ...pool, gateway };
}

function refuseOverlapWithin(pools: readonly NetworkPool[]): void {
  const subnets = pools.map(({ subnet }) => parseSubnet(subnet));
  const clash = subnets.some((one, at) => subnets.slice(at + 1).some((other) => subnetsOverlap(one, other)));
  if (clash)
    throw new EngineError(
      'forbidden',
      'invalid pool request: Pool overlaps with other one on this address space',
      { hint: 'choose subnets that have no address in common' },
    );
}

function nextPool(version: 4 | 6, id: string, around: Surroundings, hasGateway: boolean): NetworkPool {
  const used = [
    ...around.used,
    ...around.networks.flatMap(({ ipam }) => ipam.pools.map(({ subnet }) => parseSubnet(subnet))),
  ];
  const { subnet, gateway } =
    version === 4 ? chooseSubnet(used, around.pools) : ownSubnet6(id, used, around.pools ?? dockerPools);
  return { subnet: formatSubnet(subnet), ...(hasGateway ? { gateway } : {}) };
}

/** Of the range where there is one, as Docker does; not the subnet's own base. */
function firstAddress({ subnet, range }: NetworkPool): string {
  const whole = parseSubnet(subnet);
  const part = range === undefined ? whole : parseSubnet(range);
  return addressAt(part, part.base.equals(whole.base) ? 1 : 0);
}

/** From the daemon's pools, or a unique local /64 (RFC 4193) made from the network's ID. */
function ownSubnet6(id: string, used: readonly Subnet[], pools: readonly DefaultPool[]): BridgeSubnet {
  const pooled = chooseSubnet6(used, pools);
  if (pooled !== undefined) return pooled;
  for (let attempt = 0; ; attempt += 1) {
    const base = Buffer.alloc(16);
    base[0] = 0xfd;
    createHash('sha256').update(`${id} ${attempt}`).digest().copy(base, 1, 0, 7);
    const subnet = { base, prefixLength: 64 };
    if (!used.some((other) => subnetsOverlap(subnet, other)))
      return { subnet, gateway: addressAt(subnet, 1) };
  }
}

function refuseOverlap({ subnet }: NetworkPool, networks: readonly NetworkDescription[]): void {
  const wanted = parseSubnet(subnet);
  for (const { ipam, name } of networks) {
    if (!ipam.pools.some((pool) => subnetsOverlap(wanted, parseSubnet(pool.subnet)))) continue;
    throw new EngineError(
      'forbidden',
      'invalid pool request: Pool overlaps with other one on this address space',
      { hint: `choose another subnet, or remove the network ${name}` },
    );
  }
}

function refuseSameBridge(wanted: NetworkDescription, networks: readonly NetworkDescription[]): void {
  const name = bridgeName(wanted);
  const other = networks.find(
    ({ driver, ...network }) => driver === 'bridge' && bridgeName(network) === name,
  );
  if (other === undefined) return;
  throw new EngineError(
    'forbidden',
    `cannot create network ${wanted.id} (${name}): conflicts with network ${other.id} (${name}): networks have same bridge name`,
  );
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}
