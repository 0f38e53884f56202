/** Locks for asynchronous code: one holder at a time, in the order of asking. */
import { EngineError } from '../errors/engine-error.ts';

export class Mutex {
  #held = false;
  readonly #waiting: Array<() => void> = [];

  /** True while someone holds it. */
  get held(): boolean {
    return this.#held;
  }

  /** Runs `work` alone. Rejects with EngineError `cancelled` where `signal` aborts before its turn came. */
  async run<R>(work: () => Promise<R> | R, signal?: AbortSignal): Promise<R> {
    await this.#acquire(signal);
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  #acquire(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(cancelled());
    if (!this.#held) {
      this.#held = true;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        signal?.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(cancelled());
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(turn);
    });
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#held = false;
    else next();
  }
}

function cancelled(): EngineError {
  return new EngineError('cancelled', 'the operation was cancelled while it waited for its turn');
}

/** A lock for each key; takes no room for keys that nobody holds. */
export class KeyedMutex {
  readonly #locks = new Map<string, { mutex: Mutex; users: number }>();

  /** Runs `work` alone among those with the same key. */
  async run<R>(key: string, work: () => Promise<R> | R, signal?: AbortSignal): Promise<R> {
    const entry = this.#locks.get(key) ?? { mutex: new Mutex(), users: 0 };
    this.#locks.set(key, entry);
    entry.users += 1;
    try {
      return await entry.mutex.run(work, signal);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) this.#locks.delete(key);
    }
  }

  /** Keys that are held or waited for. */
  get size(): number {
    return this.#locks.size;
  }
}
