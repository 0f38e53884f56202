/** Makes the tar of a build context: what its ignore file leaves in, root's, in large pieces, since there may be tens of thousands of small files. */
import {
  closeSync,
  type Dirent,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs';
import { Readable } from 'node:stream';
import { ignoreMatcher } from '../../util/patterns/ignore.ts';
import { entryTypeOf, type TarEntry } from '../../util/tar/tar-entry.ts';
import { endOfArchive, memberHeader, paddingOf } from '../../util/tar/tar-writer.ts';
import { fileError } from '../run-config/variables.ts';

/** Bytes that go out at once. */
const pieceSize = 512 * 1024;

export interface ContextTarOptions {
  /** Patterns of the ignore file. */
  ignore: readonly string[];
  /** Left in, whatever the patterns say: the Dockerfile and the ignore file. */
  always?: readonly string[];
  /** Only what is at or below these paths; all without. */
  below?: readonly string[] | undefined;
  /** Further files, by their path. */
  added?: ReadonlyMap<string, Uint8Array>;
}

/** Names of files are bytes, as `latin1` text. */
export function contextTar(root: string, options: ContextTarOptions): Readable {
  return Readable.from(pieces(root, options), { objectMode: false, highWaterMark: 4 * pieceSize });
}

function* pieces(root: string, options: ContextTarOptions): Generator<Buffer> {
  let gathered: Buffer[] = [];
  let size = 0;
  for (const part of parts(root, options)) {
    gathered.push(part);
    size += part.length;
    if (size < pieceSize) continue;
    yield Buffer.concat(gathered, size);
    gathered = [];
    size = 0;
  }
  yield Buffer.concat(gathered, size);
}

function* parts(root: string, options: ContextTarOptions): Generator<Buffer> {
  for (const [name, content] of options.added ?? []) {
    yield memberHeader({ ...plainEntry(name), size: content.length });
    yield Buffer.from(content);
    yield Buffer.alloc(paddingOf(content.length));
  }
  yield* new ContextWalk(root, options).run();
  yield endOfArchive;
}

function plainEntry(name: string): TarEntry {
  return {
    name: Buffer.from(name),
    type: 'file',
    link: Buffer.alloc(0),
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: 0,
    mtime: { seconds: 0, nanoseconds: 0 },
    major: 0,
    minor: 0,
    xattrs: new Map(),
  };
}

export interface ContextFile {
  /** Bytes as `latin1`, relative to the context. */
  path: string;
  stats: Stats;
}

/** Everything of a context that is left in, directories before what is in them. */
export class ContextWalk {
  readonly #root: string;
  readonly #isIgnored: (path: string) => boolean;
  readonly #isIgnoredBelow: (path: string) => boolean;
  readonly #isWanted: (path: string) => boolean;
  /** Names of files with several links, by inode. */
  readonly #links = new Map<string, string>();

  constructor(root: string, { ignore, always = [], below }: ContextTarOptions) {
    this.#root = Buffer.from(root).toString('latin1');
    const matcher = ignoreMatcher(ignore);
    const kept = new Set(always);
    const leadsToKept = (path: string): boolean => always.some((one) => one.startsWith(`${path}/`));
    this.#isIgnored = (path) => matcher.ignores(path) && !kept.has(path);
    this.#isIgnoredBelow = (path) => matcher.ignoresAllBelow(path) && !leadsToKept(path);
    this.#isWanted = wantedBelow(below);
  }

  *run(): Generator<Buffer> {
    for (const { path, stats } of this.entries()) yield* this.#member(path, stats);
  }

  entries(): Generator<ContextFile> {
    return this.#directory('');
  }

  *#directory(path: string): Generator<ContextFile> {
    for (const entry of this.#list(path)) {
      const name = path === '' ? entry.name : `${path}/${entry.name}`;
      const text = textOf(name);
      if (!this.#isWanted(text)) continue;
      const ignored = this.#isIgnored(text);
      if (ignored && (!entry.isDirectory() || this.#isIgnoredBelow(text))) continue;
      const stats = this.lstat(name);
      // Gone meanwhile, or of no use without the program that listens on it.
      if (stats === undefined || stats.isSocket()) continue;
      if (!ignored) yield { path: name, stats };
      if (stats.isDirectory()) yield* this.#directory(name);
    }
  }

  #list(path: string): Dirent[] {
    const at = this.#at(path);
    try {
      const entries = readdirSync(at, { withFileTypes: true, encoding: 'latin1' });
      return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
    } catch (error) {
      throw fileError('open', at.toString(), error);
    }
  }

  #at(path: string): Buffer {
    return Buffer.from(path === '' ? this.#root : `${this.#root}/${path}`, 'latin1');
  }

  /** Undefined for what is gone. */
  lstat(path: string): Stats | undefined {
    try {
      return lstatSync(this.#at(path), { throwIfNoEntry: false });
    } catch (error) {
      throw fileError('lstat', this.#at(path).toString(), error);
    }
  }

  *#member(path: string, stats: Stats): Generator<Buffer> {
    const entry = entryOf(path, stats);
    const key = stats.nlink > 1 && !stats.isDirectory() ? `${stats.dev}:${stats.ino}` : undefined;
    const first = key === undefined ? undefined : this.#links.get(key);
    if (first !== undefined) {
      yield memberHeader({ ...entry, type: 'link', link: Buffer.from(first, 'latin1'), size: 0 });
      return;
    }
    if (key !== undefined) this.#links.set(key, path);
    if (entry.type === 'symlink')
      yield memberHeader({ ...entry, link: readlinkSync(this.#at(path), { encoding: 'buffer' }) });
    else if (entry.type === 'file') yield* this.#file(path, entry);
    else yield memberHeader(entry);
  }

  /** As long as it was when it was listed, whatever becomes of it. */
  *#file(path: string, entry: TarEntry): Generator<Buffer> {
    const at = this.#at(path);
    let descriptor: number;
    try {
      descriptor = openSync(at, 'r');
    } catch (error) {
      throw fileError('open', at.toString(), error);
    }
    try {
      yield memberHeader(entry);
      for (let left = entry.size; left > 0; ) {
        const chunk = Buffer.alloc(Math.min(left, pieceSize));
        const read = readSync(descriptor, chunk);
        left -= read === 0 ? chunk.length : read;
        yield read === 0 ? chunk : chunk.subarray(0, read);
      }
      yield Buffer.alloc(paddingOf(entry.size));
    } finally {
      closeSync(descriptor);
    }
  }
}

/** Directories above the paths count, too: a walk must go through them. */
function wantedBelow(below: readonly string[] | undefined): (path: string) => boolean {
  if (below === undefined || below.includes('')) return () => true;
  return (path) =>
    below.some((one) => path === one || path.startsWith(`${one}/`) || one.startsWith(`${path}/`));
}

/** A name as text, of its bytes as `latin1`. */
export function textOf(name: string): string {
  return /[\u0080-\u00ff]/.test(name) ? Buffer.from(name, 'latin1').toString('utf8') : name;
}

function entryOf(path: string, stats: Stats): TarEntry {
  const type = entryTypeOf(stats);
  const isDevice = type === 'char' || type === 'block';
  return {
    ...plainEntry(''),
    name: Buffer.from(type === 'directory' ? `${path}/` : path, 'latin1'),
    type,
    mode: stats.mode & 0o7777,
    size: type === 'file' ? stats.size : 0,
    mtime: { seconds: Math.floor(stats.mtimeMs / 1000), nanoseconds: 0 },
    major: isDevice ? (stats.rdev >> 8) & 0xfff : 0,
    minor: isDevice ? (stats.rdev & 0xff) | ((stats.rdev >> 12) & 0xfff00) : 0,
  };
}

/**
 * For paths as COPY has them: the part in front of the first wildcard, where no link leads elsewhere; '' for everything, undefined
 * where all is wanted.
 */
export function pathsBelow(root: string, paths: readonly string[] | undefined): string[] | undefined {
  if (paths === undefined) return undefined;
  const found = paths.map((path) => {
    const parts: string[] = [];
    for (const part of path.split('/')) {
      if (part === '' || part === '.') continue;
      if (part === '..' || /[*?[\\]/.test(part)) break;
      parts.push(part);
    }
    return hasLink(root, parts) ? '' : parts.join('/');
  });
  return found.includes('') ? undefined : found;
}

function hasLink(root: string, parts: readonly string[]): boolean {
  return parts.some((_, index) => {
    const at = `${root}/${parts.slice(0, index + 1).join('/')}`;
    return lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  });
}
