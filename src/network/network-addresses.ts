/** The addresses of one network, of both families: which are taken, and which a new endpoint gets. In memory. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { AddressPool } from './address-pool.ts';
import { type BridgePlan, ipv6AddressFor } from './bridge-config.ts';
import { parseAddress, type Subnet, subnetContains } from './ip-address.ts';
import type { Endpoint, EndpointRequest } from './network-types.ts';
import type { BridgeSubnet } from './subnet-choice.ts';

/** One of each family that the network has. */
export interface Addresses {
  ipv4?: string;
  ipv6?: string;
}

/** The fields of an endpoint that say which addresses it has. */
export type AddressFields = Pick<
  Endpoint,
  'ipAddress' | 'prefixLength' | 'gateway' | 'ipv6Address' | 'ipv6PrefixLength' | 'ipv6Gateway'
>;

interface Pool {
  place: BridgeSubnet;
  addresses: AddressPool;
}

export class NetworkAddresses {
  readonly #plan: BridgePlan;
  readonly #pools4: Pool[];
  readonly #pools6: Pool[];

  constructor(plan: BridgePlan) {
    const { ipv4, ipv6, range, range6, further = [] } = plan;
    const reserved = plan.reserved ?? [];
    const first = [
      ...(ipv4 === undefined ? [] : [poolFor(ipv4, range, reserved)]),
      ...(ipv6 === undefined ? [] : [poolFor(ipv6, range6, reserved)]),
    ];
    const pools = [...first, ...further.map((place) => poolFor(place, place.range, reserved))];
    this.#plan = plan;
    this.#pools4 = pools.filter(({ place }) => place.subnet.base.length === 4);
    this.#pools6 = pools.filter(({ place }) => place.subnet.base.length === 16);
  }

  /** Those that are asked for, or the next free ones. EngineErrors as from `AddressPool`, and for a family that the network has not. */
  take({ ipAddress, ipv6Address }: Pick<EndpointRequest, 'ipAddress' | 'ipv6Address'>): Addresses {
    const ipv4 = this.#takeIpv4(ipAddress);
    try {
      const ipv6 = this.#takeIpv6(ipv4, ipv6Address);
      return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
    } catch (error) {
      if (ipv4 !== undefined) this.release({ ipv4 });
      throw error;
    }
  }

  release({ ipv4, ipv6 }: Addresses): void {
    if (ipv4 !== undefined) for (const { addresses } of this.#pools4) addresses.release(ipv4);
    if (ipv6 !== undefined) for (const { addresses } of this.#pools6) addresses.release(ipv6);
  }

  /** Marks those of a recorded endpoint. */
  adopt(endpoint: Endpoint): void {
    const { ipv4, ipv6 } = addressesOf(endpoint);
    if (ipv4 !== undefined) for (const { addresses } of this.#pools4) addresses.adopt(ipv4);
    if (ipv6 !== undefined) for (const { addresses } of this.#pools6) addresses.adopt(ipv6);
  }

  /** With the prefix lengths and gateways of their subnets. */
  fieldsOf({ ipv4, ipv6 }: Addresses): AddressFields {
    const [place4, place6] = [placeOf(this.#pools4, ipv4), placeOf(this.#pools6, ipv6)];
    return {
      ipAddress: ipv4 ?? '',
      prefixLength: place4?.subnet.prefixLength ?? 0,
      gateway: place4?.gateway ?? '',
      ...(ipv6 === undefined || place6 === undefined
        ? {}
        : {
            ipv6Address: ipv6,
            ipv6PrefixLength: place6.subnet.prefixLength,
            ipv6Gateway: place6.gateway,
          }),
    };
  }

  #takeIpv4(asked: string | undefined): string | undefined {
    if (asked === undefined) return takeNext(this.#pools4);
    return (
      takeAsked(this.#pools4, asked) ?? refuse('IPv4', 'make it without --ipv4=false, or leave out --ip')
    );
  }

  /** As far above the subnet's base as the IPv4 address is above its own, where that is free. */
  #takeIpv6(ipv4: string | undefined, asked: string | undefined): string | undefined {
    if (asked !== undefined)
      return takeAsked(this.#pools6, asked) ?? refuse('IPv6', 'make it with --ipv6, or leave out --ip6');
    const [first] = this.#pools6;
    if (first === undefined) return undefined;
    const usual = this.#usualIpv6(ipv4);
    return usual !== undefined && first.addresses.tryTake(usual) ? usual : takeNext(this.#pools6);
  }

  #usualIpv6(address: string | undefined): string | undefined {
    const { ipv4, ipv6 } = this.#plan;
    if (address === undefined || ipv4 === undefined || ipv6 === undefined) return undefined;
    return contains(ipv4.subnet, address) ? ipv6AddressFor(ipv6, ipv4, address) : undefined;
  }
}

/** The addresses of an endpoint. */
export function addressesOf({ ipAddress, ipv6Address }: Endpoint): Addresses {
  return {
    ...(ipAddress === '' ? {} : { ipv4: ipAddress }),
    ...(ipv6Address === undefined ? {} : { ipv6: ipv6Address }),
  };
}

/** From the first pool that has one; undefined where there are no pools. */
function takeNext(pools: readonly Pool[]): string | undefined {
  let failure: unknown;
  for (const { addresses } of pools) {
    try {
      return addresses.take();
    } catch (error) {
      if (!isEngineError(error, 'resource-exhausted')) throw error;
      failure = error;
    }
  }
  if (failure !== undefined) throw failure;
  return undefined;
}

/** Undefined where there are no pools at all. */
function takeAsked(pools: readonly Pool[], asked: string): string | undefined {
  const pool = pools.find(({ place }) => contains(place.subnet, asked)) ?? pools[0];
  if (pool === undefined) return undefined;
  pool.addresses.takeExactly(asked);
  return asked;
}

function placeOf(pools: readonly Pool[], address: string | undefined): BridgeSubnet | undefined {
  if (address === undefined) return undefined;
  return pools.find(({ place }) => contains(place.subnet, address))?.place;
}

function contains(subnet: Subnet, address: string): boolean {
  return subnetContains(subnet, parseAddress(address));
}

function refuse(family: string, hint: string): never {
  throw new EngineError('invalid-argument', `the network has no ${family}`, { hint });
}

function poolFor(place: BridgeSubnet, range: Subnet | undefined, reserved: readonly string[]): Pool {
  const { subnet, gateway } = place;
  const addresses = new AddressPool({
    subnet,
    gateway,
    reserved,
    ...(range === undefined ? {} : { range }),
  });
  return { place, addresses };
}
