/** Tells a follower of a log when to look again. */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Milliseconds after which a follower looks without being told: what the watch missed. */
const safetyDelay = 1000;

/** Watches a file by its directory, so that writes and rotations are both noticed. */
export class LogChanges {
  readonly #watcher: FSWatcher | undefined;
  #changed = false;
  #wake: (() => void) | undefined;

  constructor(path: string) {
    this.#watcher = tryWatch(path, () => this.notify());
  }

  /** Ends the current or the next wait. */
  notify(): void {
    this.#changed = true;
    this.#wake?.();
  }

  /** Until something changed since the last wait, or `limit` milliseconds passed, or it is time to look anyway. */
  async wait(limit = safetyDelay): Promise<void> {
    if (!this.#changed) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(limit, safetyDelay));
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#wake = undefined;
    this.#changed = false;
  }

  close(): void {
    this.#watcher?.close();
    this.notify();
  }
}

/** Without a watch (no more inotify watches, say), looking every second has to do. */
function tryWatch(path: string, changed: () => void): FSWatcher | undefined {
  const name = basename(path);
  try {
    const watcher = watch(dirname(path), { persistent: false }, (_event, file) => {
      if (file === null || file === name) changed();
    });
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
