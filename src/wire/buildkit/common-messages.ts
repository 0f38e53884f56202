/** Messages that several of BuildKit's services share (api/types/worker.proto, solver/pb/ops.proto, google.protobuf, google.rpc). */
import {
  bool,
  bytes,
  int,
  message,
  nested,
  repeated,
  string,
  stringMap,
  strings,
  type ValueOf,
} from './protobuf.ts';

/** Nothing in it. */
export const Empty = message({});

/** A piece of a stream (`BytesMessage` of several services, always field 1). */
export const BytesMessage = message({ data: bytes(1) });

export const Timestamp = message({ seconds: int(1), nanos: int(2) });

/** From milliseconds since 1970; undefined stays that. */
export function timestampOf(ms: number | undefined): ValueOf<typeof Timestamp> | undefined {
  if (ms === undefined) return undefined;
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}

export const Any = message({ typeUrl: string(1), value: bytes(2) });

/** google.rpc.Status: what a failed call says. */
export const RpcStatus = message({ code: int(1), message: string(2), details: repeated(3, Any) });

export const Platform = message({
  architecture: string(1),
  os: string(2),
  variant: string(3),
  osVersion: string(4),
  osFeatures: strings(5),
});

export const Position = message({ line: int(1), character: int(2) });
export const Range = message({ start: nested(1, Position), end: nested(2, Position) });
export const SourceInfo = message({ filename: string(1), data: bytes(2), language: string(4) });

/** Of a graph that a client made: only its bytes matter here, to find it again. */
export const Definition = message({ def: repeated(1, message({})) });

export const BuildkitVersion = message({ package: string(1), version: string(2), revision: string(3) });

export const GcPolicy = message({
  all: bool(1),
  keepDuration: int(2),
  reservedSpace: int(3),
  filters: strings(4),
  maxUsedSpace: int(5),
  minFreeSpace: int(6),
});

export const WorkerRecord = message({
  id: string(1),
  labels: stringMap(2),
  platforms: repeated(3, Platform),
  gcPolicy: repeated(4, GcPolicy),
  buildkitVersion: nested(5, BuildkitVersion),
});

export const CacheOptionsEntry = message({ type: string(1), attrs: stringMap(2) });
