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

  /** Joins the work under `key`, or starts it. `listener` hears of its progress; `signal` only takes this caller out. */
  async run(
    key: string,
    start: (report: (progress: P) => void, signal: AbortSignal) => Promise<T>,
    listener: (progress: P) => void,
    signal?: AbortSignal,
  ): Promise<T> {
    for (let old = this.#running.get(key); old?.isGivenUp === true; old = this.#running.get(key)) {
      await old.result.catch(() => undefined);
    }
    const shared = this.#running.get(key) ?? this.#start(key, start);
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
