/** Which addresses of a subnet are taken, and which is next. In memory; the endpoints' records are what lasts. */
import { EngineError } from '../errors/engine-error.ts';
import {
  addressAt,
  formatAddress,
  formatSubnet,
  parseAddress,
  type Subnet,
  subnetContains,
} from './ip-address.ts';

export interface AddressPoolOptions {
  subnet: Subnet;
  /** Part of the subnet that containers get addresses from without asking (`--fixed-cidr`, `--ip-range`). */
  range?: Subnet;
  /** The bridge's own address; '' for none. */
  gateway: string;
  /** Addresses that nobody gets. */
  reserved?: readonly string[];
}

/** So many addresses of a range are handed out at most: an IPv6 subnet has more than anyone can count. */
const mostBits = 32;

/**
 * Hands out addresses upward and starts over at the end, so that one just given back is the last to be used again: nobody who
 * still talks to the old owner meets the new one.
 */
export class AddressPool {
  readonly #subnet: Subnet;
  readonly #part: Subnet;
  /** Offsets from the base of the part: first and last that are handed out. */
  readonly #first: number;
  readonly #last: number;
  /** Offset of the subnet's broadcast address from its base, for IPv4. */
  readonly #broadcast: string | undefined;
  readonly #taken = new Set<string>();
  #next: number;

  constructor({ subnet, range, gateway, reserved = [] }: AddressPoolOptions) {
    this.#subnet = subnet;
    this.#part = range ?? subnet;
    const last = 2 ** Math.min(mostBits, this.#part.base.length * 8 - this.#part.prefixLength) - 1;
    this.#broadcast = broadcastOf(subnet);
    // Network and broadcast address of the subnet are nobody's.
    this.#first = this.#part.base.equals(subnet.base) ? 1 : 0;
    this.#last = addressAt(this.#part, last) === this.#broadcast ? last - 1 : last;
    this.#next = this.#first;
    for (const address of [gateway, ...reserved]) if (address !== '') this.#taken.add(canonical(address));
  }

  /** The next free address. EngineError `resource-exhausted` where there is none. */
  take(): string {
    const count = Math.min(this.#last - this.#first + 1, this.#taken.size + 1);
    for (let step = 0; step < count; step += 1) {
      const offset = this.#next;
      this.#next = offset >= this.#last ? this.#first : offset + 1;
      const address = addressAt(this.#part, offset);
      if (this.#taken.has(address)) continue;
      this.#taken.add(address);
      return address;
    }
    const family = this.#subnet.base.length === 4 ? 'IPv4' : 'IPv6';
    throw new EngineError(
      'resource-exhausted',
      `no available ${family} addresses on this network's address pools: ${formatSubnet(this.#subnet)}`,
      { hint: 'remove containers, or make the network with a larger subnet or range' },
    );
  }

  /** Takes `address` if it is one that is handed out, and free. */
  tryTake(address: string): boolean {
    if (!subnetContains(this.#part, parseAddress(address)) || !this.#mayHave(address)) return false;
    if (this.#taken.has(canonical(address))) return false;
    this.#taken.add(canonical(address));
    return true;
  }

  /** Takes just this address. EngineError `invalid-argument` where it is not of the subnet, `conflict` where it is taken. */
  takeExactly(address: string): void {
    if (!this.#mayHave(address)) {
      throw new EngineError(
        'invalid-argument',
        `no configured subnet or ip range contain the IP address ${address}`,
        { hint: `choose an address of ${formatSubnet(this.#subnet)}` },
      );
    }
    const text = canonical(address);
    if (this.#taken.has(text)) {
      throw new EngineError('conflict', 'Address already in use', { details: { address } });
    }
    this.#taken.add(text);
  }

  /** Marks an address that a recorded endpoint has; nothing happens for one outside the subnet. */
  adopt(address: string): void {
    if (this.#mayHave(address)) this.#taken.add(canonical(address));
  }

  release(address: string): void {
    if (this.#mayHave(address)) this.#taken.delete(canonical(address));
  }

  /** Is it an address of the subnet that a container may have? */
  #mayHave(address: string): boolean {
    const bytes = parseAddress(address);
    if (!subnetContains(this.#subnet, bytes) || bytes.equals(this.#subnet.base)) return false;
    return formatAddress(bytes) !== this.#broadcast;
  }
}

/** Of an IPv4 subnet with room for one. */
function broadcastOf(subnet: Subnet): string | undefined {
  if (subnet.base.length !== 4 || subnet.prefixLength > 30) return undefined;
  return addressAt(subnet, 2 ** (32 - subnet.prefixLength) - 1);
}

/** One text for each address, however it was written. */
function canonical(address: string): string {
  return formatAddress(parseAddress(address));
}
