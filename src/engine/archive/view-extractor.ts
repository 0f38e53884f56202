/** Writes the members of a tar into a container's file system, with synchronous calls: meant for a worker thread. */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { posix } from 'node:path';
import { EngineError, errnoOf } from '../../errors/engine-error.ts';
import type { TreeDirectory } from '../../snapshots/archive/tree-directory.ts';
import type { TarEntry, Timestamp } from '../../util/tar/tar-entry.ts';
import type { TarHandler } from '../../util/tar/tar-reader.ts';
import type { ViewOperation } from './view-messages.ts';
import { placeIn, removeAt } from './view-remove.ts';
import {
  type Located,
  makeMissing,
  notDirectory,
  pathOf,
  release,
  topOf,
  type ViewTree,
} from './view-tree.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
/** open(2): a descriptor that only names a file. */
const pathOnly = 0o10000000;
/** Of mknod(2). */
const typeBits = { char: 0o020000, block: 0o060000, fifo: 0o010000 } as const;
/** Attributes that would steer the overlay itself. */
const forbiddenXattrs = /^(trusted|user)\.overlay\./;
/** A container that puts something in the way again and again is given up on. */
const attempts = 5;

export interface ExtractorOptions {
  tree: ViewTree;
  /** The directory to write into. */
  destination: Located;
  noOverwriteDirNonDir: boolean;
  owner: { uid: number; gid: number } | undefined;
  /** Does what only the launcher can, at once. Throws where that fails, but for attributes that the file system does not take. */
  operate(operation: ViewOperation): void;
}

interface OpenFile {
  descriptor: number;
  entry: TarEntry;
  end: number;
}

export class ViewExtractor implements TarHandler {
  readonly #options: ExtractorOptions;
  readonly #directoryTimes = new Map<string, Timestamp>();
  /** Where the last member went: the next one is often beside it. */
  #parent: { path: string; located: Located } | undefined;
  #file: OpenFile | undefined;

  constructor(options: ExtractorOptions) {
    this.#options = options;
  }

  entry(entry: TarEntry): void {
    const path = this.#memberPath(entry.name);
    if (path === '') return;
    const parent = this.#parentOf(path);
    const name = posix.basename(path);
    const exists = this.#makeRoom(parent, name, entry);
    switch (entry.type) {
      case 'directory':
        this.#makeDirectory(parent, name, path, entry, exists);
        break;
      case 'file':
        this.#openFile(parent, name, entry);
        break;
      case 'symlink':
        this.#create(parent, name, (place) => symlinkSync(entry.link, place));
        this.#dress(parent, name, entry);
        break;
      case 'link':
        this.#makeLink(parent, name, entry);
        break;
      case 'char':
      case 'block':
      case 'fifo':
        this.#makeNode(parent, name, entry, typeBits[entry.type]);
        break;
    }
  }

  data(chunk: Buffer, offset: number): void {
    const file = this.#file;
    if (file === undefined) return;
    for (let done = 0; done < chunk.length; )
      done += writeSync(file.descriptor, chunk, done, chunk.length - done, offset + done);
    file.end = Math.max(file.end, offset + chunk.length);
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    const { descriptor, entry } = file;
    try {
      const { uid, gid } = this.#ownerOf(entry);
      if (file.end < entry.size) ftruncateSync(descriptor, entry.size);
      fchownSync(descriptor, uid, gid);
      fchmodSync(descriptor, entry.mode);
      this.#setXattrs(`/proc/${process.pid}/fd/${descriptor}`, entry);
      futimesSync(descriptor, toSeconds(entry.mtime), toSeconds(entry.mtime));
    } finally {
      closeSync(descriptor);
    }
  }

  /** What was written into directories has changed their times. */
  finish(): void {
    for (const [path, time] of this.#directoryTimes) {
      const { tree, destination } = this.#options;
      const located = tree.locateFrom(destination.stack, path, false);
      if (located.name === undefined && located.missing.length === 0)
        utimesSync(placeIn(topOf(located), '.'), toSeconds(time), toSeconds(time));
      release(located);
    }
    this.close();
  }

  /** Gives up what is open. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor);
    this.#file = undefined;
    if (this.#parent !== undefined) release(this.#parent.located);
    this.#parent = undefined;
  }

  /** Relative and clean; '' for the destination itself. */
  #memberPath(bytes: Buffer): string {
    const name = bytes.toString('latin1').replace(/^\/+/, '');
    const path = posix.normalize(name === '' ? '.' : name).replace(/\/$/, '');
    if (path === '..' || path.startsWith('../')) {
      const at = JSON.stringify(pathOf(this.#options.destination));
      throw new EngineError('invalid-argument', `${JSON.stringify(path)} is outside of ${at}`);
    }
    return path === '.' ? '' : path;
  }

  /** The directory that is to hold `path`, made where it is missing. It stays open until the next call. */
  #parentOf(path: string): TreeDirectory {
    const wanted = posix.dirname(path);
    if (this.#parent?.path === wanted) return topOf(this.#parent.located);
    const { tree, destination } = this.#options;
    const before = this.#parent;
    const isBelow = before !== undefined && wanted.startsWith(`${before.path}/`);
    const located = isBelow
      ? tree.locateFrom(before.located.stack, wanted.slice(before.path.length + 1), true)
      : tree.locateFrom(destination.stack, wanted, true);
    this.#parent = { path: wanted, located };
    if (before !== undefined) release(before.located);
    if (located.name !== undefined) throw notDirectory(pathOf(located));
    makeMissing(located, (directory, one) => {
      this.#create(directory, one, (place) => mkdirSync(place, 0o755));
    });
    return topOf(located);
  }

  /** Takes away what the member replaces. True where a directory stays for a directory. */
  #makeRoom(parent: TreeDirectory, name: string, { type }: TarEntry): boolean {
    const stats = parent.stat(name);
    if (stats === undefined) return false;
    const isDirectory = stats.isDirectory();
    const wantsDirectory = type === 'directory';
    if (isDirectory && wantsDirectory) return true;
    if (this.#options.noOverwriteDirNonDir && isDirectory !== wantsDirectory) {
      const [there, comes] = isDirectory ? ['directory', 'non-directory'] : ['non-directory', 'directory'];
      const place = JSON.stringify(`/${parent.relative}/${name}`.replace('//', '/'));
      const destination = JSON.stringify(pathOf(this.#options.destination));
      throw new EngineError(
        'invalid-argument',
        `cannot overwrite ${there} ${place} with ${comes} ${destination}`,
      );
    }
    removeAt(parent, name);
    return false;
  }

  /** Runs `make`, which fails where something has that name: that is taken away, but not for ever. */
  #create<T>(parent: TreeDirectory, name: string, make: (place: Buffer) => T): T {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return make(placeIn(parent, name));
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST' || attempt === attempts) throw error;
        removeAt(parent, name);
      }
    }
  }

  #makeDirectory(parent: TreeDirectory, name: string, path: string, entry: TarEntry, exists: boolean): void {
    if (!exists) this.#create(parent, name, (place) => mkdirSync(place, 0o700));
    const directory = parent.child(name);
    if (directory === undefined) throw changed(parent, name);
    try {
      const { uid, gid } = this.#ownerOf(entry);
      const self = placeIn(directory, '.');
      chownSync(self, uid, gid);
      chmodSync(self, entry.mode);
      this.#setXattrs(directory.publicPath, entry);
    } finally {
      directory.release();
    }
    this.#directoryTimes.set(path, entry.mtime);
  }

  #openFile(parent: TreeDirectory, name: string, entry: TarEntry): void {
    const flags = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW;
    const descriptor = this.#create(parent, name, (place) => openSync(place, flags, 0o600));
    this.#file = { descriptor, entry, end: 0 };
  }

  #makeLink(parent: TreeDirectory, name: string, entry: TarEntry): void {
    const target = this.#memberPath(entry.link);
    const { tree, destination } = this.#options;
    const located = tree.locateFrom(destination.stack, posix.dirname(target), true);
    try {
      if (located.missing.length > 0 || located.name !== undefined)
        throw new EngineError('invalid-argument', `link ${target}: no such file or directory`);
      const source = placeIn(topOf(located), posix.basename(target));
      this.#create(parent, name, (place) => linkSync(source, place));
    } finally {
      release(located);
    }
  }

  #makeNode(parent: TreeDirectory, name: string, entry: TarEntry, bits: number): void {
    const isFifo = entry.type === 'fifo';
    this.#options.operate({
      kind: 'mknod',
      directory: parent.publicPath,
      name: Buffer.from(name, 'latin1'),
      mode: bits | 0o600,
      major: isFifo ? 0 : entry.major,
      minor: isFifo ? 0 : entry.minor,
    });
    this.#dress(parent, name, entry);
  }

  /** Owner, mode and time of what was made, and of nothing that took its place meanwhile. */
  #dress(parent: TreeDirectory, name: string, entry: TarEntry): void {
    const named = openSync(placeIn(parent, name), pathOnly | O_NOFOLLOW);
    try {
      if (!isOfType(named, entry)) throw changed(parent, name);
      const self = `/proc/self/fd/${named}`;
      const { uid, gid } = this.#ownerOf(entry);
      chownSync(self, uid, gid);
      if (entry.type !== 'symlink') chmodSync(self, entry.mode);
      utimesSync(self, toSeconds(entry.mtime), toSeconds(entry.mtime));
    } finally {
      closeSync(named);
    }
  }

  #ownerOf({ uid, gid }: TarEntry): { uid: number; gid: number } {
    return this.#options.owner ?? { uid, gid };
  }

  #setXattrs(file: string, { xattrs }: TarEntry): void {
    for (const [name, value] of xattrs) {
      if (!forbiddenXattrs.test(name)) this.#options.operate({ kind: 'setxattr', file, name, value });
    }
  }
}

function isOfType(descriptor: number, { type, major, minor }: TarEntry): boolean {
  const stats = fstatSync(descriptor);
  if (type === 'symlink') return stats.isSymbolicLink();
  if (type === 'fifo') return stats.isFIFO();
  const isType = type === 'char' ? stats.isCharacterDevice() : stats.isBlockDevice();
  return isType && stats.rdev === deviceNumber(major, minor);
}

/** Linux's encoding in stat(2), of which 32 bits are in use. */
function deviceNumber(major: number, minor: number): number {
  return (minor & 0xff) + (major & 0xfff) * 0x100 + (minor >>> 8) * 0x100000;
}

function changed(parent: TreeDirectory, name: string): EngineError {
  return new EngineError('conflict', `/${parent.relative}/${name} was changed while it was written`);
}

function toSeconds(time: Timestamp): number {
  return time.seconds + time.nanoseconds / 1e9;
}
