/** Messages of the service `moby.buildkit.v1.frontend.LLBBridge` (frontend/gateway/pb/gateway.proto): a client that leads its own build. */
import { CacheOptionsEntry, RpcStatus, WorkerRecord } from './common-messages.ts';
import {
  bool,
  byteMap,
  byteStrings,
  bytes,
  int,
  message,
  messageMap,
  nested,
  repeated,
  string,
  stringMap,
  type ValueOf,
} from './protobuf.ts';

export const ApiCap = message({ id: string(1), enabled: bool(2) });

export const PongResponse = message({
  frontendApiCaps: repeated(1, ApiCap),
  llbCaps: repeated(2, ApiCap),
  workers: repeated(3, WorkerRecord),
});

/** A graph's operation, as far as it tells where something comes from (solver/pb/ops.proto, Op). */
export const OpaqueOperation = message({
  inputs: repeated(1, message({ digest: string(1), index: int(2) })),
  source: nested(3, message({ identifier: string(1) })),
});

/** A graph: its operations, each as it was encoded, and what is said of each by its digest. Clients take one that says nothing for none. */
export const OpaqueDefinition = message({ def: byteStrings(1), metadata: messageMap(2, message({})) });

export const FrontendSolveRequest = message({
  frontend: string(2),
  frontendOpt: stringMap(3),
  final: bool(10),
  cacheImports: repeated(12, CacheOptionsEntry),
  frontendInputs: messageMap(13, OpaqueDefinition),
  evaluate: bool(14),
});
export type FrontendSolveRequest = ValueOf<typeof FrontendSolveRequest>;

export const Ref = message({ id: string(1), def: nested(2, OpaqueDefinition) });
export const RefMap = message({ refs: messageMap(1, Ref) });
export const Result = message({ ref: nested(3, Ref), refs: nested(4, RefMap), metadata: byteMap(10) });
export const FrontendSolveResponse = message({ ref: string(1), result: nested(3, Result) });

export const ReturnRequest = message({ result: nested(1, Result), error: nested(2, RpcStatus) });
export const RefRequest = message({ ref: string(1), path: string(2) });
export const ReadFileResponse = message({ data: bytes(1) });
