/** Counts the sizes of directories in a thread, so that the daemon's loop goes on. */
import { Worker } from 'node:worker_threads';
import type { WalkReply, WalkRequest } from './walk-messages.ts';

/** Beside this file in the sources; `walk-worker.js` beside the bundled daemon. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './walk-worker.ts' : './walk-worker.js',
  import.meta.url,
);
/** Milliseconds for which a thread without work stays. */
const idleMs = 10_000;

/** The thread is there while it has something to count. */
export class WalkThread {
  readonly #waiting = new Map<number, (size: number) => void>();
  #worker: Worker | undefined;
  #nextId = 0;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Bytes of the files below `path`; 0 where nothing is there, or the thread ended first. */
  measure(path: string): Promise<number> {
    if (this.#isClosed) return Promise.resolve(0);
    clearTimeout(this.#idle);
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#waiting.set(id, resolve);
    this.#start().postMessage({ id, path } satisfies WalkRequest);
    return promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  #start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker(workerUrl);
    worker.on('message', (reply: WalkReply) => this.#settle(reply));
    worker.on('error', () => this.#lose(worker));
    worker.on('exit', () => this.#lose(worker));
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  #settle({ id, size }: WalkReply): void {
    this.#waiting.get(id)?.(size);
    this.#waiting.delete(id);
    if (this.#waiting.size > 0) return;
    this.#idle = setTimeout(() => void this.#end(), idleMs);
    this.#idle.unref();
  }

  #lose(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const resolve of this.#waiting.values()) resolve(0);
    this.#waiting.clear();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#lose(worker);
    await worker.terminate();
  }
}
