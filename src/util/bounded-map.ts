/** A map that forgets what was used longest ago: caches of what never changes. */

export class BoundedMap<K, V> {
  readonly #items = new Map<K, V>();
  readonly #limit: number;
  readonly #weigh: (value: V) => number;
  #weight = 0;

  /** Holds values of `limit` together; each weighs 1 unless `weigh` says otherwise. */
  constructor(limit: number, weigh: (value: V) => number = () => 1) {
    this.#limit = limit;
    this.#weigh = weigh;
  }

  get(key: K): V | undefined {
    const value = this.#items.get(key);
    if (value === undefined) return undefined;
    this.#items.delete(key);
    this.#items.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.delete(key);
    this.#items.set(key, value);
    this.#weight += this.#weigh(value);
    for (const oldest of this.#items.keys()) {
      if (this.#weight <= this.#limit) break;
      this.delete(oldest);
    }
  }

  delete(key: K): void {
    const value = this.#items.get(key);
    if (value === undefined) return;
    this.#items.delete(key);
    this.#weight -= this.#weigh(value);
  }
}
