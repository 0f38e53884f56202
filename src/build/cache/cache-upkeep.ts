/** What the build cache holds, and its pruning: steps and cache mounts. */
import { statfsSync } from 'node:fs';
import type { Engine } from '../../engine/engine.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { CacheRecord, PruneCacheQuery } from '../build-types.ts';
import type { CacheMounts } from './cache-mounts.ts';
import type { StepCache } from './step-cache.ts';

type UpkeepEngine = Pick<Engine, 'images' | 'sizes' | 'config'>;

export interface CacheUpkeepParts {
  engine: UpkeepEngine;
  cache: StepCache;
  cacheMounts: CacheMounts;
  /** Keys of steps that builds under way have used. */
  inUse: () => ReadonlySet<string>;
}

/** Sizes of cache mounts are as last measured: they change while they are used. */
export class CacheUpkeep {
  readonly #parts: CacheUpkeepParts;
  readonly #mountSizes = new Map<string, number>();

  constructor(parts: CacheUpkeepParts) {
    this.#parts = parts;
  }

  /** Measures the cache mounts anew. */
  async measure(): Promise<void> {
    const { cacheMounts, engine } = this.#parts;
    for (const [key, { lastUsedAt }] of cacheMounts.records()) {
      const changedAt = cacheMounts.isInUse(key) ? Number.POSITIVE_INFINITY : lastUsedAt;
      const size = await engine.sizes.trees.size(`build ${key}`, cacheMounts.rootOf(key), changedAt);
      this.#mountSizes.set(key, Math.max(size, 0));
    }
  }

  records(): CacheRecord[] {
    return [...this.#steps(), ...this.#mounts()];
  }

  /** IDs and bytes of what went. */
  async prune(query: PruneCacheQuery, signal: AbortSignal): Promise<{ ids: string[]; bytes: number }> {
    await this.measure();
    const all = this.records();
    const doomed = chooseDoomed(all, query, () => freeSpace(this.#parts.engine.config.dataRoot));
    const steps = new Set(this.#parts.cache.records().keys());
    await this.#parts.cache.forget(doomed.filter(({ id }) => steps.has(id)).map(({ id }) => id));
    for (const { id } of doomed) {
      if (signal.aborted) throw new EngineError('cancelled', 'the pruning was cancelled');
      if (!steps.has(id)) await this.#parts.cacheMounts.remove(id);
    }
    // What an image has, too, takes its room all the same.
    const bytes = doomed.reduce((sum, { isShared, size }) => sum + (isShared ? 0 : size), 0);
    return { ids: doomed.map(({ id }) => id), bytes };
  }

  *#steps(): Generator<CacheRecord> {
    const { cache, engine, inUse } = this.#parts;
    const used = inUse();
    const ofImages = engine.images.builds.usedByImages();
    for (const [id, record] of cache.records()) {
      const top = cache.layersOf(id).at(-1)?.chainId;
      yield {
        id,
        parents: record.parent !== undefined && cache.records().has(record.parent) ? [record.parent] : [],
        description: record.description,
        type: 'regular',
        size: record.size,
        isInUse: used.has(id),
        isShared: top !== undefined && ofImages.has(top),
        createdAt: record.createdAt,
        lastUsedAt: record.lastUsedAt,
        usageCount: record.usageCount,
      };
    }
  }

  *#mounts(): Generator<CacheRecord> {
    for (const [id, record] of this.#parts.cacheMounts.records()) {
      yield {
        id,
        parents: [],
        description: `cached mount ${record.id}`,
        type: 'exec.cachemount',
        size: this.#mountSizes.get(id) ?? 0,
        isInUse: this.#parts.cacheMounts.isInUse(id),
        isShared: false,
        createdAt: record.createdAt,
        lastUsedAt: record.lastUsedAt,
        usageCount: record.usageCount,
      };
    }
  }
}

/**
 * What goes: of those that match and nobody uses, all where no space is named, else the longest unused ones until the bounds hold. Without `all`, what
 * images have stays: a next build of them needs it, and it frees nothing.
 */
export function chooseDoomed(
  records: readonly CacheRecord[],
  query: PruneCacheQuery,
  freeBytes: () => number,
  now = Date.now(),
): CacheRecord[] {
  checkFields(query.filters);
  const usedAt = ({ lastUsedAt, createdAt }: CacheRecord): number => lastUsedAt ?? createdAt;
  const candidates = records
    .filter((record) => !record.isInUse && (query.all || !record.isShared))
    .filter((record) => now - usedAt(record) >= query.unusedFor)
    .filter((record) => matches(record, query.filters))
    .toSorted((one, other) => usedAt(one) - usedAt(other));
  const isBounded = query.keepStorage > 0 || query.maxUsedSpace > 0 || query.minFreeSpace > 0;
  if (!isBounded) return candidates;
  const total = records.reduce((sum, { size }) => sum + size, 0);
  const target = Math.min(query.keepStorage || Infinity, query.maxUsedSpace || Infinity);
  const missing = query.minFreeSpace > 0 ? Math.max(0, query.minFreeSpace - freeBytes()) : 0;
  let toFree = Math.max(total - target, missing, 0);
  const doomed: CacheRecord[] = [];
  for (const record of candidates) {
    if (toFree <= 0) break;
    doomed.push(record);
    toFree -= record.size;
  }
  return doomed;
}

function freeSpace(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

type Test = (record: CacheRecord, value: string) => boolean;

const tests: Readonly<Record<string, Test>> = {
  id: ({ id }, value) => id.startsWith(value) || id.startsWith(`sha256:${value}`),
  parent: ({ parents }, value) => parents.some((parent) => parent.startsWith(value)),
  parents: ({ parents }, value) => parents.some((parent) => parent.startsWith(value)),
  type: ({ type }, value) => type === value,
  description: ({ description }, value) => description.includes(value),
  inuse: ({ isInUse }, value) => isInUse === (value !== 'false'),
  shared: ({ isShared }, value) => isShared === (value !== 'false'),
  private: ({ isShared }, value) => isShared === (value === 'false'),
};

/** EngineError `invalid-argument` for a field that there is not. */
function checkFields(filters: ReadonlyMap<string, readonly string[]>): void {
  for (const field of filters.keys())
    if (tests[field] === undefined)
      throw new EngineError('invalid-argument', `invalid filter '${field}'`, {
        hint: `use one of ${Object.keys(tests).join(', ')}`,
      });
}

/** All fields, each with one of its values. */
function matches(record: CacheRecord, filters: ReadonlyMap<string, readonly string[]>): boolean {
  return [...filters].every(([field, values]) => values.some((value) => tests[field]?.(record, value)));
}
