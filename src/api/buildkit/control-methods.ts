/** The service `Control`: builds, their progress, the workers, the cache. */
import type { CacheRecord } from '../../build/build-types.ts';
import { Empty, timestampOf } from '../../wire/buildkit/common-messages.ts';
import {
  DiskUsageRequest,
  DiskUsageResponse,
  InfoResponse,
  ListWorkersResponse,
  PruneRequest,
  SolveRequest,
  SolveResponse,
  StatusRequest,
  StatusResponse,
  UsageRecord,
} from '../../wire/buildkit/control-messages.ts';
import type { ValueOf } from '../../wire/buildkit/protobuf.ts';
import { bridgeMethods } from './bridge-methods.ts';
import { type BuildService, solve } from './build-service.ts';
import { cacheFilters } from './cache-filters.ts';
import { type GrpcMethods, streaming, unary } from './grpc-server.ts';
import { builtBy, workerRecord } from './worker-record.ts';

const service = '/moby.buildkit.v1.Control';

/** Everything that is served on `/grpc`. */
export function controlMethods(build: BuildService): GrpcMethods {
  return {
    ...bridgeMethods(build),
    ...cacheMethods(build),
    [`${service}/Solve`]: unary(SolveRequest, SolveResponse, async (request, call) => {
      const { metadata } = await solve(build, request, call.signal);
      return { exporterResponse: new Map(Object.entries(metadata)) };
    }),
    [`${service}/Status`]: streaming(StatusRequest, StatusResponse, async function* ({ ref }, call) {
      const job = await build.jobs.get(ref, call.signal);
      yield* job.log.follow(call.signal);
    }),
    [`${service}/ListWorkers`]: unary(Empty, ListWorkersResponse, () => ({
      record: [workerRecord(build.engine)],
    })),
    [`${service}/Info`]: unary(Empty, InfoResponse, () => ({ buildkitVersion: builtBy })),
  };
}

function cacheMethods({ builder }: BuildService): GrpcMethods {
  return {
    [`${service}/DiskUsage`]: unary(DiskUsageRequest, DiskUsageResponse, ({ filter }) => {
      const { matches } = cacheFilters(filter);
      return { record: builder.cache().filter(matches).map(usageOf) };
    }),
    [`${service}/Prune`]: streaming(PruneRequest, UsageRecord, async function* (request, call) {
      const before = new Map(builder.cache().map((record) => [record.id, record]));
      const { ids, bytes } = await builder.prune(
        {
          all: request.all,
          keepStorage: request.reservedSpace,
          maxUsedSpace: request.maxUsedSpace,
          minFreeSpace: request.minFreeSpace,
          unusedFor: Math.round(request.keepDuration / 1e6),
          filters: cacheFilters(request.filter).filters,
        },
        call.signal,
      );
      const known = ids.flatMap((id) => before.get(id) ?? []);
      for (const record of known) yield usageOf(record);
      const rest = bytes - known.reduce((sum, record) => sum + record.size, 0);
      /* What had no row of its own still counts. */
      if (rest > 0) yield { id: 'other', size: rest, recordType: 'internal' };
    }),
  };
}

function usageOf(record: CacheRecord): ValueOf<typeof UsageRecord> {
  return {
    id: record.id,
    mutable: record.type === 'source.local' || record.type === 'exec.cachemount',
    inUse: record.isInUse,
    size: record.size,
    parent: '',
    createdAt: timestampOf(record.createdAt),
    lastUsedAt: timestampOf(record.lastUsedAt),
    usageCount: record.usageCount,
    description: record.description,
    recordType: record.type,
    shared: record.isShared,
    parents: [...record.parents],
  };
}
