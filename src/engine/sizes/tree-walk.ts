/** How much room a directory takes, counted a slice at a time: for a thread that counts many. */
import { type Dir, lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';

/** Bytes of the files below a directory, as `du --apparent-size` counts them: hard links once, directories not, nothing that another file system has. */
export class TreeWalk {
  total = 0;
  readonly #pending: string[];
  readonly #seen = new Set<string>();
  readonly #device: number | undefined;
  #directory: { path: string; entries: Dir } | undefined;

  constructor(root: string) {
    const facts = lstatSync(root, { throwIfNoEntry: false });
    this.#device = facts?.dev;
    /* A link in its place leads to what is somebody else's. */
    this.#pending = facts?.isDirectory() === true ? [root] : [];
  }

  /** Looks at up to `entries` more. True while there may be others. What vanishes meanwhile counts nothing. */
  advance(entries: number): boolean {
    for (let left = entries; left > 0; left--) {
      const entry = this.#next();
      if (entry === undefined) return false;
      this.#count(entry);
    }
    return true;
  }

  #next(): string | undefined {
    for (;;) {
      this.#directory ??= this.#open();
      if (this.#directory === undefined) return undefined;
      const { path, entries } = this.#directory;
      const entry = attempt(() => entries.readSync());
      if (entry !== undefined && entry !== null) return join(path, entry.name);
      attempt(() => entries.closeSync());
      this.#directory = undefined;
    }
  }

  #open(): { path: string; entries: Dir } | undefined {
    for (let path = this.#pending.pop(); path !== undefined; path = this.#pending.pop()) {
      const place = path;
      const entries = attempt(() => opendirSync(place, { bufferSize: 256 }));
      if (entries !== undefined) return { path, entries };
    }
    return undefined;
  }

  #count(path: string): void {
    const facts = attempt(() => lstatSync(path, { throwIfNoEntry: false }));
    if (facts === undefined || facts.dev !== this.#device) return;
    if (facts.isDirectory()) {
      this.#pending.push(path);
      return;
    }
    const inode = `${facts.ino}`;
    if (facts.nlink > 1 && this.#seen.has(inode)) return;
    if (facts.nlink > 1) this.#seen.add(inode);
    this.total += facts.size;
  }
}

/** Undefined where it can't be done: gone, or no directory any more. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
