/** Bounds how often something happens: so many at once, and so many in each second after. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #most: number;
  #tokens: number;
  #at: number;

  /** `now` in milliseconds. */
  constructor(perSecond: number, most: number, now = performance.now()) {
    this.#perSecond = perSecond;
    this.#most = most;
    this.#tokens = most;
    this.#at = now;
  }

  /** True if it may happen once more. */
  take(now = performance.now()): boolean {
    const gained = ((now - this.#at) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#most, this.#tokens + Math.max(0, gained));
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
