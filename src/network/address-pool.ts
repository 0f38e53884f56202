/** Which IPv4 addresses of a subnet are taken, and which is next. In memory; the endpoints' records are what lasts. */
import { EngineError } from '../errors/engine-error.ts';
import {
  addressAt,
  formatSubnet,
  offsetOf,
  parseAddress,
  type Subnet,
  subnetContains,
  subnetSize,
} from './ip-address.ts';

export interface AddressPoolOptions {
  subnet: Subnet;
  /** Part of the subnet that containers get addresses from without asking (`--fixed-cidr`). */
  range?: Subnet;
  /** The bridge's own address. */
  gateway: string;
}

/**
 * Hands out addresses upward and starts over at the end, so that one just given back is the last to be used again: nobody who
 * still talks to the old owner meets the new one.
 */
export class AddressPool {
  readonly #subnet: Subnet;
  /** Offsets from the subnet's base: first and last that are handed out. */
  readonly #first: number;
  readonly #last: number;
  readonly #taken = new Set<number>();
  #next: number;

  constructor({ subnet, range, gateway }: AddressPoolOptions) {
    this.#subnet = subnet;
    const part = range ?? subnet;
    const start = part.base.readUInt32BE(0) - subnet.base.readUInt32BE(0);
    // Network and broadcast address of the subnet are nobody's.
    this.#first = Math.max(1, start);
    this.#last = Math.min(subnetSize(subnet) - 2, start + subnetSize(part) - 1);
    this.#next = this.#first;
    this.#taken.add(offsetOf(subnet, gateway));
  }

  /** The next free address. EngineError `resource-exhausted` where there is none. */
  take(): string {
    const count = this.#last - this.#first + 1;
    for (let step = 0; step < count; step += 1) {
      const offset = this.#next;
      this.#next = offset >= this.#last ? this.#first : offset + 1;
      if (this.#taken.has(offset)) continue;
      this.#taken.add(offset);
      return addressAt(this.#subnet, offset);
    }
    throw new EngineError(
      'resource-exhausted',
      `no available IPv4 addresses on this network's address pools: ${formatSubnet(this.#subnet)}`,
      { hint: 'remove containers, or start gantryd with a larger --bip or --fixed-cidr' },
    );
  }

  /** Takes just this address. EngineError `invalid-argument` where it is not of the subnet, `conflict` where it is taken. */
  takeExactly(address: string): void {
    const offset = this.#offset(address);
    if (offset === undefined) {
      throw new EngineError(
        'invalid-argument',
        `no configured subnet or ip range contain the IP address ${address}`,
        { hint: `choose an address of ${formatSubnet(this.#subnet)}` },
      );
    }
    if (this.#taken.has(offset)) {
      throw new EngineError('conflict', 'Address already in use', { details: { address } });
    }
    this.#taken.add(offset);
  }

  /** Marks an address that a recorded endpoint has; nothing happens for one outside the subnet. */
  adopt(address: string): void {
    const offset = this.#offset(address);
    if (offset !== undefined) this.#taken.add(offset);
  }

  release(address: string): void {
    const offset = this.#offset(address);
    if (offset !== undefined) this.#taken.delete(offset);
  }

  /** Position in the subnet of an address that a container may have. */
  #offset(address: string): number | undefined {
    if (!subnetContains(this.#subnet, parseAddress(address))) return undefined;
    const offset = offsetOf(this.#subnet, address);
    return offset >= 1 && offset <= subnetSize(this.#subnet) - 2 ? offset : undefined;
  }
}
