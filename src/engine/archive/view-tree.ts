/** Finds paths in a container's file system, step by step by open directories: links lead within the root only, whatever the container does meanwhile. */
import { type BigIntStats, chmodSync } from 'node:fs';
import { posix } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import { TreeDirectory } from '../../snapshots/archive/tree-directory.ts';
import { joinPath } from '../../snapshots/layer-tree.ts';

/** As many links as the kernel follows (path_resolution(7)). */
const maxLinks = 40;

/** What a path leads to. Names are bytes as `latin1`. Whoever takes it calls `release`. */
export interface Located {
  /** From the root to the directory that holds `name`; where there is no name, the last is what was found. */
  stack: TreeDirectory[];
  /** Of what is no directory. */
  name: string | undefined;
  stats: BigIntStats | undefined;
  /** Names, from the last of `stack` on, of which the first is not there. */
  missing: string[];
}

export function release(located: Pick<Located, 'stack'>): void {
  for (const directory of located.stack.splice(0)) directory.release();
}

/** The last directory of a stack. */
export function topOf({ stack }: Pick<Located, 'stack'>): TreeDirectory {
  const top = stack.at(-1);
  if (top === undefined) throw new EngineError('internal', 'a path without a root');
  return top;
}

/** The path that was found, absolute, without links. */
export function pathOf({ stack, name, missing }: Located): string {
  const found = [stack.at(-1)?.relative ?? '', name ?? '', ...missing].filter((part) => part !== '');
  return `/${found.join('/')}`;
}

export function notDirectory(path: string): EngineError {
  return new EngineError('invalid-argument', `${path}: not a directory`);
}

/** One search: what is left of the path, and how far it has come. */
class Search {
  readonly #followLast: boolean;
  readonly #path: string;
  #pending: string[];
  #links = 0;
  readonly found: Located;

  constructor(stack: TreeDirectory[], path: string, followLast: boolean) {
    this.#followLast = followLast;
    this.#path = path;
    this.#pending = path.split('/').reverse();
    this.found = { stack: stack.map((one) => one.retain()), name: undefined, stats: undefined, missing: [] };
  }

  run(): Located {
    try {
      for (let part = this.#pending.pop(); part !== undefined; part = this.#pending.pop()) this.#step(part);
      if (this.found.name === undefined && this.found.missing.length === 0)
        this.found.stats = topOf(this.found).self();
      return this.found;
    } catch (error) {
      release(this.found);
      throw error;
    }
  }

  #step(part: string): void {
    const { found } = this;
    if (found.name !== undefined) throw notDirectory(this.#path);
    if (part === '' || part === '.') return;
    if (part === '..') this.#up();
    else if (found.missing.length > 0) found.missing.push(part);
    else this.#down(part);
  }

  /** The root is its own parent. */
  #up(): void {
    const { stack, missing } = this.found;
    if (missing.length > 0) missing.pop();
    else if (stack.length > 1) stack.pop()?.release();
  }

  #down(part: string): void {
    const top = topOf(this.found);
    const stats = top.stat(part);
    if (stats?.isSymbolicLink() === true && (this.#pending.length > 0 || this.#followLast)) {
      this.#follow(top, part);
      return;
    }
    const child = stats?.isDirectory() === true ? top.child(part) : undefined;
    if (child !== undefined) this.found.stack.push(child);
    else if (stats === undefined || stats.isDirectory()) this.found.missing.push(part);
    else {
      this.found.name = part;
      this.found.stats = stats;
    }
  }

  #follow(top: TreeDirectory, part: string): void {
    this.#links += 1;
    if (this.#links > maxLinks)
      throw new EngineError('invalid-argument', `${this.#path}: too many levels of symbolic links`);
    const target = top.readLink(part)?.toString('latin1') ?? '';
    if (target === '') {
      this.found.missing.push(part);
      return;
    }
    if (target.startsWith('/')) for (const one of this.found.stack.splice(1)) one.release();
    this.#pending.push(...target.split('/').reverse());
  }
}

/** A path as bytes, cleaned as Docker does before it looks: `..` cannot leave the root, and a slash or `/.` at the end stays. */
export function cleanPath(path: string): string {
  const bytes = Buffer.from(path).toString('latin1');
  const clean = posix.normalize(`/${bytes}`).replace(/(.)\/$/, '$1');
  if (/(^|\/)\.$/.test(bytes)) return clean === '/' ? '/.' : `${clean}/.`;
  return bytes.endsWith('/') && clean !== '/' ? `${clean}/` : clean;
}

/** A container's whole file system. */
export class ViewTree {
  readonly root: TreeDirectory;

  /** `path` is followed: it may lead through /proc. */
  constructor(path: string) {
    this.root = TreeDirectory.open(`${path}/.`, true);
  }

  /** `path` as bytes. A link at its end is followed where `followLast`, or where a slash stands behind it. */
  locate(path: string, followLast: boolean): Located {
    return this.locateFrom([this.root], path, followLast);
  }

  /** From a directory below the root, of which `stack` is the way; an absolute path begins there too. */
  locateFrom(stack: TreeDirectory[], path: string, followLast: boolean): Located {
    return new Search(stack, path, followLast).run();
  }
}

/** Makes the directories that are missing, for everybody to enter. The stack then leads to the last one. */
export function makeMissing(located: Located, make: (directory: TreeDirectory, name: string) => void): void {
  for (let name = located.missing.shift(); name !== undefined; name = located.missing.shift()) {
    const top = topOf(located);
    make(top, name);
    const child = top.child(name);
    if (child === undefined)
      throw new EngineError('conflict', `${joinPath(top.relative, name)} was changed while it was written`);
    located.stack.push(child);
    // Of what was opened, whatever has that name by now, and whatever the daemon's umask.
    chmodSync(`${child.publicPath}/.`, 0o755);
  }
}
