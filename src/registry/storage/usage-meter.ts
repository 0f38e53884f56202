/** Bytes below a prefix of repository names, each blob once: counted when they are first asked for, kept up to date from then on. */

interface Meter {
  bytes: number;
  /** By digest: in how many places it is held, and what it was counted with. */
  holders: Map<string, { count: number; size: number }>;
}

/** Is `repository` of the name `prefix`, or below it? The prefix '' is above all. */
function isBelow(repository: string, prefix: string): boolean {
  return prefix === '' || repository === prefix || repository.startsWith(`${prefix}/`);
}

export class UsageMeter {
  readonly #meters = new Map<string, Meter>();
  readonly #sizeOf: (digest: string) => number;

  constructor(sizeOf: (digest: string) => number) {
    this.#sizeOf = sizeOf;
  }

  /** `holdings` are the digests of each repository, read only where nobody asked for `prefix` before. */
  bytes(prefix: string, holdings: () => Iterable<readonly [repository: string, digest: string]>): number {
    const known = this.#meters.get(prefix);
    if (known !== undefined) return known.bytes;
    const meter: Meter = { bytes: 0, holders: new Map() };
    for (const [repository, digest] of holdings()) {
      if (isBelow(repository, prefix)) this.#add(meter, digest);
    }
    this.#meters.set(prefix, meter);
    return meter.bytes;
  }

  hold(repository: string, digest: string): void {
    for (const [prefix, meter] of this.#meters) if (isBelow(repository, prefix)) this.#add(meter, digest);
  }

  release(repository: string, digest: string): void {
    for (const [prefix, meter] of this.#meters) {
      if (!isBelow(repository, prefix)) continue;
      const held = meter.holders.get(digest);
      if (held === undefined) continue;
      held.count -= 1;
      if (held.count > 0) continue;
      meter.holders.delete(digest);
      meter.bytes -= held.size;
    }
  }

  #add(meter: Meter, digest: string): void {
    const held = meter.holders.get(digest);
    if (held !== undefined) {
      held.count += 1;
      return;
    }
    const size = this.#sizeOf(digest);
    meter.bytes += size;
    meter.holders.set(digest, { count: 1, size });
  }
}
