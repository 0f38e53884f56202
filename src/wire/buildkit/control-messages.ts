/** Messages of the service `moby.buildkit.v1.Control` (api/services/control/control.proto): builds, their progress, the cache. */
import {
  BuildkitVersion,
  CacheOptionsEntry,
  Range,
  SourceInfo,
  Timestamp,
  WorkerRecord,
} from './common-messages.ts';
import {
  bool,
  byteStrings,
  bytes,
  int,
  message,
  messageMap,
  nested,
  repeated,
  string,
  stringMap,
  strings,
  type ValueOf,
} from './protobuf.ts';

export const Exporter = message({ type: string(1), attrs: stringMap(2) });

export const CacheOptions = message({
  exportRefDeprecated: string(1),
  importRefsDeprecated: strings(2),
  exportAttrsDeprecated: stringMap(3),
  exports: repeated(4, CacheOptionsEntry),
  imports: repeated(5, CacheOptionsEntry),
});

export const SolveRequest = message({
  ref: string(1),
  /** A graph; undefined for a frontend's work. */
  definition: nested(2, message({})),
  exporterDeprecated: string(3),
  exporterAttrsDeprecated: stringMap(4),
  session: string(5),
  frontend: string(6),
  frontendAttrs: stringMap(7),
  cache: nested(8, CacheOptions),
  entitlements: strings(9),
  frontendInputs: messageMap(10, message({})),
  internal: bool(11),
  exporters: repeated(13, Exporter),
  enableSessionExporter: bool(14),
});
export type SolveRequest = ValueOf<typeof SolveRequest>;

export const SolveResponse = message({ exporterResponse: stringMap(1) });

export const StatusRequest = message({ ref: string(1) });

export const Vertex = message({
  digest: string(1),
  inputs: strings(2),
  name: string(3),
  cached: bool(4),
  started: nested(5, Timestamp),
  completed: nested(6, Timestamp),
  error: string(7),
});

export const VertexStatus = message({
  id: string(1),
  vertex: string(2),
  name: string(3),
  current: int(4),
  total: int(5),
  timestamp: nested(6, Timestamp),
  started: nested(7, Timestamp),
  completed: nested(8, Timestamp),
});

export const VertexLog = message({
  vertex: string(1),
  timestamp: nested(2, Timestamp),
  stream: int(3),
  msg: bytes(4),
});

export const VertexWarning = message({
  vertex: string(1),
  level: int(2),
  short: bytes(3),
  detail: byteStrings(4),
  url: string(5),
  info: nested(6, SourceInfo),
  ranges: repeated(7, Range),
});

export const StatusResponse = message({
  vertexes: repeated(1, Vertex),
  statuses: repeated(2, VertexStatus),
  logs: repeated(3, VertexLog),
  warnings: repeated(4, VertexWarning),
});
export type StatusResponse = ValueOf<typeof StatusResponse>;

export const UsageRecord = message({
  id: string(1),
  mutable: bool(2),
  inUse: bool(3),
  size: int(4),
  parent: string(5),
  createdAt: nested(6, Timestamp),
  lastUsedAt: nested(7, Timestamp),
  usageCount: int(8),
  description: string(9),
  recordType: string(10),
  shared: bool(11),
  parents: strings(12),
});

export const DiskUsageRequest = message({ filter: strings(1), ageLimit: int(2) });
export const DiskUsageResponse = message({ record: repeated(1, UsageRecord) });

/** `keepDuration` is in nanoseconds. */
export const PruneRequest = message({
  filter: strings(1),
  all: bool(2),
  keepDuration: int(3),
  reservedSpace: int(4),
  maxUsedSpace: int(5),
  minFreeSpace: int(6),
});

export const ListWorkersResponse = message({ record: repeated(1, WorkerRecord) });
export const InfoResponse = message({ buildkitVersion: nested(1, BuildkitVersion) });
