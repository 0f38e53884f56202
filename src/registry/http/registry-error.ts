/** What goes wrong, as a registry's clients are told (distribution-spec, "Error Codes"): one table from EngineErrors. */
import { EngineError, type ErrorCode, isEngineError } from '../../errors/engine-error.ts';

interface CodeRow {
  status: number;
  engine: ErrorCode;
  message: string;
}

/** The specification's codes; `UNKNOWN` and `UNAVAILABLE`, which are distribution's, only with 5xx. */
const table = {
  BLOB_UNKNOWN: row(404, 'not-found', 'blob unknown to registry'),
  BLOB_UPLOAD_INVALID: row(400, 'invalid-argument', 'blob upload invalid'),
  BLOB_UPLOAD_UNKNOWN: row(404, 'not-found', 'blob upload unknown to registry'),
  DIGEST_INVALID: row(400, 'invalid-argument', 'provided digest did not match uploaded content'),
  MANIFEST_BLOB_UNKNOWN: row(400, 'not-found', 'manifest references a manifest or blob unknown to registry'),
  MANIFEST_INVALID: row(400, 'invalid-argument', 'manifest invalid'),
  MANIFEST_UNKNOWN: row(404, 'not-found', 'manifest unknown'),
  NAME_INVALID: row(400, 'invalid-argument', 'invalid repository name'),
  NAME_UNKNOWN: row(404, 'not-found', 'repository name not known to registry'),
  SIZE_INVALID: row(400, 'invalid-argument', 'provided length did not match content length'),
  UNAUTHORIZED: row(401, 'unauthorized', 'authentication required'),
  DENIED: row(403, 'forbidden', 'requested access to the resource is denied'),
  UNSUPPORTED: row(405, 'not-implemented', 'the operation is unsupported'),
  TOOMANYREQUESTS: row(429, 'unavailable', 'too many requests'),
  UNAVAILABLE: row(503, 'unavailable', 'service unavailable'),
  UNKNOWN: row(500, 'internal', 'unknown error'),
} as const satisfies Record<string, CodeRow>;

function row(status: number, engine: ErrorCode, message: string): CodeRow {
  return { status, engine, message };
}

export type RegistryCode = keyof typeof table;

/** Codes that mean one thing on every route; `not-found` depends on what was asked for. */
const codesByError: Record<Exclude<ErrorCode, 'not-found'>, { code: RegistryCode; status?: number }> = {
  'invalid-argument': { code: 'UNSUPPORTED', status: 400 },
  unauthorized: { code: 'UNAUTHORIZED' },
  forbidden: { code: 'DENIED' },
  conflict: { code: 'BLOB_UPLOAD_INVALID', status: 409 },
  'not-modified': { code: 'UNKNOWN' },
  'failed-precondition': { code: 'UNSUPPORTED', status: 400 },
  'resource-exhausted': { code: 'UNAVAILABLE', status: 507 },
  'not-implemented': { code: 'UNSUPPORTED' },
  unavailable: { code: 'UNAVAILABLE' },
  cancelled: { code: 'BLOB_UPLOAD_INVALID', status: 400 },
  'data-loss': { code: 'UNKNOWN' },
  internal: { code: 'UNKNOWN' },
};

/** Details that steer the answer instead of being in it. */
const steering = new Set(['registryCode', 'registryStatus', 'challenge']);

export interface RegistryErrorOptions {
  /** Where it is another one than the code's own. */
  status?: number;
  message?: string;
  hint?: string;
  detail?: Record<string, string | number | boolean>;
  cause?: unknown;
}

/** An EngineError that is answered as `code`. */
export function registryError(code: RegistryCode, options: RegistryErrorOptions = {}): EngineError {
  const { status, message, hint, detail, cause } = options;
  return new EngineError(table[code].engine, message ?? table[code].message, {
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
    details: {
      ...detail,
      registryCode: code,
      ...(status === undefined ? {} : { registryStatus: status }),
    },
  });
}

/** An error as it is answered. */
export interface Failure {
  status: number;
  code: RegistryCode;
  message: string;
  detail: Record<string, string | number | boolean>;
  /** For `WWW-Authenticate`. */
  challenge?: string;
}

function isRegistryCode(value: unknown): value is RegistryCode {
  return typeof value === 'string' && Object.hasOwn(table, value);
}

function codeOf(error: EngineError, notFound: RegistryCode): { code: RegistryCode; status?: number } {
  const { registryCode, registryStatus, challenge, code } = error.details;
  if (isRegistryCode(registryCode))
    return {
      code: registryCode,
      ...(typeof registryStatus === 'number' ? { status: registryStatus } : {}),
    };
  // An upstream's bound is passed on, so that clients wait as they would there.
  if (code === 'TOOMANYREQUESTS') return { code };
  // An upstream that wants other credentials than ours: the client has none to give.
  if (error.code === 'unauthorized' && challenge === undefined) return { code: 'DENIED' };
  return error.code === 'not-found' ? { code: notFound } : codesByError[error.code];
}

/** How anything that was thrown is answered. `notFound` is what `not-found` means on this route. */
export function describeFailure(error: unknown, notFound: RegistryCode): Failure {
  if (!isEngineError(error))
    return { status: 500, code: 'UNKNOWN', message: table.UNKNOWN.message, detail: {} };
  const { code, status } = codeOf(error, notFound);
  const { challenge } = error.details;
  const detail = Object.fromEntries(Object.entries(error.details).filter(([key]) => !steering.has(key)));
  return {
    status: status ?? table[code].status,
    code,
    message: error.message,
    detail: error.hint === undefined ? detail : { ...detail, hint: error.hint },
    ...(typeof challenge === 'string' ? { challenge } : {}),
  };
}

/** The body of the specification's form. */
export function failureBody({ code, message, detail }: Failure): string {
  const own = Object.keys(detail).length === 0 ? {} : { detail };
  return `${JSON.stringify({ errors: [{ code, message, ...own }] })}\n`;
}
