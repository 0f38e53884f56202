/** Which subnets a bridge gets: the user's, or the first of the default pools that nobody uses. Pure. */
import { createHash } from 'node:crypto';
import { EngineError } from '../errors/engine-error.ts';
import {
  addressAt,
  formatAddress,
  formatSubnet,
  maskAddress,
  parseCidr,
  parseSubnet,
  type Subnet,
  subnetContains,
  subnetsOverlap,
} from './ip-address.ts';

/** A block of addresses, and the prefix length of the subnets that are cut from it (`default-address-pools`). */
export interface DefaultPool {
  base: string;
  size: number;
}

/** Docker's default address pools. */
export const dockerPools: readonly DefaultPool[] = [
  { base: '172.17.0.0/16', size: 16 },
  { base: '172.18.0.0/16', size: 16 },
  { base: '172.19.0.0/16', size: 16 },
  { base: '172.20.0.0/14', size: 16 },
  { base: '172.24.0.0/14', size: 16 },
  { base: '172.28.0.0/14', size: 16 },
  { base: '192.168.0.0/16', size: 20 },
];
/** So many subnets of one block are looked at: an IPv6 block has more than anyone can count. */
const mostSubnets = 65_536;
/** Routes this wide are a default route in two halves (as VPN clients set them), not a network that is there. */
const shortestRealPrefix = 8;

/** A bridge's addresses of one family. */
export interface BridgeSubnet {
  subnet: Subnet;
  /** The bridge's own, as a rule; '' where nobody is the gateway. */
  gateway: string;
}

/** All subnets of the pools, in order. */
export function* defaultSubnets(pools: readonly DefaultPool[] = dockerPools): Generator<Subnet> {
  for (const { base, size } of pools) {
    const block = parseSubnet(base);
    const count = Math.min(mostSubnets, 2 ** (size - block.prefixLength));
    const step = 1n << BigInt(block.base.length * 8 - size);
    const first = BigInt(`0x${block.base.toString('hex')}`);
    for (let index = 0; index < count; index += 1) {
      const hex = (first + BigInt(index) * step).toString(16).padStart(block.base.length * 2, '0');
      yield { base: Buffer.from(hex, 'hex'), prefixLength: size };
    }
  }
}

/** EngineError `invalid-argument` for a pool of daemon.json that makes no sense. */
export function checkPool({ base, size }: DefaultPool): void {
  const block = parseSubnet(base);
  const longest = block.base.length === 4 ? 30 : 96;
  if (size >= block.prefixLength && size <= longest) return;
  throw new EngineError('invalid-argument', `invalid default-address-pools: size ${size} of ${base}`, {
    hint: `choose a size between ${block.prefixLength} and ${longest}`,
  });
}

/** The first subnet of the IPv4 pools that overlaps none of `used` (the host's routes and addresses). EngineError `resource-exhausted`. */
export function chooseSubnet(
  used: readonly Subnet[],
  pools: readonly DefaultPool[] = dockerPools,
): BridgeSubnet {
  const subnet = firstFree(
    used,
    pools.filter(({ base }) => !base.includes(':')),
  );
  if (subnet !== undefined) return { subnet, gateway: addressAt(subnet, 1) };
  throw new EngineError('resource-exhausted', 'all predefined address pools have been fully subnetted', {
    hint: 'remove networks, give a subnet (--subnet; --bip for the default bridge), or set default-address-pools in daemon.json',
  });
}

/** The first subnet of the IPv6 pools that is free; undefined where there are no such pools, or they are used up. */
export function chooseSubnet6(
  used: readonly Subnet[],
  pools: readonly DefaultPool[],
): BridgeSubnet | undefined {
  const subnet = firstFree(
    used,
    pools.filter(({ base }) => base.includes(':')),
  );
  return subnet === undefined ? undefined : { subnet, gateway: addressAt(subnet, 1) };
}

function firstFree(used: readonly Subnet[], pools: readonly DefaultPool[]): Subnet | undefined {
  const real = used.filter((subnet) => subnet.prefixLength >= shortestRealPrefix);
  for (const subnet of defaultSubnets(pools)) {
    if (!real.some((other) => subnetsOverlap(subnet, other))) return subnet;
  }
  return undefined;
}

/** `--bip 10.1.0.1/24`: the bridge's address and its subnet. EngineError `invalid-argument`. */
export function bridgeSubnetOf(bip: string): BridgeSubnet {
  const { address, prefixLength } = parseCidr(bip);
  const subnet = { base: maskAddress(address, prefixLength), prefixLength };
  if (address.length !== 4 || prefixLength > 30) {
    throw new EngineError(
      'invalid-argument',
      `invalid bridge address ${bip}: an IPv4 address with a prefix of at most 30 is needed`,
    );
  }
  const last = addressAt(subnet, 2 ** (32 - prefixLength) - 1);
  const gateway = formatAddress(address);
  if (address.equals(subnet.base) || gateway === last) {
    throw new EngineError(
      'invalid-argument',
      `invalid bridge address ${bip}: it names the network, not a host in it`,
      {
        hint: `use ${addressAt(subnet, 1)}/${prefixLength}`,
      },
    );
  }
  return { subnet, gateway };
}

/** `--fixed-cidr` within `subnet`. EngineError `invalid-argument` where it is not. */
export function rangeWithin(subnet: Subnet, fixedCidr: string): Subnet {
  const range = parseSubnet(fixedCidr);
  if (range.prefixLength >= subnet.prefixLength && subnetContains(subnet, range.base)) return range;
  throw new EngineError(
    'invalid-argument',
    `the range ${fixedCidr} is not part of the bridge's subnet ${formatSubnet(subnet)}`,
    { hint: 'give --bip and --fixed-cidr that fit each other' },
  );
}

/** The IPv6 subnet: `cidr` where given, else a unique local /64 (RFC 4193) that stays the same for the same `seed`. */
export function ipv6SubnetOf(seed: string, cidr?: string): BridgeSubnet {
  const subnet = cidr === undefined ? uniqueLocalSubnet(seed) : parseSubnet(cidr);
  if (subnet.base.length !== 16 || subnet.prefixLength > 96) {
    throw new EngineError(
      'invalid-argument',
      `invalid IPv6 subnet ${cidr}: a prefix of at most 96 is needed`,
    );
  }
  return { subnet, gateway: addressAt(subnet, 1) };
}

function uniqueLocalSubnet(seed: string): Subnet {
  const base = Buffer.alloc(16);
  base[0] = 0xfd;
  createHash('sha256').update(seed).digest().copy(base, 1, 0, 5);
  return { base, prefixLength: 64 };
}
