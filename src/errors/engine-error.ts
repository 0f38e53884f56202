/** The one error type of Gantry: a closed set of codes, translated at the wire and nowhere else. */

/** Every way in which an operation can fail. `api/http-status.ts` maps each to a status, `cli/exit-code.ts` to an exit code. */
export const errorCodes = [
  'invalid-argument',
  'unauthorized',
  'forbidden',
  'not-found',
  'conflict',
  'not-modified',
  'failed-precondition',
  'resource-exhausted',
  'not-implemented',
  'unavailable',
  'cancelled',
  'data-loss',
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface EngineErrorOptions {
  /** What led to this error. */
  cause?: unknown;
  /** How to mend it: one imperative sentence, shown after the message. */
  hint?: string;
  /** Facts for programs (a path, a port, a digest), never needed to understand the message. */
  details?: Readonly<Record<string, string | number | boolean>>;
}

/** Thrown by every room. `message` says what failed and where, in the words that Docker's clients match on. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  constructor(code: ErrorCode, message: string, options: EngineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  /** The HTTP status of the answer, where a daemon's answer is what failed. */
  get status(): number | undefined {
    const status = this.details['status'];
    return typeof status === 'number' ? status : undefined;
  }
}

/** True if `error` is an EngineError, and of `code` where one is given. */
export function isEngineError(error: unknown, code?: ErrorCode): error is EngineError {
  return error instanceof EngineError && (code === undefined || error.code === code);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `errno` name (`ENOENT`, `EEXIST`, …) of a system error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
