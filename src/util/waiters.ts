/** Those who wait for the next time that something happens. */
import { EngineError } from '../errors/engine-error.ts';

export class Waiters<T> {
  #waiting = new Set<(value: T) => void>();

  /** How many wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Waits from the moment of the call. Rejects with EngineError `cancelled` where `signal` aborts first. */
  wait(signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const forget = (): void => {
        this.#waiting.delete(take);
        reject(new EngineError('cancelled', 'the wait was cancelled'));
      };
      const take = (value: T): void => {
        signal?.removeEventListener('abort', forget);
        resolve(value);
      };
      this.#waiting.add(take);
      signal?.addEventListener('abort', forget, { once: true });
      if (signal?.aborted === true) forget();
    });
  }

  /** Tells all who wait now. */
  notify(value: T): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const take of waiting) take(value);
  }
}
