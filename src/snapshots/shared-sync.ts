/** Makes what was written to a file system durable: by one syncfs(2) for all who wait at a time, where one fsync(2) a file would take minutes. */
import { EngineError } from '../errors/engine-error.ts';
import type { Launcher } from '../host/launcher-types.ts';

/** Milliseconds. */
const patience = 600_000;

export class SharedSync {
  readonly #launcher: Pick<Launcher, 'run'>;
  readonly #path: string;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** Of the file system that holds `path`. */
  constructor(launcher: Pick<Launcher, 'run'>, path: string) {
    this.#launcher = launcher;
    this.#path = path;
  }

  /** Resolves when all that was written before the call is durable. EngineError `unavailable` where it cannot be made so. */
  run(): Promise<void> {
    // One that has begun may have passed what was written since.
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running.catch(() => undefined).then(() => this.#start());
    return this.#next;
  }

  #start(): Promise<void> {
    this.#next = undefined;
    const running = this.#sync().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #sync(): Promise<void> {
    const { exitCode, stderr } = await this.#launcher.run({
      argv: ['sync', '-f', this.#path],
      timeoutMs: patience,
    });
    if (exitCode !== 0)
      throw new EngineError('unavailable', `cannot sync ${this.#path}: ${stderr.toString().trim()}`);
  }
}
