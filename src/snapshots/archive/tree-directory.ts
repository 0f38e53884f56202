/** An open directory of a file tree, for a thread that reads trees: names are bytes, links are never followed, whatever a container does meanwhile. */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
} from 'node:fs';
import { EngineError, errnoOf } from '../../errors/engine-error.ts';
import { joinPath } from '../layer-tree.ts';

/** open(2): a descriptor that only names a file, so that opening it does nothing to what may have become a device. */
const pathOnly = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

export type NodeKind = 'directory' | 'character' | 'other';

export interface ListedName {
  name: string;
  kind: NodeKind;
}

/** One that was opened: its own stats, and for a file the descriptor to read it by, which the caller closes. */
export interface OpenNode {
  stats: BigIntStats;
  descriptor?: number;
}

/** Errors of a name that is no longer what it was. */
const goneErrors = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ESTALE', 'EINVAL', 'ENXIO']);

/** What `read` gives, or undefined where the name is gone or has become something else. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (goneErrors.has(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
}

/**
 * Directories of a container's own tree are held open and reached by their descriptors, since a path through them could lead anywhere a
 * moment later. Those of layers, which nobody writes to, are reached by path. Paths are strings of bytes (`latin1`).
 */
export class TreeDirectory {
  /** The tree's root on the host. */
  readonly tree: string;
  /** Below the tree's root; '' for itself. */
  readonly relative: string;
  readonly #base: string;
  readonly #descriptor: number | undefined;
  #holders = 1;

  private constructor(tree: string, relative: string, base: string, descriptor?: number) {
    this.tree = tree;
    this.relative = relative;
    this.#base = base;
    this.#descriptor = descriptor;
  }

  /** A read-only tree, or with `isMutable` a container's own. EngineError `not-found` where it is not there. */
  static open(tree: string, isMutable: boolean): TreeDirectory {
    const path = Buffer.from(tree).toString('latin1');
    const opened = isMutable ? openDirectory(path) : undefined;
    if (isMutable && opened === undefined) throw new EngineError('not-found', 'the read-write layer is gone');
    return new TreeDirectory(path, '', opened?.base ?? path, opened?.descriptor);
  }

  get isMutable(): boolean {
    return this.#descriptor !== undefined;
  }

  /** By which another process of this user reaches it. */
  get publicPath(): string {
    return this.#descriptor === undefined ? this.#base : `/proc/${process.pid}/fd/${this.#descriptor}`;
  }

  /** The directory `name` in it, which the caller releases; undefined where there is none any more. */
  child(name: string): TreeDirectory | undefined {
    const relative = joinPath(this.relative, name);
    const path = `${this.#base}/${name}`;
    if (!this.isMutable) return new TreeDirectory(this.tree, relative, path);
    const opened = openDirectory(path);
    return opened && new TreeDirectory(this.tree, relative, opened.base, opened.descriptor);
  }

  /** In the order of the names' bytes. */
  list(): ListedName[] {
    const entries =
      ifThere(() => readdirSync(bytes(this.#base), { withFileTypes: true, encoding: 'buffer' })) ?? [];
    const listed = entries.map((entry): ListedName => {
      const kind = entry.isDirectory() ? 'directory' : entry.isCharacterDevice() ? 'character' : 'other';
      return { name: entry.name.toString('latin1'), kind };
    });
    return listed.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  stat(name: string): BigIntStats | undefined {
    const path = bytes(`${this.#base}/${name}`);
    return ifThere(() => lstatSync(path, { bigint: true, throwIfNoEntry: false }));
  }

  /** Opens what has that name now, for reading if it is a file. */
  openNode(name: string): OpenNode | undefined {
    const path = bytes(`${this.#base}/${name}`);
    const named = ifThere(() => openSync(path, pathOnly | O_NOFOLLOW));
    if (named === undefined) return undefined;
    try {
      const stats = fstatSync(named, { bigint: true });
      if (!stats.isFile()) return { stats };
      return { stats, descriptor: openSync(`/proc/self/fd/${named}`, O_RDONLY | O_NONBLOCK) };
    } finally {
      closeSync(named);
    }
  }

  readLink(name: string): Buffer | undefined {
    return ifThere(() => readlinkSync(bytes(`${this.#base}/${name}`), { encoding: 'buffer' }));
  }

  /** Its own stats. */
  self(): BigIntStats {
    if (this.#descriptor !== undefined) return fstatSync(this.#descriptor, { bigint: true });
    return lstatSync(bytes(this.#base), { bigint: true });
  }

  /** One more who will release it. */
  retain(): this {
    this.#holders += 1;
    return this;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0 && this.#descriptor !== undefined) closeSync(this.#descriptor);
  }
}

function openDirectory(path: string): { descriptor: number; base: string } | undefined {
  const descriptor = ifThere(() => openSync(bytes(path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return descriptor === undefined ? undefined : { descriptor, base: `/proc/self/fd/${descriptor}` };
}

function bytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}
