/** The builder whose cache has the kept copies of contexts among its records, so that `du` tells them and `prune` takes them. */
import type { Builder, CacheRecord, PruneCacheQuery } from '../../build/build-types.ts';
import { matchesFields } from './cache-filters.ts';
import type { ContextStore } from './context-store.ts';

export function withKeptContexts(builder: Builder, contexts: ContextStore): Builder {
  return {
    contexts: builder.contexts,
    build: (request, signal) => builder.build(request, signal),
    cancel: (id) => builder.cancel(id),
    cache: () => [...builder.cache(), ...contexts.records()],
    prune: async (query, signal) => {
      const pruned = await builder.prune(query, signal);
      const removed = await removeAll(contexts, chosen(contexts.records(), query));
      return {
        ids: [...pruned.ids, ...removed.map(({ id }) => id)],
        bytes: removed.reduce((sum, { size }) => sum + size, pruned.bytes),
      };
    },
    openFailedStep: (id, vertex) => builder.openFailedStep(id, vertex),
    close: () => builder.close(),
  };
}

/** What the query takes: least recently used first, and only as much as has to go where it says how much is kept. */
function chosen(records: readonly CacheRecord[], query: PruneCacheQuery): CacheRecord[] {
  const allowed = Math.max(query.keepStorage, query.maxUsedSpace);
  let total = records.reduce((sum, { size }) => sum + size, 0);
  const oldest = [...records].sort((one, other) => (one.lastUsedAt ?? 0) - (other.lastUsedAt ?? 0));
  return oldest.filter((record) => {
    if (record.isInUse || !matchesFields(record, query.filters)) return false;
    if (Date.now() - (record.lastUsedAt ?? 0) < query.unusedFor) return false;
    if (allowed > 0 && total <= allowed) return false;
    total -= record.size;
    return true;
  });
}

async function removeAll(contexts: ContextStore, records: readonly CacheRecord[]): Promise<CacheRecord[]> {
  const removed: CacheRecord[] = [];
  for (const record of records) if (await contexts.remove(record.id)) removed.push(record);
  return removed;
}
