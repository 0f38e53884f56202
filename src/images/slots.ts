/** Bounds how many of something run at once; the rest wait in order. */

export class Slots {
  #free: number;
  readonly #waiting: Array<() => void> = [];

  constructor(count: number) {
    this.#free = Math.max(1, count);
  }

  /** Runs `work` once a slot is free; `onWait` is called where it has to wait for one. */
  async run<T>(work: () => Promise<T>, onWait?: () => void): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else {
      onWait?.();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}
