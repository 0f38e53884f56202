/** A few threads that work on the files of builds, started when needed and ended when idle. */
import { availableParallelism } from 'node:os';
import type { FilesJob, FilesResult } from './files-messages.ts';
import { cancelled, type FilesLauncher, FilesThread } from './files-thread.ts';

/** Milliseconds after which an idle thread is ended: it holds some 10 MB. */
const idleLimit = 30_000;

export class FilesPool {
  readonly #launcher: FilesLauncher;
  readonly #limit = Math.max(2, Math.min(8, availableParallelism()));
  readonly #idle: FilesThread[] = [];
  readonly #busy = new Set<FilesThread>();
  readonly #waiting: Array<() => void> = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(launcher: FilesLauncher) {
    this.#launcher = launcher;
  }

  /** As soon as a thread is free. EngineError `cancelled` once the signal, or `close`, says so. */
  async run(job: FilesJob, signal: AbortSignal): Promise<FilesResult> {
    while (this.#busy.size >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#isClosed || signal.aborted) {
      this.#waiting.shift()?.();
      throw cancelled();
    }
    clearTimeout(this.#timer);
    const thread = this.#idle.pop() ?? new FilesThread(this.#launcher);
    this.#busy.add(thread);
    try {
      return await thread.run(job, signal);
    } finally {
      this.#busy.delete(thread);
      if (thread.alive && !this.#isClosed) this.#idle.push(thread);
      this.#waiting.shift()?.();
      this.#endIdleLater();
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const wake of this.#waiting.splice(0)) wake();
    await Promise.all([...this.#idle.splice(0), ...this.#busy].map((thread) => thread.close()));
  }

  #endIdleLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      for (const thread of this.#idle.splice(0)) void thread.close();
    }, idleLimit);
    this.#timer.unref();
  }
}
