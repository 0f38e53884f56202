/** Packing threads as the daemon sees them: a few, started when needed and ended when idle. */
import { Worker } from 'node:worker_threads';
import { EngineError } from '../../errors/engine-error.ts';
import type { Launcher } from '../../host/launcher-types.ts';
import { answerAttributes, failureOf } from './archive-answers.ts';
import type { PackedLayer, PackJob, PackReply, PackRequest } from './pack-messages.ts';

/** Beside this file in the sources; `pack-worker.js` beside the bundled daemon. */
const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './pack-worker.ts' : './pack-worker.js',
  import.meta.url,
);
/** Milliseconds after which an idle thread is ended: it holds some 10 MB. */
const idleLimit = 10_000;
/** Threads at once: one per chain of steps that run side by side, as far as that is of use. */
const mostThreads = 3;

class PackThread {
  readonly #launcher: Pick<Launcher, 'attributes'>;
  readonly #worker = new Worker(workerUrl);
  #job: PromiseWithResolvers<PackedLayer> | undefined;
  alive = true;

  constructor(launcher: Pick<Launcher, 'attributes'>) {
    this.#launcher = launcher;
    this.#worker.on('message', (message: PackReply) => this.#receive(message));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', () => this.#end(new EngineError('internal', 'a packing thread ended')));
  }

  async pack(job: PackJob): Promise<PackedLayer> {
    this.#job = Promise.withResolvers();
    this.#worker.ref();
    this.#post({ kind: 'pack', job });
    try {
      return await this.#job.promise;
    } finally {
      this.rest();
    }
  }

  /** It keeps no process alive meanwhile. */
  rest(): void {
    this.#worker.unref();
  }

  async close(): Promise<void> {
    this.alive = false;
    await this.#worker.terminate();
  }

  #post(request: PackRequest): void {
    this.#worker.postMessage(request);
  }

  #receive(message: PackReply): void {
    switch (message.kind) {
      case 'attributes':
        answerAttributes(this.#launcher, message).then(
          (results) => this.#post({ kind: 'attributes', results }),
          (error: unknown) => {
            this.#job?.reject(error);
            void this.close();
          },
        );
        break;
      case 'packed':
        this.#job?.resolve(message.layer);
        break;
      case 'failed':
        this.#job?.reject(failureOf(message));
        break;
    }
  }

  #end(error: unknown): void {
    this.alive = false;
    this.#job?.reject(error);
  }
}

export class PackThreads {
  readonly #launcher: Pick<Launcher, 'attributes'>;
  readonly #idle: PackThread[] = [];
  readonly #waiting: Array<() => void> = [];
  #busy = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(launcher: Pick<Launcher, 'attributes'>) {
    this.#launcher = launcher;
  }

  /** Starts a thread for work that is about to come. */
  warm(): void {
    if (this.#busy > 0 || this.#idle.length > 0) return;
    const thread = new PackThread(this.#launcher);
    thread.rest();
    this.#idle.push(thread);
    this.#endIdleLater();
  }

  /** EngineErrors `resource-exhausted` for a full disk, `internal`. */
  async pack(job: PackJob): Promise<PackedLayer> {
    while (this.#busy >= mostThreads) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#busy += 1;
    clearTimeout(this.#timer);
    const thread = this.#free() ?? new PackThread(this.#launcher);
    try {
      return await thread.pack(job);
    } finally {
      this.#busy -= 1;
      if (thread.alive) this.#idle.push(thread);
      this.#waiting.shift()?.();
      this.#endIdleLater();
    }
  }

  /** One that has not died of something meanwhile. */
  #free(): PackThread | undefined {
    for (let thread = this.#idle.pop(); thread !== undefined; thread = this.#idle.pop())
      if (thread.alive) return thread;
    return undefined;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all(this.#idle.splice(0).map((thread) => thread.close()));
  }

  #endIdleLater(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.close(), idleLimit);
    this.#timer.unref();
  }
}
