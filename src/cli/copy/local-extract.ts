/** Writes a tar that came from a container into a directory of this host, and nowhere else: links in the archive are made, and never followed. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  fchmodSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  type Stats,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { posix } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import type { TarEntry, Timestamp } from '../../util/tar/tar-entry.ts';
import type { TarHandler } from '../../util/tar/tar-reader.ts';

/** Names begin with `from` ('' before a slash), which becomes `to`. */
export interface Renaming {
  from: string;
  to: string;
}

interface OpenFile {
  descriptor: number;
  entry: TarEntry;
  end: number;
}

/** What is written is this user's, with the modes and times of the archive. */
export class LocalExtractor implements TarHandler {
  readonly #directory: string;
  readonly #renaming: Renaming;
  readonly #directoryTimes = new Map<string, Timestamp>();
  /** Directories that were made or seen here. */
  readonly #known = new Set<string>(['']);
  #file: OpenFile | undefined;

  /** `directory` is there. */
  constructor(directory: string, renaming: Renaming) {
    this.#directory = Buffer.from(directory).toString('latin1');
    this.#renaming = {
      from: Buffer.from(renaming.from).toString('latin1'),
      to: Buffer.from(renaming.to).toString('latin1'),
    };
  }

  entry(entry: TarEntry): void {
    const path = this.#memberPath(entry.name);
    if (path === '') return;
    this.#ensureDirectory(parentOf(path));
    const exists = this.#makeRoom(path, entry);
    const place = this.#place(path);
    switch (entry.type) {
      case 'directory':
        if (!exists) mkdirSync(place, 0o700);
        this.#known.add(path);
        chmodSync(place, entry.mode);
        this.#directoryTimes.set(path, entry.mtime);
        break;
      case 'file':
        this.#file = { descriptor: openSync(place, 'wx', 0o600), entry, end: 0 };
        break;
      case 'symlink':
        symlinkSync(entry.link, place);
        lutimesSync(place, seconds(entry.mtime), seconds(entry.mtime));
        break;
      case 'link':
        this.#makeLink(place, entry);
        break;
      case 'char':
      case 'block':
      case 'fifo':
        makeNode(place, entry);
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
      if (file.end < entry.size) ftruncateSync(descriptor, entry.size);
      fchmodSync(descriptor, entry.mode);
      futimesSync(descriptor, seconds(entry.mtime), seconds(entry.mtime));
    } finally {
      closeSync(descriptor);
    }
  }

  /** What was written into directories has changed their times. */
  finish(): void {
    for (const [path, time] of this.#directoryTimes)
      utimesSync(this.#place(path), seconds(time), seconds(time));
  }

  #place(path: string): Buffer {
    return Buffer.from(`${this.#directory}/${path}`, 'latin1');
  }

  /** Relative and clean; '' for the directory itself. */
  #memberPath(bytes: Buffer): string {
    const { from, to } = this.#renaming;
    const name = bytes.toString('latin1');
    const renamed = from !== to && name.startsWith(from) ? to + name.slice(from.length) : name;
    const path = posix.normalize(`./${renamed}`).replace(/\/$/, '');
    if (path === '..' || path.startsWith('../'))
      throw refusal(`${JSON.stringify(renamed)} leads out of the directory`);
    return path === '.' ? '' : path;
  }

  /** A real one: a link there was not made for this. */
  #ensureDirectory(path: string): void {
    if (this.#known.has(path)) return;
    this.#ensureDirectory(parentOf(path));
    const stats = this.#stat(path);
    if (stats === undefined) mkdirSync(this.#place(path), 0o755);
    else if (!stats.isDirectory()) throw refusal(`${this.#place(path).toString()} is not a directory`);
    this.#known.add(path);
  }

  #stat(path: string): Stats | undefined {
    return lstatSync(this.#place(path), { throwIfNoEntry: false });
  }

  /** Takes away what a member replaces. True where a directory stays for a directory. */
  #makeRoom(path: string, { type }: TarEntry): boolean {
    const stats = this.#stat(path);
    if (stats === undefined) return false;
    const isDirectory = stats.isDirectory();
    if (isDirectory && type === 'directory') return true;
    const place = JSON.stringify(this.#place(path).toString());
    const directory = JSON.stringify(Buffer.from(this.#directory, 'latin1').toString());
    if (isDirectory) throw refusal(`cannot overwrite directory ${place} with non-directory ${directory}`);
    if (type === 'directory')
      throw refusal(`cannot overwrite non-directory ${place} with directory ${directory}`);
    rmSync(this.#place(path));
    return false;
  }

  /** To a member of this archive. */
  #makeLink(place: Buffer, entry: TarEntry): void {
    const target = this.#memberPath(entry.link);
    this.#ensureDirectory(parentOf(target));
    linkSync(this.#place(target), place);
  }
}

function parentOf(path: string): string {
  const parent = posix.dirname(path);
  return parent === '.' ? '' : parent;
}

function refusal(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}

/** Node.js has no call for it. */
function makeNode(place: Buffer, { type, mode, major, minor }: TarEntry): void {
  const path = place.toString();
  const numbers = type === 'fifo' ? [] : [String(major), String(minor)];
  const letters = { char: 'c', block: 'b', fifo: 'p' } as const;
  const letter = type === 'char' || type === 'block' ? letters[type] : letters.fifo;
  const { status, stderr } = spawnSync('mknod', ['-m', mode.toString(8), path, letter, ...numbers]);
  if (status === 0) return;
  throw new EngineError('invalid-argument', `${String(stderr ?? 'mknod is missing').trim()}`, {
    hint: 'copy it as root, or leave the device out',
  });
}

function seconds(time: Timestamp): number {
  return time.seconds + time.nanoseconds / 1e9;
}
