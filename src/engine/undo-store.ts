/** What removals took, kept for a while: a directory and a document for each, within a budget of disk space. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, renameSync, rmdirSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { EngineError, errnoOf } from '../errors/engine-error.ts';
import type { Collection } from '../util/collection.ts';
import type { RemoveTree } from '../volumes/volume-service.ts';
import type { Volume } from '../volumes/volume-types.ts';
import type { DaemonConfig } from './daemon-config.ts';
import type { ContainerRecord } from './model.ts';

interface Kept {
  id: string;
  name: string;
  /** What was removed in one go is restored in one go: the ID of the container that went with its volumes, else the entry's own. */
  group: string;
  /** Milliseconds since the epoch. */
  removedAt: number;
  /** Bytes; undefined until they are counted. */
  size?: number;
}

export type UndoEntry =
  | (Kept & { kind: 'container'; container: ContainerRecord })
  | (Kept & { kind: 'volume'; volume: Volume });

export interface UndoOptions {
  /** `DATA/undo`. */
  root: string;
  documents: Collection<UndoEntry>;
  config: () => Pick<DaemonConfig, 'undoRetention' | 'undoBudget'>;
  removeTree: RemoveTree;
  /** Bytes of the files below a directory. */
  measure: (path: string) => Promise<number>;
  log: Logger;
}

const removing = '.removing-';
/** However small they are. */
const mostEntries = 500;
/** Of the free space on the disk: a full one gets no fuller by what was removed. */
const shareOfFree = 0.1;
/** Milliseconds until sizes are counted: a `prune` comes first to its end. */
const settleMs = 500;
const longestTimer = 2 ** 31 - 1;

/** An entry's life: `begin` before anything is moved, `settle` once all of it is; `forget` where it was restored, `drop` where its time is over. */
export class UndoStore {
  readonly #options: UndoOptions;
  readonly #entries: Map<string, UndoEntry>;
  #timer: NodeJS.Timeout | undefined;
  /** Whatever goes on in the background, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: UndoOptions) {
    this.#options = options;
    this.#entries = new Map(options.documents.entries());
    mkdirSync(options.root, { recursive: true, mode: 0o700 });
    this.#sweep();
  }

  /** False where the daemon was told to keep nothing. */
  get isOn(): boolean {
    const { undoRetention, undoBudget } = this.#options.config();
    return undoRetention > 0 && undoBudget > 0;
  }

  /** Newest first. */
  list(): UndoEntry[] {
    return [...this.#entries.values()].sort((one, other) => other.removedAt - one.removedAt);
  }

  get(id: string): UndoEntry | undefined {
    return this.#entries.get(id);
  }

  expiresAt({ removedAt }: UndoEntry): number {
    return removedAt + this.#options.config().undoRetention;
  }

  /** Where a part of an entry is, or is to be. */
  place(id: string, part: 'volume' | 'layer' | 'files'): string {
    return join(this.#options.root, id, part);
  }

  /** Durable when it returns; the directory for the parts is there. The same ID may begin again: a removal that was cut short goes on. */
  begin(entry: UndoEntry): void {
    mkdirSync(join(this.#options.root, entry.id), { recursive: true, mode: 0o700 });
    this.#put(entry);
  }

  /** Its parts are here. Counts and tidies in the background. */
  settle(): void {
    this.#arm(settleMs);
  }

  /** It was restored: its directory is empty. */
  forget(id: string): void {
    this.#options.documents.delete(id);
    this.#entries.delete(id);
    try {
      rmdirSync(join(this.#options.root, id));
    } catch {
      /* Start-up takes away what is left. */
    }
  }

  /** Out of sight when it returns; removed in the background. */
  drop(id: string): void {
    this.#options.documents.delete(id);
    this.#entries.delete(id);
    const doomed = join(this.#options.root, `${removing}${randomBytes(8).toString('hex')}`);
    try {
      renameSync(join(this.#options.root, id), doomed);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      return;
    }
    this.#later(() => this.#options.removeTree(doomed));
  }

  /** Resolves when what was dropped is gone from the disk. */
  idle(): Promise<void> {
    return this.#work;
  }

  /** What is being removed is left where it is; the next start goes on with it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#work;
  }

  #put(entry: UndoEntry): void {
    this.#options.documents.put(entry.id, entry);
    this.#entries.set(entry.id, entry);
  }

  #later(work: () => Promise<void>): void {
    this.#work = this.#work
      .then(() => (this.#isClosed ? undefined : work()))
      .catch((err: unknown) => this.#options.log.warn({ err }, 'could not tidy up what can be restored'));
  }

  #arm(delay: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => this.#later(() => this.#tidy()), Math.min(delay, longestTimer));
    this.#timer.unref();
  }

  async #tidy(): Promise<void> {
    const now = Date.now();
    for (const entry of this.list()) {
      if (this.#isClosed) return;
      if (this.expiresAt(entry) <= now) this.drop(entry.id);
      else if (entry.size === undefined) await this.#measure(entry);
    }
    await this.#keepToBudget();
    const next = Math.min(...this.list().map((entry) => this.expiresAt(entry)));
    if (Number.isFinite(next)) this.#arm(Math.max(1000, next - Date.now()));
  }

  async #measure(entry: UndoEntry): Promise<void> {
    const size = await this.#options.measure(join(this.#options.root, entry.id));
    if (this.#entries.has(entry.id)) this.#put({ ...entry, size });
  }

  /** The newest stay. */
  async #keepToBudget(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#options.root);
    const kept = this.list();
    const held = kept.reduce((sum, { size = 0 }) => sum + size, 0);
    const budget = Math.min(this.#options.config().undoBudget, (bavail * bsize + held) * shareOfFree);
    let total = 0;
    for (const [index, { id, size = 0 }] of kept.entries()) {
      total += size;
      if (total <= budget && index < mostEntries) continue;
      total -= size;
      this.drop(id);
    }
  }

  /** Whatever a crash left without a document, or on its way out. */
  #sweep(): void {
    const { root, removeTree } = this.#options;
    for (const name of readdirSync(root)) {
      if (name.startsWith(removing)) this.#later(() => removeTree(join(root, name)));
      else if (!this.#entries.has(name)) this.drop(name);
    }
    this.#arm(settleMs);
  }
}

/** EngineError `data-loss` for anything that is no entry. */
export function parseUndoEntry(value: unknown): UndoEntry {
  if (isEntry(value)) return value;
  throw new EngineError(
    'data-loss',
    `the database holds a bad removal: ${JSON.stringify(value).slice(0, 200)}`,
  );
}

function isEntry(value: unknown): value is UndoEntry {
  if (typeof value !== 'object' || value === null) return false;
  const fields = new Map<string, unknown>(Object.entries(value));
  const kind = fields.get('kind');
  const subject = fields.get(kind === 'volume' ? 'volume' : 'container');
  return (
    (kind === 'volume' || kind === 'container') &&
    ['id', 'name', 'group'].every((name) => typeof fields.get(name) === 'string') &&
    typeof fields.get('removedAt') === 'number' &&
    typeof subject === 'object' &&
    subject !== null
  );
}
