/** The one table from error codes to HTTP statuses, and the text of an error on the wire. */
import { type ErrorCode, isEngineError, messageOf } from '../errors/engine-error.ts';

/** Docker answers 409 wherever a container is in the wrong state, hence for `failed-precondition` too. */
const statuses: Record<ErrorCode, number> = {
  'invalid-argument': 400,
  unauthorized: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'not-modified': 304,
  'failed-precondition': 409,
  'resource-exhausted': 500,
  'not-implemented': 501,
  unavailable: 503,
  cancelled: 500,
  'data-loss': 500,
  internal: 500,
};

/** The status for anything that was thrown: 500 for what is no EngineError. */
export function statusOf(error: unknown): number {
  return isEngineError(error) ? statuses[error.code] : 500;
}

/** The message for the client: what failed, then the hint as a sentence of its own. */
export function textOf(error: unknown): string {
  const message = messageOf(error);
  const hint = isEngineError(error) ? error.hint : undefined;
  if (hint === undefined || hint === '') return message;
  const sentence = `${hint.charAt(0).toUpperCase()}${hint.slice(1)}`;
  return `${withStop(message)} ${withStop(sentence)}`;
}

function withStop(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
