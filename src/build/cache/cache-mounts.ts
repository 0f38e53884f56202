/** Directories that RUN --mount=type=cache keeps from build to build, below the data root. */
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '../../engine/engine.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { removeTree } from '../../snapshots/remove-tree.ts';
import type { Collection } from '../../util/collection.ts';
import { Mutex } from '../../util/mutex.ts';

export interface CacheMountRecord {
  /** As the user wrote it, or the target's path. */
  id: string;
  createdAt: number;
  lastUsedAt: number;
  usageCount: number;
  /** 0 for the one that everybody shares; others were made for builds that ran at the same time (`sharing=private`). */
  copy: number;
}

export function parseCacheMount(value: unknown): CacheMountRecord {
  if (typeof value === 'object' && value !== null && 'id' in value) return value as CacheMountRecord;
  throw new EngineError('data-loss', 'the database holds a damaged record of a cache mount', {
    hint: 'remove the build cache: builder prune --all',
  });
}

export interface OpenCacheMount {
  key: string;
  root: string;
  /** Is it new, so that what `from` names is to be copied into it? */
  isNew: boolean;
  release: () => void;
}

export class CacheMounts {
  readonly #root: string;
  readonly #launcher: Engine['launcher'];
  readonly #stored: Collection<CacheMountRecord>;
  readonly #records: Map<string, CacheMountRecord>;
  readonly #users = new Map<string, number>();
  readonly #locks = new Map<string, Mutex>();

  constructor(engine: Engine) {
    this.#root = join(engine.config.dataRoot, 'build', 'mounts');
    this.#launcher = engine.launcher;
    this.#stored = engine.database.collection('build_cache_mounts', parseCacheMount);
    this.#records = new Map(this.#stored.entries());
  }

  /**
   * The directory of `id`: the same one for all (`shared`), for one after the other (`locked`), or one that nobody else has meanwhile (`private`).
   * `owner` is what a new one belongs to.
   */
  async open(
    id: string,
    sharing: 'shared' | 'private' | 'locked',
    signal: AbortSignal,
  ): Promise<OpenCacheMount> {
    if (sharing !== 'locked') return await this.#take(id, sharing === 'private' ? this.#freeCopy(id) : 0, []);
    const lock = this.#locks.get(id) ?? new Mutex();
    this.#locks.set(id, lock);
    const held = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    lock
      .run(async () => {
        entered.resolve();
        await held.promise;
      }, signal)
      .catch(entered.reject);
    await entered.promise;
    return await this.#take(id, 0, [held.resolve]);
  }

  records(): ReadonlyMap<string, CacheMountRecord> {
    return this.#records;
  }

  isInUse(key: string): boolean {
    return (this.#users.get(key) ?? 0) > 0;
  }

  rootOf(key: string): string {
    return join(this.#root, key);
  }

  /** Nothing where somebody uses it. */
  async remove(key: string): Promise<void> {
    if (this.isInUse(key)) return;
    this.#records.delete(key);
    this.#stored.delete(key);
    await removeTree(this.#launcher, this.rootOf(key), true);
  }

  #freeCopy(id: string): number {
    let copy = 0;
    while (this.isInUse(keyOfMount(id, copy))) copy += 1;
    return copy;
  }

  async #take(id: string, copy: number, releases: ReadonlyArray<() => void>): Promise<OpenCacheMount> {
    const key = keyOfMount(id, copy);
    this.#users.set(key, (this.#users.get(key) ?? 0) + 1);
    const release = (): void => {
      this.#users.set(key, (this.#users.get(key) ?? 1) - 1);
      const record = this.#records.get(key);
      if (record !== undefined) this.#records.set(key, { ...record, lastUsedAt: Date.now() });
      for (const one of releases) one();
    };
    try {
      const known = this.#records.get(key);
      const now = Date.now();
      const record = known ?? { id, createdAt: now, lastUsedAt: now, usageCount: 0, copy };
      const used = { ...record, lastUsedAt: now, usageCount: record.usageCount + 1 };
      await mkdir(this.rootOf(key), { recursive: true, mode: 0o755 });
      this.#records.set(key, used);
      this.#stored.put(key, used);
      return { key, root: this.rootOf(key), isNew: known === undefined, release };
    } catch (error) {
      release();
      throw error;
    }
  }
}

function keyOfMount(id: string, copy: number): string {
  return createHash('sha256').update(`${copy} ${id}`).digest('hex').slice(0, 32);
}
