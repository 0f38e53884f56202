/** Turns a copy of a context into what its client has now: takes away what is gone, and creates what is new. */
import { chmod, link, lutimes, mkdir, open, rm, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContextEntry } from './context-entry.ts';
import { isSameEntry } from './context-entry.ts';
import { permissionsOfMode } from './go-mode.ts';

/** What differs between a copy and its client's files. Of an entry that changed, both the old and the new one are here. */
export interface ContextChanges {
  /** Paths to take away, children before what they lie in. */
  removed: string[];
  /** In the client's order, with their IDs. */
  added: Array<{ id: number; entry: ContextEntry }>;
}

export function changesBetween(
  before: ReadonlyMap<string, ContextEntry>,
  now: { entries: ReadonlyMap<string, ContextEntry>; order: readonly ContextEntry[] },
): ContextChanges {
  const isKept = (entry: ContextEntry): boolean => {
    const old = before.get(entry.path);
    return old !== undefined && isSameEntry(old, entry) && isLinkKept(entry);
  };
  /* Another name of a file that is written anew has to be made anew, too. */
  const isLinkKept = (entry: ContextEntry): boolean => {
    if (entry.kind !== 'file' || entry.linkname === '') return true;
    const target = now.entries.get(entry.linkname);
    return target !== undefined && isKept(target);
  };
  const removed: string[] = [];
  for (const [path, old] of before) {
    const entry = now.entries.get(path);
    if (entry === undefined || !isKept(entry)) {
      if (!(old.kind === 'directory' && entry?.kind === 'directory')) removed.push(path);
    }
  }
  const added = now.order.flatMap((entry, id) => (isKept(entry) ? [] : [{ id, entry }]));
  return { removed: removed.reverse(), added };
}

/** Writes below one directory, which nobody else writes to, and in which every name is one of `ContextListing`. */
export class ContextWriter {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async remove(path: string): Promise<void> {
    await rm(this.#at(path), { force: true, recursive: true });
  }

  /** Everything but a file's content; resolves with an open file where that is still to come. */
  async create(entry: ContextEntry): Promise<IncomingFile | undefined> {
    const path = this.#at(entry.path);
    if (entry.kind === 'directory') {
      await mkdir(path, { recursive: true });
      await chmod(path, permissionsOfMode(entry.mode));
      return undefined;
    }
    if (entry.kind === 'symlink') {
      await symlink(entry.linkname, path);
      await lutimes(path, secondsOf(entry), secondsOf(entry));
      return undefined;
    }
    /* Sockets, pipes and devices are no part of a context. */
    if (entry.kind === 'other') return undefined;
    if (entry.linkname !== '') {
      await link(this.#at(entry.linkname), path);
      return undefined;
    }
    return new IncomingFile(path, entry);
  }

  #at(path: string): string {
    return join(this.#root, path);
  }
}

/** A file whose content comes in pieces. It is there once `finish` has resolved. */
export class IncomingFile {
  readonly #path: string;
  readonly #entry: ContextEntry;
  #pieces: Buffer[] = [];
  #held = 0;
  #handle: Awaited<ReturnType<typeof open>> | undefined;

  constructor(path: string, entry: ContextEntry) {
    this.#path = path;
    this.#entry = entry;
  }

  /** Pieces of small files are kept, and written at once at the end. */
  async write(piece: Buffer): Promise<void> {
    this.#pieces.push(piece);
    this.#held += piece.length;
    if (this.#held >= 1024 * 1024) await this.#flush();
  }

  async finish(): Promise<void> {
    try {
      await this.#flush();
      const handle = this.#handle;
      await handle?.utimes(secondsOf(this.#entry), secondsOf(this.#entry));
      await handle?.chmod(permissionsOfMode(this.#entry.mode));
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #flush(): Promise<void> {
    const data = this.#pieces;
    this.#pieces = [];
    this.#held = 0;
    this.#handle ??= await open(this.#path, 'wx', 0o600);
    if (data.length > 0) await this.#handle.writev(data);
  }
}

function secondsOf(entry: ContextEntry): number {
  return Number(entry.modTime) / 1e9;
}

/** Times of directories, after all that is in them has been written. */
export async function settleDirectories(root: string, entries: Iterable<ContextEntry>): Promise<void> {
  for (const entry of entries) {
    if (entry.kind === 'directory') await utimes(join(root, entry.path), secondsOf(entry), secondsOf(entry));
  }
}
