/** Writes walked members into a tar, with their attributes, which come in batches. */
import type { BigIntStats } from 'node:fs';
import { closeSync } from 'node:fs';
import { entryTypeOf, type TarEntry, type TarEntryType } from '../../util/tar/tar-entry.ts';
import { endOfArchive, memberHeader } from '../../util/tar/tar-writer.ts';
import { baseOf, joinPath, parentOf } from '../layer-tree.ts';
import type { Attributes, MountPoint, TarShape } from './archive-messages.ts';
import type { TarOutput } from './tar-output.ts';
import type { TreeDirectory } from './tree-directory.ts';
import type { WalkedMember } from './walk-merged.ts';

/** Members that wait for the attributes of all of them, and directories that are held open for them at most. */
const batchSize = 1000;
const maxHeld = 100;

export type ReadAttributes = (tree: string, paths: readonly string[]) => Promise<readonly Attributes[]>;

const nothing = Buffer.alloc(0);
const noAttributes: ReadonlyMap<string, Buffer> = new Map();

function isSocket(stats: BigIntStats): boolean {
  return stats.isSocket();
}

/** Linux's encoding of device numbers in stat(2) (glibc, gnu_dev_major(3)). */
function deviceNumbers(rdev: bigint): { major: number; minor: number } {
  return {
    major: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn)),
    minor: Number((rdev & 0xffn) | ((rdev >> 12n) & ~0xffn)),
  };
}

/** Rounded down, also before 1970. */
function seconds(nanoseconds: bigint): number {
  const whole = nanoseconds / 1_000_000_000n;
  return Number(nanoseconds < 0n && nanoseconds % 1_000_000_000n !== 0n ? whole - 1n : whole);
}

function entryOf(path: string, stats: BigIntStats): TarEntry {
  const type = entryTypeOf(stats);
  const isDevice = type === 'char' || type === 'block';
  return {
    name: Buffer.from(type === 'directory' ? `${path}/` : path, 'latin1'),
    type,
    link: nothing,
    mode: Number(stats.mode & 0o7777n),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    size: type === 'file' ? Number(stats.size) : 0,
    mtime: { seconds: seconds(stats.mtimeNs), nanoseconds: 0 },
    ...(isDevice ? deviceNumbers(stats.rdev) : { major: 0, minor: 0 }),
    xattrs: noAttributes,
  };
}

/** Without a time of its own: two archives of one state are the same. */
function bareEntry(path: string, type: TarEntryType, mode: number): TarEntry {
  const name = Buffer.from(type === 'directory' ? `${path}/` : path, 'latin1');
  const mtime = { seconds: 0, nanoseconds: 0 };
  return {
    name,
    type,
    link: nothing,
    mode,
    uid: 0,
    gid: 0,
    size: 0,
    mtime,
    major: 0,
    minor: 0,
    xattrs: noAttributes,
  };
}

export class MemberWriter {
  readonly #output: TarOutput;
  readonly #readAttributes: ReadAttributes;
  readonly #waiting: WalkedMember[] = [];
  readonly #held = new Set<TreeDirectory>();
  /** The first name of a file that has several, by device and inode. */
  readonly #links = new Map<string, string>();
  readonly #shape: TarShape;
  #members = 0;

  constructor(output: TarOutput, readAttributes: ReadAttributes, shape: TarShape = {}) {
    this.#output = output;
    this.#readAttributes = readAttributes;
    this.#shape = shape;
  }

  /** Members written so far. */
  get members(): number {
    return this.#members;
  }

  async add(member: WalkedMember): Promise<void> {
    this.#waiting.push(member);
    if (member.kind === 'node' && member.directory.isMutable) this.#held.add(member.directory);
    if (this.#waiting.length >= batchSize || this.#held.size >= maxHeld) await this.#writeWaiting();
  }

  async finish(): Promise<void> {
    await this.#writeWaiting();
    if (this.#shape.isPart !== true) await this.#output.write(endOfArchive);
    await this.#output.flush();
  }

  async #writeWaiting(): Promise<void> {
    const members = this.#waiting.splice(0);
    this.#held.clear();
    const attributes = await this.#attributesOf(members);
    for (const member of members) {
      if (member.kind !== 'node') await this.#writeMark(member);
      else {
        await this.#writeNode(member.path, member.directory, member.name, attributes.get(member));
        member.directory.release();
      }
    }
  }

  async #attributesOf(members: readonly WalkedMember[]): Promise<Map<WalkedMember, Attributes>> {
    const byTree = new Map<string, Array<Extract<WalkedMember, { kind: 'node' }>>>();
    for (const member of members) {
      if (member.kind !== 'node') continue;
      const group = byTree.get(member.directory.tree) ?? [];
      byTree.set(member.directory.tree, group);
      group.push(member);
    }
    const found = new Map<WalkedMember, Attributes>();
    for (const [tree, group] of byTree) {
      const paths = group.map(({ directory, name }) => joinPath(directory.relative, name));
      const results = await this.#readAttributes(tree, paths);
      for (const [index, member] of group.entries()) found.set(member, results[index]);
    }
    return found;
  }

  async #write(entry: TarEntry): Promise<void> {
    this.#members += 1;
    await this.#output.write(memberHeader(shaped(entry, this.#shape)));
  }

  /** Whiteouts are empty files (OCI image-spec, layer.md, "Whiteouts"). */
  async #writeMark(member: Exclude<WalkedMember, { kind: 'node' }>): Promise<void> {
    if (member.kind === 'mount-point') await this.#writeMountPoint(member.mountPoint);
    else if (member.kind === 'opaque')
      await this.#write(bareEntry(joinPath(member.path, '.wh..wh..opq'), 'file', 0o600));
    else {
      const path = joinPath(parentOf(member.path), `.wh.${baseOf(member.path)}`);
      await this.#write(bareEntry(path, 'file', 0o600));
    }
  }

  async #writeMountPoint(mountPoint: MountPoint): Promise<void> {
    const { path, kind } = mountPoint;
    if (kind === 'link') {
      const link = Buffer.from(mountPoint.target);
      await this.#write({ ...bareEntry(path, 'symlink', 0o777), link });
    } else await this.#write(bareEntry(path, kind, 0o755));
  }

  /** What went away since it was listed is left out. */
  async #writeNode(
    path: string,
    directory: TreeDirectory,
    name: string,
    attributes: Attributes,
  ): Promise<void> {
    const node = directory.openNode(name);
    // A socket is of no use without the program that listens on it: no tar has a kind for it.
    if (node === undefined || isSocket(node.stats)) return;
    const { stats, descriptor } = node;
    const key = `${stats.dev}:${stats.ino}`;
    const first = stats.nlink > 1n && !stats.isDirectory() ? this.#links.get(key) : undefined;
    if (first !== undefined) {
      if (descriptor !== undefined) closeSync(descriptor);
      await this.#write({
        ...entryOf(path, stats),
        type: 'link',
        link: Buffer.from(first, 'latin1'),
        size: 0,
      });
      return;
    }
    const entry = { ...entryOf(path, stats), xattrs: asBuffers(attributes) };
    if (entry.type === 'symlink') {
      const link = directory.readLink(name);
      if (link === undefined) return;
      await this.#write({ ...entry, link });
    } else {
      await this.#write(entry);
      if (descriptor !== undefined) await this.#output.writeFile(descriptor, entry.size);
    }
    if (stats.nlink > 1n && !stats.isDirectory()) this.#links.set(key, path);
  }
}

function shaped(entry: TarEntry, { prefix, time }: TarShape): TarEntry {
  const front = Buffer.from(prefix ?? '', 'latin1');
  return {
    ...entry,
    ...(prefix === undefined ? {} : { name: Buffer.concat([front, entry.name]) }),
    // Links within the archive lead to where the first name went.
    ...(prefix === undefined || entry.type !== 'link' ? {} : { link: Buffer.concat([front, entry.link]) }),
    ...(time === undefined ? {} : { mtime: { seconds: time, nanoseconds: 0 } }),
  };
}

function asBuffers(attributes: Attributes): ReadonlyMap<string, Buffer> {
  if (attributes === undefined || attributes.size === 0) return noAttributes;
  return new Map([...attributes].map(([name, value]) => [name, Buffer.from(value)]));
}
