/** Writes what a source selected into the target's file system, in the way of BuildKit's COPY. For a worker thread. */
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { placeIn } from '../../engine/archive/view-remove.ts';
import { type Located, pathOf, topOf, type ViewTree } from '../../engine/archive/view-tree.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { TreeDirectory } from '../../snapshots/archive/tree-directory.ts';
import { baseOf, joinPath, parentOf } from '../../snapshots/layer-tree.ts';
import type { ModeChange } from '../dockerfile/file-mode.ts';
import { copyContent } from './copy-file.ts';
import type { FilesQuestion, Owner } from './files-messages.ts';
import { readable } from './source-filter.ts';
import type { SourceEntry } from './walk-source.ts';

export interface WriterOptions {
  tree: ViewTree;
  /** Undefined for whom the source says. */
  owner: Owner | undefined;
  chmod: ModeChange | undefined;
  /** Seconds; of what has no time of its own. */
  createdAt: number;
  /** Paths of directories that were made for others to be in: their times are set when all is there. */
  made: Set<string>;
  /** Throws where it can't be done. */
  operate(operation: FilesQuestion): void;
}

interface OpenDirectory {
  relative: string;
  directory: TreeDirectory;
  /** Seconds; undefined where it is left alone. */
  mtime: number | undefined;
}

/** Where a file with several names was copied to first. */
interface FirstName {
  path: string;
  ino: bigint;
}

export class CopyWriter {
  readonly #options: WriterOptions;
  readonly #links = new Map<string, FirstName>();
  /** From what was selected down to where the last entry went. */
  #stack: OpenDirectory[] = [];
  entries = 0;
  bytes = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** What comes next is below this directory, which stays as it is but for what is put there; or is it, under `name`. Takes neither. */
  begin(directory: TreeDirectory): void {
    this.end();
    this.#stack = [{ relative: '', directory: directory.retain(), mtime: undefined }];
  }

  /** Everything of what was begun is there. */
  end(): void {
    while (this.#stack.length > 0) this.#leave();
  }

  /** An entry whose path below what was begun is `relative`. Errors in BuildKit's words. */
  write(entry: SourceEntry, relative: string): void {
    while (this.#top().relative !== parentOf(relative)) this.#leave();
    const { directory } = this.#top();
    const name = baseOf(relative);
    const { stats } = entry;
    this.entries += 1;
    if (stats.isDirectory()) this.#directory(directory, name, relative, entry);
    else if (stats.isFile()) this.#file(directory, name, entry);
    else if (stats.isSymbolicLink()) this.#symlink(directory, name, entry);
    else this.#node(directory, name, stats);
  }

  /** A here-document. */
  writeInline(directory: TreeDirectory, name: string, content: Uint8Array): void {
    const place = this.#free(directory, name);
    const descriptor = openSync(place, 'wx', 0o600);
    try {
      for (let done = 0; done < content.length; ) done += writeSync(descriptor, content, done);
    } finally {
      closeSync(descriptor);
    }
    this.entries += 1;
    this.bytes += content.length;
    this.#own(place, this.#options.owner ?? { uid: 0, gid: 0 });
    chmodSync(place, this.#mode(0o644, false));
    lutimesSync(place, this.#options.createdAt, this.#options.createdAt);
  }

  /** Makes a directory of the destination that is missing. */
  makeParent(directory: TreeDirectory, name: string): void {
    const place = placeIn(directory, name);
    mkdirSync(place, 0o755);
    chmodSync(place, 0o755);
    this.#own(place, this.#options.owner ?? { uid: 0, gid: 0 });
    this.#options.made.add(joinPath(directory.relative, name));
  }

  #top(): OpenDirectory {
    const top = this.#stack.at(-1);
    if (top === undefined) throw new EngineError('internal', 'a copy without a place');
    return top;
  }

  #leave(): void {
    const top = this.#stack.pop();
    if (top === undefined) return;
    // Whatever was written in it has changed its time.
    if (top.mtime !== undefined) utimesSync(placeIn(top.directory, '.'), top.mtime, top.mtime);
    top.directory.release();
  }

  #directory(parent: TreeDirectory, name: string, relative: string, entry: SourceEntry): void {
    const place = placeIn(parent, name);
    const there = parent.stat(name);
    if (there !== undefined && !there.isDirectory())
      throw new EngineError('invalid-argument', `cannot copy to non-directory: ${shown(parent, name)}`);
    if (there === undefined) mkdirSync(place, 0o700);
    const directory = parent.child(name);
    if (directory === undefined) throw new EngineError('internal', `${shown(parent, name)} went away`);
    this.#stack.push({ relative, directory, mtime: seconds(entry.stats) });
    this.#own(place, this.#ownerOf(entry.stats));
    chmodSync(place, this.#mode(Number(entry.stats.mode), true));
    this.#attributes(directory.publicPath, entry);
  }

  #file(parent: TreeDirectory, name: string, entry: SourceEntry): void {
    const place = this.#free(parent, name);
    if (entry.stats.nlink > 1n && this.#link(place, entry.stats)) return;
    const node = entry.directory.openNode(entry.name);
    if (node?.descriptor === undefined) {
      if (node !== undefined)
        throw new EngineError('conflict', `${entry.name} was changed while it was copied`);
      return;
    }
    const { descriptor, stats } = node;
    try {
      const size = Number(stats.size);
      copyContent({ descriptor, size, stored: Number(stats.blocks) * 512 }, place);
      this.bytes += size;
    } finally {
      closeSync(descriptor);
    }
    this.#own(place, this.#ownerOf(stats));
    chmodSync(place, this.#mode(Number(stats.mode), false));
    if ((entry.attributes?.size ?? 0) > 0) this.#fileAttributes(place, entry);
    lutimesSync(place, seconds(stats), seconds(stats));
    if (stats.nlink > 1n) this.#remember(parent, name, stats);
  }

  #symlink(parent: TreeDirectory, name: string, { directory, name: from, stats }: SourceEntry): void {
    const target = directory.readLink(from);
    if (target === undefined) return;
    const place = this.#free(parent, name);
    symlinkSync(target, place);
    this.#own(place, this.#ownerOf(stats));
    lutimesSync(place, seconds(stats), seconds(stats));
  }

  /** Devices and pipes. */
  #node(parent: TreeDirectory, name: string, stats: BigIntStats): void {
    const place = this.#free(parent, name);
    const mode = Number(stats.mode);
    const numbers = stats.isFIFO() ? { major: 0, minor: 0 } : deviceNumbers(stats.rdev);
    this.#options.operate({ kind: 'mknod', directory: parent.publicPath, name, mode, ...numbers });
    this.#own(place, this.#ownerOf(stats));
    chmodSync(place, this.#mode(mode, false));
    lutimesSync(place, seconds(stats), seconds(stats));
  }

  /** Takes away what a file replaces. */
  #free(parent: TreeDirectory, name: string): Buffer {
    const place = placeIn(parent, name);
    const there = parent.stat(name);
    if (there?.isDirectory() === true)
      throw new EngineError(
        'invalid-argument',
        `cannot replace to directory ${shown(parent, name)} with file`,
      );
    if (there !== undefined) unlinkSync(place);
    return place;
  }

  /** True where it is another name of what was copied before, which is still there. */
  #link(place: Buffer, stats: BigIntStats): boolean {
    const first = this.#links.get(`${stats.dev}:${stats.ino}`);
    if (first === undefined) return false;
    const { root } = this.#options.tree;
    if (root.stat(first.path)?.ino !== first.ino) return false;
    linkSync(placeIn(root, first.path), place);
    return true;
  }

  #remember(parent: TreeDirectory, name: string, stats: BigIntStats): void {
    const ino = parent.stat(name)?.ino;
    const path = joinPath(parent.relative, name);
    if (ino !== undefined) this.#links.set(`${stats.dev}:${stats.ino}`, { path, ino });
  }

  #fileAttributes(place: Buffer, entry: SourceEntry): void {
    const descriptor = openSync(place, 'r');
    try {
      this.#attributes(`/proc/${process.pid}/fd/${descriptor}`, entry);
    } finally {
      closeSync(descriptor);
    }
  }

  #attributes(file: string, { attributes }: SourceEntry): void {
    for (const [name, value] of attributes ?? [])
      this.#options.operate({ kind: 'setxattr', file, name, value });
  }

  #ownerOf({ uid, gid }: BigIntStats): Owner {
    return this.#options.owner ?? { uid: Number(uid), gid: Number(gid) };
  }

  #own(place: Buffer, { uid, gid }: Owner): void {
    lchownSync(place, uid, gid);
  }

  #mode(mode: number, isDirectory: boolean): number {
    const bits = mode & 0o7777;
    return this.#options.chmod?.(bits, isDirectory) ?? bits;
  }
}

/** `located` is a directory, or missing in part; what is missing is made. EngineError in BuildKit's words where it is something else. */
export function enterDirectory(writer: CopyWriter, located: Located): TreeDirectory {
  if (located.name !== undefined)
    throw new EngineError('invalid-argument', `cannot copy to non-directory: ${readable(pathOf(located))}`, {
      hint: 'name another destination, or remove what stands there first',
    });
  for (let name = located.missing.shift(); name !== undefined; name = located.missing.shift()) {
    const top = topOf(located);
    writer.makeParent(top, name);
    const child = top.child(name);
    if (child === undefined) throw new EngineError('internal', `${shown(top, name)} went away`);
    located.stack.push(child);
  }
  return topOf(located);
}

/** Never rounded up: an archive has whole seconds. */
function seconds({ mtimeNs }: BigIntStats): number {
  return Math.floor(Number(mtimeNs / 1000n)) / 1e6;
}

/** Linux's encoding of device numbers in stat(2) (glibc, gnu_dev_major(3)). */
function deviceNumbers(rdev: bigint): { major: number; minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)),
  };
}

function shown({ relative }: TreeDirectory, name: string): string {
  return readable(`/${relative === '' ? '' : `${relative}/`}${name}`);
}
