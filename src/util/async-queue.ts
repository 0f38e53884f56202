/** A queue between one or more writers and one reader that takes items with `for await`. */

export class AsyncQueue<T> implements AsyncIterable<T> {
  #items: T[] = [];
  #closed = false;
  #failure: { error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** Items that wait for the reader. */
  get length(): number {
    return this.#items.length;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Ignored once the queue is closed. */
  push(item: T): void {
    if (this.#closed) return;
    this.#items.push(item);
    this.#wake?.();
  }

  /** The reader still gets what is queued, then the end. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  /** The reader gets what is queued, then `error`. */
  fail(error: unknown): void {
    if (this.#closed) return;
    this.#failure = { error };
    this.close();
  }

  /** One reader at a time. Leaving the loop closes the queue. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        const batch = this.#items;
        this.#items = [];
        for (const item of batch) yield item;
        if (this.#items.length > 0) continue;
        if (this.#closed) break;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
      if (this.#failure !== undefined) throw this.#failure.error;
    } finally {
      this.#closed = true;
      this.#items = [];
    }
  }
}
