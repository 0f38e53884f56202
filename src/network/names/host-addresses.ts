/** The host's own addresses, as of a moment ago. */
import { networkInterfaces } from 'node:os';

/** Strangers who ask must not make the daemon look again each time. */
const keptMs = 1000;

export class HostAddresses {
  #addresses: ReadonlySet<string> = new Set();
  #readAt = Number.NEGATIVE_INFINITY;

  has(address: string): boolean {
    const now = performance.now();
    if (now - this.#readAt > keptMs) {
      const all = Object.values(networkInterfaces()).flatMap((entries = []) => entries);
      this.#addresses = new Set(all.map((entry) => entry.address));
      this.#readAt = now;
    }
    return this.#addresses.has(address);
  }
}
