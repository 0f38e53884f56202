/**
 * Copies of builds' contexts, kept from one build to the next: of an unchanged directory only names and times are sent. Each copy lies in
 * `<root>/<slot>/files`; `index.json` beside it says what it holds, and is not there while it is being changed.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContextTree } from '../../build/build-types.ts';
import { errnoOf } from '../../errors/engine-error.ts';
import type { ContextEntry } from './context-entry.ts';

/** A copy that nobody has used for so long goes when the daemon starts. */
const keepMs = 30 * 24 * 3600 * 1000;

export interface KeptContext {
  /** The slot's name. */
  id: string;
  description: string;
  /** Bytes of file data. */
  size: number;
  /** Milliseconds since 1970. */
  createdAt: number;
  lastUsedAt: number;
  isInUse: boolean;
}

interface Index {
  description: string;
  createdAt: number;
  size: number;
  entries: ContextEntry[];
}

/** A copy that is held by one build, and can be changed until it is read from. */
export interface HeldContext {
  files: string;
  before: ReadonlyMap<string, ContextEntry>;
  /** Before the first change: until `settle`, the copy is good for nothing. */
  begin(): Promise<void>;
  settle(entries: readonly ContextEntry[]): Promise<void>;
  tree: ContextTree;
}

export class ContextStore {
  readonly #root: string;
  readonly #held = new Set<string>();
  #opened: Promise<void> | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** `key` names what is synced again and again; several builds of one at a time have a copy each. */
  async hold(key: string, description: string): Promise<HeldContext> {
    await this.#open();
    const name = createHash('sha256').update(key).digest('hex').slice(0, 32);
    let slot = `${name}-0`;
    for (let count = 1; this.#held.has(slot); count += 1) slot = `${name}-${count}`;
    this.#held.add(slot);
    try {
      return await this.#prepare(slot, description);
    } catch (error) {
      this.#held.delete(slot);
      throw error;
    }
  }

  async #prepare(slot: string, description: string): Promise<HeldContext> {
    const directory = join(this.#root, slot);
    const files = join(directory, 'files');
    const index = await readIndex(directory);
    if (index === undefined) {
      await rm(directory, { recursive: true, force: true });
      await mkdir(files, { recursive: true, mode: 0o700 });
    }
    const createdAt = index?.createdAt ?? Date.now();
    return {
      files,
      before: new Map((index?.entries ?? []).map((entry) => [entry.path, entry])),
      begin: () => rm(indexPath(directory), { force: true }),
      settle: (entries) =>
        writeIndex(directory, { description, createdAt, size: sizeOf(entries), entries: [...entries] }),
      tree: { root: files, release: () => this.#release(slot) },
    };
  }

  async #release(slot: string): Promise<void> {
    if (!this.#held.has(slot)) return;
    const now = new Date();
    await utimes(indexPath(join(this.#root, slot)), now, now).catch(() => undefined);
    this.#held.delete(slot);
  }

  async list(): Promise<KeptContext[]> {
    await this.#open();
    const kept: KeptContext[] = [];
    for (const id of await this.#slots()) {
      const directory = join(this.#root, id);
      const index = await readIndex(directory);
      if (index === undefined) continue;
      const { mtimeMs } = await stat(indexPath(directory));
      const { description, size, createdAt } = index;
      kept.push({ id, description, size, createdAt, lastUsedAt: mtimeMs, isInUse: this.#held.has(id) });
    }
    return kept;
  }

  /** False where it is in use. */
  async remove(id: string): Promise<boolean> {
    if (this.#held.has(id)) return false;
    this.#held.add(id);
    try {
      await rm(join(this.#root, id), { recursive: true, force: true });
      return true;
    } finally {
      this.#held.delete(id);
    }
  }

  /** Once: what a crash left half done goes, and what was not used for long. */
  #open(): Promise<void> {
    this.#opened ??= this.#sweep();
    return this.#opened;
  }

  async #sweep(): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    for (const slot of await this.#slots()) {
      const directory = join(this.#root, slot);
      const found = await stat(indexPath(directory)).catch(() => undefined);
      const isKept = found !== undefined && Date.now() - found.mtimeMs < keepMs;
      if (!isKept) await rm(directory, { recursive: true, force: true });
    }
  }

  async #slots(): Promise<string[]> {
    return readdir(this.#root);
  }
}

function indexPath(directory: string): string {
  return join(directory, 'index.json');
}

/** Undefined where there is none, or none that can be read. */
async function readIndex(directory: string): Promise<Index | undefined> {
  try {
    return JSON.parse(await readFile(indexPath(directory), 'utf8')) as Index;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Not synced to the disk: a copy that a power cut has broken would be found by its size or time only, so the index goes with a copy's start. */
async function writeIndex(directory: string, index: Index): Promise<void> {
  const next = join(directory, 'index.json.new');
  await writeFile(next, JSON.stringify(index), { mode: 0o600 });
  await rename(next, indexPath(directory));
}

function sizeOf(entries: readonly ContextEntry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.size : 0), 0);
}
