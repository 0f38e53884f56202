/** A file of a context as its client describes it, checked: names of strangers are the paths of files here. */
import { EngineError } from '../../errors/engine-error.ts';
import type { Stat } from '../../wire/buildkit/session-messages.ts';
import { type FileKind, kindOfMode } from './go-mode.ts';

export interface ContextEntry {
  /** Relative, with slashes, clean. */
  path: string;
  kind: FileKind;
  /** Go's bits. */
  mode: number;
  size: number;
  /** Nanoseconds since 1970, in decimal. */
  modTime: string;
  /** A link's target; of a file, the path of the file that it is another name of. */
  linkname: string;
}

/** What a client has said of its files so far. */
export class ContextListing {
  readonly #entries = new Map<string, ContextEntry>();
  readonly #order: ContextEntry[] = [];

  /** By path. */
  get entries(): ReadonlyMap<string, ContextEntry> {
    return this.#entries;
  }

  /** In the client's order: its number there is an entry's ID. */
  get order(): readonly ContextEntry[] {
    return this.#order;
  }

  /**
   * EngineError `invalid-argument` for a path that leaves the context, comes twice, or lies in what is no directory that was named before: so
   * whoever creates the entries in this order never follows a link.
   */
  add(stat: Stat): ContextEntry {
    const path = checkedPath(stat.path);
    const entry: ContextEntry = {
      path,
      kind: kindOfMode(stat.mode),
      mode: stat.mode,
      size: stat.size,
      modTime: String(stat.modTime),
      linkname: stat.linkname,
    };
    this.#check(entry);
    this.#entries.set(path, entry);
    this.#order.push(entry);
    return entry;
  }

  #check(entry: ContextEntry): void {
    if (this.#entries.has(entry.path)) throw bad(entry.path, 'it is there twice');
    const slash = entry.path.lastIndexOf('/');
    if (slash > 0 && this.#entries.get(entry.path.slice(0, slash))?.kind !== 'directory') {
      throw bad(entry.path, 'what it lies in is no directory');
    }
    if (entry.linkname.includes('\0')) throw bad(entry.path, 'its link has a zero byte');
    if (entry.kind !== 'file' || entry.linkname === '') return;
    const target = this.#entries.get(checkedPath(entry.linkname));
    if (target?.kind !== 'file')
      throw bad(entry.path, `it is another name of ${entry.linkname}, which is no file`);
  }
}

function checkedPath(path: string): string {
  const parts = path.split('/');
  const isBad = parts.some((part) => part === '' || part === '.' || part === '..') || path.includes('\0');
  if (isBad) throw bad(path, 'it is no clean path within the context');
  return path;
}

function bad(path: string, why: string): EngineError {
  return new EngineError(
    'invalid-argument',
    `the build context has a path that is not taken: ${JSON.stringify(path)}: ${why}`,
  );
}

/** Is what lies here by the one entry what the other describes? */
export function isSameEntry(one: ContextEntry, other: ContextEntry): boolean {
  if (one.kind !== other.kind || one.mode !== other.mode || one.linkname !== other.linkname) return false;
  /* A directory's size and time change with what is in it, which has entries of its own. */
  if (one.kind === 'directory') return true;
  return one.size === other.size && one.modTime === other.modTime;
}
