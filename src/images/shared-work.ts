/** Lets several callers share one piece of work: it goes on as long as one of them wants it, and all hear of its progress. */
import { EngineError } from '../errors/engine-error.ts';

interface Shared<T, P> {
  result: Promise<T>;
  listeners: Set<(progress: P) => void>;
  controller: AbortController;
  /** For whoever joins late. */
  last: P | undefined;
  /** Everybody left: it winds up, and must not be joined. */
  isGivenUp: boolean;
}

export class SharedWork<T, P> {
  readonly #running = new Map<string, Shared<T, P>>();

  /**
   * Joins the work under `key`, or starts it. `listener` hears of its progress; `signal` only takes this caller out.
   * Where work that somebody else started fails, this caller's own `start` is tried too: its source may be a better one.
   */
  async run(
    key: string,
    start: (report: (progress: P) => void, signal: AbortSignal) => Promise<T>,
    listener: (progress: P) => void,
    signal?: AbortSignal,
  ): Promise<T> {
    for (let old = this.#running.get(key); old !== undefined; old = this.#running.get(key)) {
      if (old.isGivenUp) await old.result.catch(() => undefined);
      else {
        const joined = await this.#join(old, listener, signal).catch((error: unknown) => ({ error }));
        if (!isFailure(joined)) return joined;
        if (signal?.aborted === true) throw joined.error;
      }
    }
    return await this.#join(this.#start(key, start), listener, signal);
  }

  async #join(shared: Shared<T, P>, listener: (progress: P) => void, signal?: AbortSignal): Promise<T> {
    if (shared.last !== undefined) listener(shared.last);
    shared.listeners.add(listener);
    try {
      return await abortable(shared.result, signal);
    } finally {
      shared.listeners.delete(listener);
      if (shared.listeners.size === 0) {
        shared.isGivenUp = true;
        shared.controller.abort();
        // The last one to leave sees to it that nothing of it runs any more.
        await shared.result.catch(() => undefined);
      }
    }
  }

  #start(
    key: string,
    start: (report: (progress: P) => void, signal: AbortSignal) => Promise<T>,
  ): Shared<T, P> {
    const controller = new AbortController();
    const listeners = new Set<(progress: P) => void>();
    const report = (progress: P): void => {
      shared.last = progress;
      for (const listener of listeners) listener(progress);
    };
    const result = Promise.resolve()
      .then(() => start(report, controller.signal))
      .finally(() => this.#running.delete(key));
    const shared: Shared<T, P> = { result, listeners, controller, last: undefined, isGivenUp: false };
    // Whoever left does not hear of its failure.
    result.catch(() => undefined);
    this.#running.set(key, shared);
    return shared;
  }
}

function isFailure(outcome: unknown): outcome is { error: unknown } {
  return typeof outcome === 'object' && outcome !== null && 'error' in outcome;
}

async function abortable<T>(result: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return await result;
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(new EngineError('cancelled', 'the operation was cancelled'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([result, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
