/** Makes a tar of files on this host, as it is read: for an upload. */
import {
  type BigIntStats,
  closeSync,
  lstatSync,
  opendirSync,
  openSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import { Readable } from 'node:stream';
import { entryTypeOf, type TarEntry } from '../../util/tar/tar-entry.ts';
import { endOfArchive, memberHeader, paddingOf } from '../../util/tar/tar-writer.ts';
import { fileError } from '../run-config/variables.ts';

const chunkSize = 256 * 1024;

/** What stands at `path` and all below it, under the name `base`; '/' is a root without a name. Names are bytes as `latin1`. */
export function localTar(path: string, base: string): Readable {
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  return Readable.from(membersBelow(bytes(path), base === '/' ? '' : bytes(base)), {
    objectMode: false,
    highWaterMark: 1024 * 1024,
  });
}

async function* membersBelow(path: string, base: string): AsyncGenerator<Buffer, void> {
  const links = new Map<string, string>();
  const pending: Array<readonly [path: string, name: string]> = [[path, base]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [at, name] = next;
    const stats = lstat(at, at === path);
    // Gone meanwhile, or of no use without the program that listens on it.
    if (stats === undefined || stats.isSocket()) continue;
    yield* member(at, name, stats, links);
    if (stats.isDirectory()) for (const one of namesIn(at)) pending.push([`${at}/${one}`, `${name}/${one}`]);
  }
  yield endOfArchive;
}

function asBytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

function lstat(path: string, mustBeThere: boolean): BigIntStats | undefined {
  try {
    return lstatSync(asBytes(path), { bigint: true, throwIfNoEntry: mustBeThere });
  } catch (error) {
    throw fileError('lstat', asBytes(path).toString(), error);
  }
}

/** Last one first, since they are taken from the end. */
function namesIn(path: string): string[] {
  const names: string[] = [];
  const directory = opendirSync(asBytes(path), { encoding: 'latin1' });
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync())
      names.push(entry.name);
  } finally {
    directory.closeSync();
  }
  return names.sort().reverse();
}

async function* member(
  path: string,
  name: string,
  stats: BigIntStats,
  links: Map<string, string>,
): AsyncGenerator<Buffer, void> {
  const entry = entryOf(name, stats);
  const key = `${stats.dev}:${stats.ino}`;
  const first = stats.nlink > 1n && !stats.isDirectory() ? links.get(key) : undefined;
  if (first !== undefined) yield memberHeader({ ...entry, type: 'link', link: asBytes(first), size: 0 });
  else if (entry.type === 'symlink')
    yield memberHeader({ ...entry, link: readlinkSync(asBytes(path), { encoding: 'buffer' }) });
  else if (entry.type === 'file') yield* file(path, entry);
  else yield memberHeader(entry);
  if (stats.nlink > 1n && first === undefined) links.set(key, name);
}

/** As long as it was when it was listed, whatever becomes of it. */
async function* file(path: string, entry: TarEntry): AsyncGenerator<Buffer, void> {
  let descriptor: number;
  try {
    descriptor = openSync(asBytes(path), 'r');
  } catch (error) {
    throw fileError('open', asBytes(path).toString(), error);
  }
  try {
    yield memberHeader(entry);
    let left = entry.size;
    while (left > 0) {
      const chunk = Buffer.alloc(Math.min(left, chunkSize));
      const read = readSync(descriptor, chunk);
      left -= read === 0 ? chunk.length : read;
      yield read === 0 ? chunk : chunk.subarray(0, read);
    }
    yield Buffer.alloc(paddingOf(entry.size));
  } finally {
    closeSync(descriptor);
  }
}

function entryOf(name: string, stats: BigIntStats): TarEntry {
  const type = entryTypeOf(stats);
  const isDevice = type === 'char' || type === 'block';
  return {
    name: asBytes(type === 'directory' ? `${name}/` : name),
    type,
    link: Buffer.alloc(0),
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: type === 'file' ? Number(stats.size) : 0,
    mtime: { seconds: Math.floor(Number(stats.mtimeMs) / 1000), nanoseconds: 0 },
    major: isDevice ? Number((stats.rdev >> 8n) & 0xfffn) : 0,
    minor: isDevice ? Number((stats.rdev & 0xffn) | ((stats.rdev >> 12n) & 0xfff00n)) : 0,
    xattrs: new Map(),
  };
}
