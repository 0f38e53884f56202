/**
 * Copies of builds' contexts, kept from one build to the next: of an unchanged directory only names and times are sent. Each copy lies in
 * `<root>/<slot>/files`; `index` beside it says what it holds, and is not there while it is being changed.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CacheRecord, ContextTree } from '../../build/build-types.ts';
import { errnoOf } from '../../errors/engine-error.ts';
import type { ContextEntry } from './context-entry.ts';

/** A copy that nobody has used for so long goes when the daemon starts. */
const keepMs = 30 * 24 * 3600 * 1000;

/** The index's first line; the entries are its second. */
interface Summary {
  description: string;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Bytes of file data. */
  size: number;
}

interface Kept extends Summary {
  lastUsedAt: number;
  usageCount: number;
}

/** Longer than any first line: descriptions are short. */
const maxSummary = 8192;

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
  readonly #kept = new Map<string, Kept>();

  private constructor(root: string) {
    this.#root = root;
  }

  /** What a crash left half done goes, and what was not used for long. */
  static async open(root: string): Promise<ContextStore> {
    const store = new ContextStore(root);
    await mkdir(root, { recursive: true, mode: 0o700 });
    for (const slot of await readdir(root)) await store.#take(slot);
    return store;
  }

  async #take(slot: string): Promise<void> {
    const directory = join(this.#root, slot);
    const summary = await readSummary(directory);
    const { mtimeMs } = (await stat(indexPath(directory)).catch(() => undefined)) ?? { mtimeMs: 0 };
    if (summary === undefined || Date.now() - mtimeMs > keepMs) {
      await rm(directory, { recursive: true, force: true });
    } else this.#kept.set(slot, { ...summary, lastUsedAt: mtimeMs, usageCount: 1 });
  }

  /** `key` names what is synced again and again; several builds of one at a time have a copy each. */
  async hold(key: string, description: string): Promise<HeldContext> {
    const name = createHash('sha256').update(key).digest('hex').slice(0, 32);
    let slot = `${name}-0`;
    for (let count = 1; this.#held.has(slot); count += 1) slot = `${name}-${count}`;
    this.#held.add(slot);
    try {
      return await this.#prepare(slot, description.slice(0, 1000));
    } catch (error) {
      this.#held.delete(slot);
      throw error;
    }
  }

  async #prepare(slot: string, description: string): Promise<HeldContext> {
    const directory = join(this.#root, slot);
    const files = join(directory, 'files');
    const before = await readEntries(directory);
    if (before === undefined) {
      await rm(directory, { recursive: true, force: true });
      await mkdir(files, { recursive: true, mode: 0o700 });
    }
    return {
      files,
      before: new Map((before ?? []).map((entry) => [entry.path, entry])),
      begin: async () => {
        this.#kept.delete(slot);
        await rm(indexPath(directory), { force: true });
      },
      settle: async (entries) => {
        const summary = { description, createdAt: Date.now(), size: sizeOf(entries) };
        await writeIndex(directory, summary, entries);
        this.#kept.set(slot, { ...summary, lastUsedAt: Date.now(), usageCount: 0 });
      },
      tree: { root: files, release: () => this.#release(slot) },
    };
  }

  async #release(slot: string): Promise<void> {
    if (!this.#held.has(slot)) return;
    const kept = this.#kept.get(slot);
    const directory = join(this.#root, slot);
    try {
      if (kept === undefined) await rm(directory, { recursive: true, force: true });
      else {
        const now = new Date();
        this.#kept.set(slot, { ...kept, lastUsedAt: now.getTime(), usageCount: kept.usageCount + 1 });
        await utimes(indexPath(directory), now, now);
      }
    } finally {
      this.#held.delete(slot);
    }
  }

  records(): CacheRecord[] {
    return [...this.#kept].map(([id, kept]) => ({
      id,
      parents: [],
      description: kept.description,
      type: 'source.local',
      size: kept.size,
      isInUse: this.#held.has(id),
      isShared: false,
      createdAt: kept.createdAt,
      lastUsedAt: kept.lastUsedAt,
      usageCount: kept.usageCount,
    }));
  }

  /** False where it is in use. */
  async remove(id: string): Promise<boolean> {
    if (this.#held.has(id) || !this.#kept.has(id)) return false;
    this.#held.add(id);
    try {
      this.#kept.delete(id);
      await rm(join(this.#root, id), { recursive: true, force: true });
      return true;
    } finally {
      this.#held.delete(id);
    }
  }
}

function indexPath(directory: string): string {
  return join(directory, 'index');
}

/** Undefined where there is none, or none that can be read. */
async function readSummary(directory: string): Promise<Summary | undefined> {
  return await unlessBroken(async () => {
    const file = await open(indexPath(directory));
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxSummary), 0, maxSummary, 0);
      return JSON.parse(buffer.toString('utf8', 0, bytesRead).split('\n', 1)[0] ?? '') as Summary;
    } finally {
      await file.close();
    }
  });
}

async function readEntries(directory: string): Promise<ContextEntry[] | undefined> {
  return await unlessBroken(async () => {
    const text = await readFile(indexPath(directory), 'utf8');
    return JSON.parse(text.slice(text.indexOf('\n'))) as ContextEntry[];
  });
}

async function unlessBroken<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '') || error instanceof SyntaxError)
      return undefined;
    throw error;
  }
}

/** Not synced to the disk: it is named last, so a crash of the daemon finds it whole or not at all. */
async function writeIndex(
  directory: string,
  summary: Summary,
  entries: readonly ContextEntry[],
): Promise<void> {
  const next = join(directory, 'index.new');
  await writeFile(next, `${JSON.stringify(summary)}\n${JSON.stringify(entries)}`, { mode: 0o600 });
  await rename(next, indexPath(directory));
}

function sizeOf(entries: readonly ContextEntry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.size : 0), 0);
}
