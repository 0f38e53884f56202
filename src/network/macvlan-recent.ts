/** Interfaces of containers that have just ended: the kernel takes them away with their namespaces, a while after it has said that these are gone. */

/** As long as that takes at most, by far. Milliseconds. */
const keptMs = 10_000;

export class RecentLinks {
  /** When the last one went, by parent, and by parent and MAC. */
  readonly #gone = new Map<string, number>();

  note(parent: string, mac: string): void {
    const now = performance.now();
    for (const [key, at] of this.#gone) if (now - at > keptMs) this.#gone.delete(key);
    this.#gone.set(parent, now);
    this.#gone.set(`${parent} ${mac}`, now);
  }

  /** May one still be there: of any MAC where none is given? */
  mayLinger(parent: string, mac?: string): boolean {
    const at = this.#gone.get(mac === undefined ? parent : `${parent} ${mac}`);
    return at !== undefined && performance.now() - at <= keptMs;
  }
}
