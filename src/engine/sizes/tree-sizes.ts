/** Sizes of what containers write themselves, remembered: counted again only where something may have changed them. */

interface Known {
  size: number;
  /** When the count began and how long it took: milliseconds. */
  at: number;
  took: number;
}

export interface TreeSizesOptions {
  measure: (path: string) => Promise<number>;
  now?: () => number;
}

/** What nobody has in use may still be written to by somebody on the host: counted again where it is asked for after so long. Milliseconds. */
const trustMs = 60_000;
/** What is in use is counted again at most so often, and no more than a twentieth of the time. */
const refreshMs = 1000;
const shareOfTime = 20;
/** Who asks for what is in use waits so long for a new count, and gets the last one then. */
const patienceMs = 100;
/** For the first count; it goes on. */
const firstPatienceMs = 30_000;
const mostKnown = 50_000;

/** Keys name one directory for all its life: what is made anew in its place has another. */
export class TreeSizes {
  readonly #options: TreeSizesOptions;
  readonly #known = new Map<string, Known>();
  /** Counts that are under way, the latest of each key. */
  readonly #running = new Map<string, { at: number; counting: Promise<number> }>();

  constructor(options: TreeSizesOptions) {
    this.#options = options;
  }

  /**
   * Bytes of the files below `path`, -1 where they can't be counted in time. `changedAt` is when they were changed last, as far as the engine knows:
   * milliseconds since the epoch, Infinity while they may be changing.
   */
  async size(key: string, path: string, changedAt: number): Promise<number> {
    const known = this.#known.get(key);
    if (known === undefined) return this.#within(firstPatienceMs, this.#measure(key, path), -1);
    const age = this.#now() - known.at;
    if (changedAt === Number.POSITIVE_INFINITY) {
      if (age < Math.max(refreshMs, known.took * shareOfTime)) return known.size;
      return this.#within(patienceMs, this.#measure(key, path), known.size);
    }
    if (known.at <= changedAt)
      return this.#within(firstPatienceMs, this.#measure(key, path, changedAt), known.size);
    if (age >= trustMs) void this.#measure(key, path);
    return known.size;
  }

  /** Somebody wrote to it just now. */
  touch(key: string): void {
    this.#known.delete(key);
    this.#running.delete(key);
  }

  /** A count that is under way serves, unless it began before `changedAt`. */
  #measure(key: string, path: string, changedAt = 0): Promise<number> {
    const running = this.#running.get(key);
    if (running !== undefined && running.at > changedAt) return running.counting;
    const at = this.#now();
    const counting = this.#options.measure(path);
    this.#running.set(key, { at, counting });
    void counting.then((size) => this.#remember(key, { at, counting }, size));
    return counting;
  }

  /** Where something was written since, or a later count is under way, this one was for those who asked then. */
  #remember(key: string, { at, counting }: { at: number; counting: Promise<number> }, size: number): void {
    if (this.#running.get(key)?.counting !== counting) return;
    this.#running.delete(key);
    this.#forgetOldest();
    this.#known.delete(key);
    this.#known.set(key, { size, at, took: this.#now() - at });
  }

  #forgetOldest(): void {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= mostKnown && oldest !== undefined) this.#known.delete(oldest);
  }

  async #within(ms: number, counting: Promise<number>, otherwise: number): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    const timer = setTimeout(() => resolve(otherwise), ms);
    timer.unref();
    try {
      return await Promise.race([counting, promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }
}
