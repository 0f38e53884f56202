/** The subnets of a network that is to be made, each with the range, gateway and addresses that belong to it. Pure. */
import { BlockList, isIP } from 'node:net';
import { EngineError } from '../errors/engine-error.ts';
import type { IpamPool } from '../wire/network.ts';

export interface PoolFlags {
  /** CIDR blocks. */
  subnets: readonly string[];
  ranges: readonly string[];
  gateways: readonly string[];
  /** Addresses by what they are for. */
  auxiliary: Readonly<Record<string, string>>;
}

/** EngineError `invalid-argument` in docker's words for what belongs to no subnet, and for what is there twice. */
export function ipamPools({ subnets, ranges, gateways, auxiliary }: PoolFlags): IpamPool[] {
  if (subnets.length < Math.max(ranges.length, gateways.length))
    throw fail('every ip-range or gateway must have a corresponding subnet');
  const pools = subnets.map((subnet): IpamPool & { Subnet: string } => ({ Subnet: subnet }));
  checkApart(subnets);
  for (const range of ranges) {
    const pool = poolOf(pools, range.split('/', 1)[0] ?? '', `no matching subnet for range ${range}`);
    if (pool.IPRange !== undefined)
      throw fail(
        `cannot configure multiple ranges (${range}, ${pool.IPRange}) on the same subnet (${pool.Subnet})`,
      );
    pool.IPRange = range;
  }
  for (const gateway of gateways) {
    const pool = poolOf(pools, gateway, `no matching subnet for gateway ${gateway}`);
    if (pool.Gateway !== undefined)
      throw fail(
        `cannot configure multiple gateways (${gateway}, ${pool.Gateway}) for the same subnet (${pool.Subnet})`,
      );
    pool.Gateway = gateway;
  }
  for (const [name, address] of Object.entries(auxiliary)) {
    const pool = poolOf(pools, address, `no matching subnet for aux-address ${address}`);
    pool.AuxiliaryAddresses = { ...pool.AuxiliaryAddresses, [name]: address };
  }
  return pools;
}

function checkApart(subnets: readonly string[]): void {
  for (const [index, subnet] of subnets.entries()) {
    const overlaps = subnets
      .slice(0, index)
      .some((other) => contains(other, baseOf(subnet)) || contains(subnet, baseOf(other)));
    if (overlaps) throw fail('multiple overlapping subnet configuration is not supported');
  }
}

function baseOf(subnet: string): string {
  return subnet.split('/', 1)[0] ?? '';
}

function poolOf<T extends { Subnet: string }>(pools: readonly T[], address: string, complaint: string): T {
  const pool = pools.find(({ Subnet }) => contains(Subnet, address));
  if (pool === undefined) throw fail(complaint);
  return pool;
}

function contains(subnet: string, address: string): boolean {
  const [base = '', length = ''] = subnet.split('/');
  const version = isIP(base);
  if (version === 0 || !/^\d{1,3}$/.test(length) || Number(length) > (version === 4 ? 32 : 128))
    throw fail(`invalid CIDR address: ${subnet}`);
  if (isIP(address) !== version) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  const block = new BlockList();
  block.addSubnet(base, Number(length), family);
  return block.check(address, family);
}

function fail(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}
