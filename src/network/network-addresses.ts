/** The addresses of one network, of both families: which are taken, and which a new endpoint gets. In memory. */
import { EngineError } from '../errors/engine-error.ts';
import { AddressPool } from './address-pool.ts';
import { type BridgePlan, ipv6AddressFor } from './bridge-config.ts';
import type { Endpoint, EndpointRequest } from './network-types.ts';

export interface Addresses {
  ipv4: string;
  ipv6?: string;
}

export class NetworkAddresses {
  readonly #plan: BridgePlan;
  readonly #pool4: AddressPool;
  readonly #pool6: AddressPool | undefined;

  constructor(plan: BridgePlan) {
    const { ipv4, ipv6, reserved = [] } = plan;
    this.#plan = plan;
    this.#pool4 = poolFor(ipv4, plan.range, reserved);
    if (ipv6 !== undefined) this.#pool6 = poolFor(ipv6, plan.range6, reserved);
  }

  /** Those that are asked for, or the next free ones. EngineErrors as from `AddressPool`, and for IPv6 where there is none. */
  take({ ipAddress, ipv6Address }: Pick<EndpointRequest, 'ipAddress' | 'ipv6Address'>): Addresses {
    if (ipAddress !== undefined) this.#pool4.takeExactly(ipAddress);
    const ipv4 = ipAddress ?? this.#pool4.take();
    try {
      const ipv6 = this.#takeIpv6(ipv4, ipv6Address);
      return ipv6 === undefined ? { ipv4 } : { ipv4, ipv6 };
    } catch (error) {
      this.#pool4.release(ipv4);
      throw error;
    }
  }

  release({ ipv4, ipv6 }: Addresses): void {
    this.#pool4.release(ipv4);
    if (ipv6 !== undefined) this.#pool6?.release(ipv6);
  }

  /** Marks those of a recorded endpoint. */
  adopt({ ipAddress, ipv6Address }: Endpoint): void {
    this.#pool4.adopt(ipAddress);
    if (ipv6Address !== undefined) this.#pool6?.adopt(ipv6Address);
  }

  /** As far above the subnet's base as the IPv4 address is above its own, where that is free. */
  #takeIpv6(ipv4: string, asked: string | undefined): string | undefined {
    const { ipv6 } = this.#plan;
    if (ipv6 === undefined || this.#pool6 === undefined) {
      if (asked === undefined) return undefined;
      throw new EngineError('invalid-argument', 'the network has no IPv6', {
        hint: 'make it with --ipv6, or leave out --ip6',
      });
    }
    if (asked !== undefined) {
      this.#pool6.takeExactly(asked);
      return asked;
    }
    const usual = ipv6AddressFor(ipv6, this.#plan.ipv4, ipv4);
    return this.#pool6.tryTake(usual) ? usual : this.#pool6.take();
  }
}

/** The addresses of an endpoint. */
export function addressesOf({ ipAddress, ipv6Address }: Endpoint): Addresses {
  return { ipv4: ipAddress, ...(ipv6Address === undefined ? {} : { ipv6: ipv6Address }) };
}

function poolFor(
  { subnet, gateway }: BridgePlan['ipv4'],
  range: BridgePlan['range'],
  reserved: readonly string[],
): AddressPool {
  return new AddressPool({ subnet, gateway, reserved, ...(range === undefined ? {} : { range }) });
}
