/** A few unpacking threads, started when needed and ended when idle, so that several layers unpack at once. */
import { availableParallelism } from 'node:os';
import { UnpackThread } from './unpack-thread.ts';

/** Milliseconds after which an idle thread is ended: it holds some 10 MB. */
const idleLimit = 3000;

export class UnpackPool {
  /** Three even on two cores: of three layers of one size, none should be left to one core at the end. */
  readonly #limit = Math.max(3, Math.min(6, availableParallelism()));
  readonly #idle: UnpackThread[] = [];
  readonly #waiting: Array<() => void> = [];
  #busy = 0;
  #slow = 0;
  #timer: NodeJS.Timeout | undefined;

  /** Runs `work` with a thread of its own, as soon as one is free. */
  async use<T>(work: (thread: UnpackThread) => Promise<T>): Promise<T> {
    while (this.#busy >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#busy += 1;
    try {
      return await this.#run(work);
    } finally {
      this.#busy -= 1;
      this.#waiting.shift()?.();
    }
  }

  /**
   * The same for work that may wait for its bytes for as long as a download takes: with threads that are counted apart, so that nobody who has all bytes
   * waits for it. Undefined, and nothing done, where there are enough of them.
   */
  async useSlowly<T>(work: (thread: UnpackThread) => Promise<T>): Promise<T | undefined> {
    if (this.#slow >= this.#limit) return undefined;
    this.#slow += 1;
    try {
      return await this.#run(work);
    } finally {
      this.#slow -= 1;
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all(this.#idle.splice(0).map((thread) => thread.close()));
  }

  async #run<T>(work: (thread: UnpackThread) => Promise<T>): Promise<T> {
    clearTimeout(this.#timer);
    const thread = this.#idle.pop() ?? new UnpackThread();
    try {
      return await work(thread);
    } finally {
      if (thread.alive) this.#idle.push(thread);
      this.#endIdleLater();
    }
  }

  #endIdleLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      for (const thread of this.#idle.splice(0)) void thread.close();
    }, idleLimit);
    this.#timer.unref();
  }
}
