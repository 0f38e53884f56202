/** Layers that are whole and in use while their files are still on the way to the disk: known by a marker, so that a power cut cannot pass for a good end. */
import { existsSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SharedSync } from './shared-sync.ts';

/** Beside the layer's record; holds the boot during which the files were written. */
const markerName = 'unsettled';
/** Milliseconds: what is done next with the layers, a push or a start, is not to wait for the disk; the kernel itself waits for twice as long. */
const firstDelay = 15_000;
const retryDelay = 30_000;

/** The kernel's, new with each boot (random(4), boot_id). */
export function currentBoot(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/**
 * The life of a marker: `mark` before the layer gets its name, `settle` after it, and some seconds later one syncfs(2) for all of them, after which the
 * markers go. As long as the host has not gone down since, its page cache has the files, whatever became of the daemon.
 */
export class UnsettledLayers {
  readonly #sync: SharedSync;
  readonly #boot: string;
  #waiting = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(sync: SharedSync, boot = currentBoot()) {
    this.#sync = sync;
    this.#boot = boot;
  }

  /** `directory` is the layer's own, not visible as yet. */
  async mark(directory: string): Promise<void> {
    await writeFile(join(directory, markerName), this.#boot, { mode: 0o600 });
  }

  /** May a layer's files be missing, because the host went down before they were on the disk? */
  isLost(directory: string): boolean {
    try {
      return readFileSync(join(directory, markerName), 'utf8') !== this.#boot;
    } catch {
      return existsSync(join(directory, markerName));
    }
  }

  isMarked(directory: string): boolean {
    return existsSync(join(directory, markerName));
  }

  /** Makes the layer at `directory` durable some seconds later. */
  settle(directory: string): void {
    this.#waiting.add(directory);
    this.#schedule(firstDelay);
  }

  /** Settles at once what is waiting. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
    await this.#settleAll();
    clearTimeout(this.#timer);
  }

  #schedule(delay: number): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#settleAll();
    }, delay);
    this.#timer.unref();
  }

  async #settleAll(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const batch = this.#waiting;
    this.#waiting = new Set();
    try {
      await this.#sync.run();
      for (const directory of batch) await rm(join(directory, markerName), { force: true });
    } catch {
      // They stay marked: the worst is that they are unpacked again after a power cut.
      for (const directory of batch) this.#waiting.add(directory);
      this.#schedule(retryDelay);
    }
  }
}
