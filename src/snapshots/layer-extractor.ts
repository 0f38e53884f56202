/** Writes the members of a layer's tar into its directory, with synchronous calls: meant for a worker thread. */
import {
  chmodSync,
  chownSync,
  closeSync,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { errnoOf } from '../errors/engine-error.ts';
import type { FileOperation } from '../host/launcher-types.ts';
import type { TarEntry, Timestamp } from '../util/tar/tar-entry.ts';
import type { TarHandler } from '../util/tar/tar-reader.ts';
import { DeferredNodes, fileTypeBits } from './deferred-nodes.ts';
import { baseOf, joinPath, LayerTree, parentOf } from './layer-tree.ts';

const whiteoutPrefix = '.wh.';
const opaqueWhiteout = '.wh..wh..opq';
/** Other names with this prefix are aufs's own bookkeeping (OCI image-spec, layer.md). */
const metaPrefix = '.wh..wh.';

/** Attributes that would let an image steer the overlay itself. */
const forbiddenXattrs = /^(trusted|user)\.overlay\./;

const setGroupId = 0o2000;
const [ownUid, ownGid] = [process.getuid?.() ?? -1, process.getgid?.() ?? -1];
const umask = process.umask();

/** Does a file that is made with this mode have it? */
function isPlainMode(mode: number): boolean {
  return (mode & 0o7000) === 0 && (mode & umask) === 0;
}

interface OpenFile {
  descriptor: number;
  entry: TarEntry;
  path: string;
  /** Bytes that were written; less than the size where there are holes. */
  written: number;
  end: number;
}

export class LayerExtractor implements TarHandler {
  readonly #root: string;
  readonly #tree = new LayerTree();
  readonly #deferred = new DeferredNodes();
  #file: OpenFile | undefined;
  #size = 0;
  /** What is made in a directory with the set-group-ID bit has that directory's group. */
  #inheritsGroups = false;

  /** `root` is an empty directory that nobody else writes to. */
  constructor(root: string) {
    this.#root = root;
  }

  /** Bytes of file data written. */
  get size(): number {
    return this.#size;
  }

  /** Directories that hide what the layers below have in them. Known after `nodeOperations`. */
  get opaqueDirectories(): string[] {
    return [...this.#deferred.opaque];
  }

  entry(entry: TarEntry): void {
    const path = this.#tree.locate(entry.name.toString('latin1'));
    if (baseOf(path).startsWith(whiteoutPrefix)) {
      this.#whiteout(path);
      return;
    }
    if (path !== '') this.#ensureDirectory(parentOf(path));
    this.#make(path, entry);
    this.#keepXattrs(path, entry);
  }

  data(chunk: Buffer, offset: number): void {
    const file = this.#file;
    if (file === undefined) return;
    let done = 0;
    while (done < chunk.length)
      done += writeSync(file.descriptor, chunk, done, chunk.length - done, offset + done);
    file.written += chunk.length;
    file.end = Math.max(file.end, offset + chunk.length);
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    const { descriptor, entry, path } = file;
    try {
      if (file.end < entry.size) ftruncateSync(descriptor, entry.size);
      const owned = this.#isOwn(entry);
      if (!owned) fchownSync(descriptor, entry.uid, entry.gid);
      // A change of the owner takes setuid bits away.
      if (!owned || !isPlainMode(entry.mode)) fchmodSync(descriptor, entry.mode);
      futimesSync(descriptor, toSeconds(entry.mtime), toSeconds(entry.mtime));
      this.#keepExactTime(path, entry.mtime);
    } finally {
      closeSync(descriptor);
    }
    this.#size += file.written;
  }

  /** Gives up; no descriptor stays open. */
  abort(): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  /** Devices and whiteouts, to be made now that all files are there. */
  nodeOperations(): FileOperation[] {
    for (const path of this.#deferred.whiteouts) this.#ensureDirectory(parentOf(path));
    return this.#deferred.nodeOperations((path) => this.#kindOf(path));
  }

  /** To be called when those are made: hard links to them, their owners, and the directories' times. Returns what is left to do. */
  finish(): FileOperation[] {
    for (const [path, target] of this.#deferred.links) linkSync(this.#absolute(target), this.#absolute(path));
    for (const [path, device] of this.#deferred.devices) {
      const absolute = this.#absolute(path);
      lchownSync(absolute, device.uid, device.gid);
      chmodSync(absolute, device.mode & 0o7777);
      lutimesSync(absolute, toSeconds(device.mtime), toSeconds(device.mtime));
      this.#keepExactTime(path, device.mtime);
    }
    for (const [path, time] of this.#deferred.directoryTimes) {
      utimesSync(this.#absolute(path), toSeconds(time), toSeconds(time));
      this.#keepExactTime(path, time);
    }
    return this.#deferred.finalOperations();
  }

  /** Does a new file have the owner that `entry` asks for? Most have, and a system call less a file is felt. */
  #isOwn({ uid, gid }: TarEntry): boolean {
    return uid === ownUid && gid === ownGid && !this.#inheritsGroups;
  }

  /** Bytes, so that names which are not UTF-8 stay as they are. The parents of `path` are known to be directories. */
  #absolute(path: string): Buffer {
    return Buffer.concat([Buffer.from(`${this.#root}/`), Buffer.from(path, 'latin1')]);
  }

  #make(path: string, entry: TarEntry): void {
    switch (entry.type) {
      case 'directory':
        this.#makeDirectory(path, entry);
        break;
      case 'file':
        this.#openFile(path, entry);
        break;
      case 'symlink':
        this.#makeSymlink(path, entry);
        break;
      case 'link':
        this.#makeLink(path, entry);
        break;
      case 'char':
      case 'block':
      case 'fifo':
        this.#deferDevice(path, entry, entry.type);
        break;
    }
  }

  #whiteout(path: string): void {
    const parent = parentOf(path);
    const name = baseOf(path);
    if (name === opaqueWhiteout) {
      this.#ensureDirectory(parent);
      this.#deferred.opaque.add(parent);
    } else if (!name.startsWith(metaPrefix) && !isDots(name.slice(whiteoutPrefix.length))) {
      this.#deferred.whiteouts.add(joinPath(parent, name.slice(whiteoutPrefix.length)));
    }
  }

  #ensureDirectory(path: string): void {
    if (this.#tree.isDirectory(path)) return;
    this.#ensureDirectory(parentOf(path));
    this.#deferred.remove(path, false);
    mkdirSync(this.#absolute(path), 0o755);
    if (!isPlainMode(0o755)) chmodSync(this.#absolute(path), 0o755);
    this.#tree.addDirectory(path);
  }

  #makeDirectory(path: string, entry: TarEntry): void {
    const absolute = this.#absolute(path);
    if (!this.#tree.isDirectory(path)) {
      this.#create(path, () => mkdirSync(absolute, 0o700));
      this.#tree.addDirectory(path);
    }
    chownSync(absolute, entry.uid, entry.gid);
    chmodSync(absolute, entry.mode);
    if ((entry.mode & setGroupId) !== 0) this.#inheritsGroups = true;
    this.#deferred.directoryTimes.set(path, entry.mtime);
  }

  #openFile(path: string, entry: TarEntry): void {
    const absolute = this.#absolute(path);
    const mode = isPlainMode(entry.mode) ? entry.mode : 0o600;
    const descriptor = this.#create(path, () => openSync(absolute, 'wx', mode));
    this.#file = { descriptor, entry, path, written: 0, end: 0 };
  }

  #makeSymlink(path: string, entry: TarEntry): void {
    const absolute = this.#absolute(path);
    this.#create(path, () => symlinkSync(entry.link, absolute));
    this.#tree.addSymlink(path, entry.link.toString('latin1'));
    lchownSync(absolute, entry.uid, entry.gid);
    lutimesSync(absolute, toSeconds(entry.mtime), toSeconds(entry.mtime));
    this.#keepExactTime(path, entry.mtime);
  }

  #makeLink(path: string, entry: TarEntry): void {
    const target = this.#tree.locate(entry.link.toString('latin1'));
    if (target === path) return;
    if (this.#deferred.devices.has(target)) {
      this.#removeExisting(path);
      this.#deferred.links.set(path, target);
      return;
    }
    this.#create(path, () => linkSync(this.#absolute(target), this.#absolute(path)));
  }

  #deferDevice(path: string, entry: TarEntry, type: 'char' | 'block' | 'fifo'): void {
    const { uid, gid, mtime } = entry;
    if (path === '') return;
    this.#removeExisting(path);
    const isFifo = type === 'fifo';
    this.#deferred.devices.set(path, {
      mode: fileTypeBits[type] | entry.mode,
      major: isFifo ? 0 : entry.major,
      minor: isFifo ? 0 : entry.minor,
      uid,
      gid,
      mtime,
    });
  }

  /** Runs `make`; where something of that name is there already, the later member takes its place. */
  #create<T>(path: string, make: () => T): T {
    this.#deferred.remove(path, false);
    try {
      return make();
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || path === '') throw error;
    }
    this.#removeExisting(path);
    return make();
  }

  #removeExisting(path: string): void {
    this.#deferred.remove(path, this.#tree.isDirectory(path));
    this.#tree.remove(path);
    rmSync(this.#absolute(path), { recursive: true, force: true });
  }

  #keepXattrs(path: string, entry: TarEntry): void {
    if (entry.type === 'link' || entry.xattrs.size === 0) return;
    const kept = [...entry.xattrs].filter(([name]) => !forbiddenXattrs.test(name));
    if (kept.length > 0) this.#deferred.xattrs.set(path, new Map(kept));
  }

  #keepExactTime(path: string, time: Timestamp): void {
    if (time.nanoseconds !== 0) this.#deferred.exactTimes.set(path, time);
  }

  #kindOf(path: string): 'none' | 'directory' | 'other' {
    if (this.#tree.isDirectory(path)) return 'directory';
    return lstatSync(this.#absolute(path), { throwIfNoEntry: false }) === undefined ? 'none' : 'other';
  }
}

function isDots(name: string): boolean {
  return name === '' || name === '.' || name === '..';
}

/** As `fs` takes times; sub-microseconds are lost here and set again by `finalOperations`. */
function toSeconds(time: Timestamp): number {
  return time.seconds + time.nanoseconds / 1e9;
}
