/** Which subnets the default bridge gets: the flags', or the first of Docker's default pools that the host doesn't use. Pure. */
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

/** Docker's default address pools: block and size of the subnets cut from it. */
const defaultPools: ReadonlyArray<readonly [block: string, size: number]> = [
  ['172.17.0.0/16', 16],
  ['172.18.0.0/16', 16],
  ['172.19.0.0/16', 16],
  ['172.20.0.0/14', 16],
  ['172.24.0.0/14', 16],
  ['172.28.0.0/14', 16],
  ['192.168.0.0/16', 20],
];
/** Routes this wide are a default route in two halves (as VPN clients set them), not a network that is there. */
const shortestRealPrefix = 8;

/** A bridge's addresses of one family. */
export interface BridgeSubnet {
  subnet: Subnet;
  /** The bridge's own. */
  gateway: string;
}

/** All subnets of the default pools, in order. */
export function* defaultSubnets(): Generator<Subnet> {
  for (const [text, size] of defaultPools) {
    const block = parseSubnet(text);
    const step = 2 ** (32 - size);
    for (let index = 0; index < 2 ** (size - block.prefixLength); index += 1) {
      const base = Buffer.alloc(4);
      base.writeUInt32BE(block.base.readUInt32BE(0) + index * step);
      yield { base, prefixLength: size };
    }
  }
}

/** The first default subnet that overlaps none of `used` (the host's routes and addresses). EngineError `resource-exhausted`. */
export function chooseSubnet(used: readonly Subnet[]): BridgeSubnet {
  const real = used.filter((subnet) => subnet.base.length === 4 && subnet.prefixLength >= shortestRealPrefix);
  for (const subnet of defaultSubnets()) {
    if (!real.some((other) => subnetsOverlap(subnet, other)))
      return { subnet, gateway: addressAt(subnet, 1) };
  }
  throw new EngineError(
    'resource-exhausted',
    'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
    { hint: 'start gantryd with --bip ADDRESS/PREFIX to choose one' },
  );
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
