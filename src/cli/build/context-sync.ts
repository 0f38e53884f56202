/** Lists the files of a context, and sends those that the daemon has not got yet: `sync` in wire/build-session.ts. */
import { once } from 'node:events';
import { closeSync, openSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { goMode } from '../../wire/archive.ts';
import type { Channel } from '../../wire/channels.ts';
import { fileError } from '../run-config/variables.ts';
import { type ContextFile, type ContextTarOptions, ContextWalk, textOf } from './context-tar.ts';

/** Bytes that go out at once. */
const pieceSize = 512 * 1024;
const maxAnswer = 64 * 1024 * 1024;

/** Of a context that has no files, `root` is undefined. */
export async function syncContext(
  root: string | undefined,
  options: ContextTarOptions,
  channel: Channel,
): Promise<void> {
  const files = root === undefined ? [] : withParents(new ContextWalk(root, options));
  const output = new Gathered(channel);
  const links = new Map<string, string>();
  for (const file of files) await output.write(Buffer.from(`${lineOf(root ?? '', file, links)}\n`));
  await output.write(Buffer.from('\n'));
  await output.flush();
  for (const id of await wantedOf(channel)) {
    const file = files[id];
    if (file !== undefined) await sendContent(root ?? '', file, output);
  }
  await output.flush();
  channel.end();
}

/** Directories that are ignored, but hold something that is not, are named all the same. */
function withParents(walk: ContextWalk): ContextFile[] {
  const files: ContextFile[] = [];
  const named = new Set<string>();
  for (const file of walk.entries()) {
    if (file.stats.isFIFO() || file.stats.isBlockDevice() || file.stats.isCharacterDevice()) continue;
    const parts = file.path.split('/');
    for (let depth = 1; depth < parts.length; depth += 1) {
      const path = parts.slice(0, depth).join('/');
      if (named.has(path)) continue;
      named.add(path);
      const stats = walk.lstat(path);
      if (stats !== undefined) files.push({ path, stats });
    }
    if (file.stats.isDirectory()) named.add(file.path);
    files.push(file);
  }
  return files;
}

function lineOf(root: string, { path, stats }: ContextFile, links: Map<string, string>): string {
  const key = stats.nlink > 1 && stats.isFile() ? `${stats.dev}:${stats.ino}` : undefined;
  const first = key === undefined ? undefined : links.get(key);
  if (key !== undefined && first === undefined) links.set(key, textOf(path));
  const size = stats.isFile() ? stats.size : 0;
  const time = String(BigInt(Math.round(stats.mtimeMs * 1000)) * 1000n);
  const link = stats.isSymbolicLink() ? readlinkSync(placeOf(root, path)) : (first ?? '');
  return JSON.stringify([textOf(path), modeOf(stats), size, time, link]);
}

function placeOf(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, 'latin1')]);
}

function modeOf(stats: Stats): number {
  const { mode } = stats;
  const special =
    ((mode & 0o4000) === 0 ? 0 : goMode.setuid) +
    ((mode & 0o2000) === 0 ? 0 : goMode.setgid) +
    ((mode & 0o1000) === 0 ? 0 : goMode.sticky);
  const type = stats.isDirectory() ? goMode.directory : stats.isSymbolicLink() ? goMode.symlink : 0;
  return (mode & 0o777) + special + type;
}

/** The numbers of the files that the daemon wants: none where it has all, and ends its half. */
async function wantedOf(channel: Channel): Promise<number[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of channel.iterator({ destroyOnReturn: false })) {
    chunks.push(chunk);
    size += chunk.length;
    if (chunk.at(-1) === 10 || size > maxAnswer) break;
  }
  const value: unknown = size === 0 ? [] : JSON.parse(Buffer.concat(chunks).toString());
  channel.resume();
  return Array.isArray(value) ? value.filter((one) => typeof one === 'number') : [];
}

/** As long as it was when it was listed, whatever becomes of it. */
async function sendContent(root: string, { path, stats }: ContextFile, output: Gathered): Promise<void> {
  const place = placeOf(root, path);
  let descriptor: number;
  try {
    descriptor = openSync(place, 'r');
  } catch (error) {
    throw fileError('open', place.toString(), error);
  }
  try {
    for (let left = stats.size; left > 0; ) {
      const chunk = Buffer.alloc(Math.min(left, pieceSize));
      const read = readSync(descriptor, chunk);
      left -= read === 0 ? chunk.length : read;
      await output.write(read === 0 ? chunk : chunk.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Small pieces go out together. */
class Gathered {
  readonly #channel: Channel;
  #pieces: Buffer[] = [];
  #size = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  async write(piece: Buffer): Promise<void> {
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#size >= pieceSize) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#size === 0) return;
    const data = Buffer.concat(this.#pieces, this.#size);
    this.#pieces = [];
    this.#size = 0;
    if (!this.#channel.write(data) && !this.#channel.destroyed)
      await Promise.race([once(this.#channel, 'drain'), once(this.#channel, 'close')]);
  }
}
