/** gRPC's status codes (grpc/grpc, doc/statuscodes.md), and what Gantry's errors are among them. */
import type { ErrorCode } from '../../errors/engine-error.ts';

export const grpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

const byError: Readonly<Record<ErrorCode, number>> = {
  'invalid-argument': grpcCode.invalidArgument,
  unauthorized: grpcCode.unauthenticated,
  forbidden: grpcCode.permissionDenied,
  'not-found': grpcCode.notFound,
  conflict: grpcCode.alreadyExists,
  'not-modified': grpcCode.unknown,
  'failed-precondition': grpcCode.failedPrecondition,
  'resource-exhausted': grpcCode.resourceExhausted,
  'not-implemented': grpcCode.unimplemented,
  unavailable: grpcCode.unavailable,
  cancelled: grpcCode.cancelled,
  'data-loss': grpcCode.dataLoss,
  internal: grpcCode.internal,
};

export function grpcCodeOf(code: ErrorCode): number {
  return byError[code];
}

const byCode: Readonly<Record<number, ErrorCode>> = {
  [grpcCode.cancelled]: 'cancelled',
  [grpcCode.invalidArgument]: 'invalid-argument',
  [grpcCode.notFound]: 'not-found',
  [grpcCode.alreadyExists]: 'conflict',
  [grpcCode.permissionDenied]: 'forbidden',
  [grpcCode.resourceExhausted]: 'resource-exhausted',
  [grpcCode.failedPrecondition]: 'failed-precondition',
  [grpcCode.unimplemented]: 'not-implemented',
  [grpcCode.unavailable]: 'unavailable',
  [grpcCode.dataLoss]: 'data-loss',
  [grpcCode.unauthenticated]: 'unauthorized',
};

export function errorCodeOf(grpc: number): ErrorCode {
  return byCode[grpc] ?? 'internal';
}
