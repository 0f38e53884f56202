/** The builder's cache: what is in it, and taking away what is not needed; and the end of a build that runs. */
import type { CacheRecord, PruneCacheQuery } from '../build/build-types.ts';
import { nowInNanoseconds, parseTimeBound } from '../engine/time-bound.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { BuildCacheRow, BuildPruneResponse } from '../wire/system.ts';
import { Answer, type Call, param, speaks } from './call.ts';
import type { Filters, Query } from './query.ts';

const fields = ['id', 'parent', 'type', 'description', 'inuse', 'shared', 'private'];
const ages = ['until', 'unused-for'];

export async function postBuildPrune(call: Call): Promise<BuildPruneResponse> {
  const { engine, builder, query, signal } = call;
  const { ids, bytes } = await builder.prune(pruneQuery(query), signal);
  engine.events.publish({
    type: 'builder',
    action: 'prune',
    actorId: '',
    attributes: { reclaimed: String(bytes) },
  });
  return { CachesDeleted: ids.length === 0 ? null : ids, SpaceReclaimed: bytes };
}

/** EngineError `invalid-argument` for an unknown filter or a size that is none. */
export function pruneQuery(query: Query): PruneCacheQuery {
  const filters = query.filters();
  for (const filter of filters.keys()) {
    if (!fields.includes(filter) && !ages.includes(filter))
      throw new EngineError('invalid-argument', `invalid filter '${filter}'`, {
        hint: `it must be one of ${[...ages, ...fields].join(', ')}`,
      });
  }
  return {
    all: query.boolean('all'),
    keepStorage: query.integer('reserved-space') ?? query.integer('keep-storage') ?? 0,
    maxUsedSpace: query.integer('max-used-space') ?? 0,
    minFreeSpace: query.integer('min-free-space') ?? 0,
    unusedFor: unusedFor(filters),
    filters: new Map([...filters].filter(([name]) => fields.includes(name))),
  };
}

/** Milliseconds. */
function unusedFor(filters: Filters): number {
  const values = ages.flatMap((name) => filters.get(name) ?? []);
  if (values.length > 1)
    throw new EngineError('invalid-argument', `filters expect only one value: ${values.join(', ')}`);
  const bound = parseTimeBound('until', values[0]);
  if (bound === undefined) return 0;
  return Math.max(0, Number((nowInNanoseconds() - bound) / 1_000_000n));
}

/** `id` names a build by its `buildid`. One that is not there has ended: that is no error. */
export function postBuildCancel({ builder, query }: Call): Answer {
  const id = query.optional('id');
  if (id === undefined) throw new EngineError('invalid-argument', 'build ID not specified');
  builder.cancel(id);
  return new Answer(204);
}

/** The ID of a container in which the failed step's file system, mounts and environment are. */
export async function postBuildShell(call: Call): Promise<{ Id: string }> {
  return { Id: await call.builder.openFailedStep(param(call, 'id'), call.query.optional('step')) };
}

/** For `system df`. */
export function cacheRows(call: Call): BuildCacheRow[] {
  const isCurrent = speaks(call, '1.42');
  return call.builder.cache().map((record) => ({ ...encodeRecord(record), ...parentsOf(record, isCurrent) }));
}

/** Left out where there are none, as in Docker. */
function parentsOf({ parents }: CacheRecord, isCurrent: boolean): Pick<BuildCacheRow, 'Parents' | 'Parent'> {
  const [first] = parents;
  if (first === undefined) return {};
  return isCurrent ? { Parents: [...parents] } : { Parent: first };
}

function encodeRecord(record: CacheRecord): BuildCacheRow {
  return {
    ID: record.id,
    Type: record.type,
    Description: record.description,
    InUse: record.isInUse,
    Shared: record.isShared,
    Size: record.size,
    CreatedAt: new Date(record.createdAt).toISOString(),
    LastUsedAt: record.lastUsedAt === undefined ? null : new Date(record.lastUsedAt).toISOString(),
    UsageCount: record.usageCount,
  };
}
