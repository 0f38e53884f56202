/** What a registry answers where something is wrong (distribution-spec, "Error Codes"), and what Docker says then. */
import { EngineError, type EngineErrorOptions, type ErrorCode } from '../../errors/engine-error.ts';
import { familiarName, familiarReference, type Reference } from '../../oci/reference.ts';

/** Why a request failed. */
export interface RegistryFailure {
  status: number;
  /** `MANIFEST_UNKNOWN`, `DENIED`, …; '' where the body names none. */
  code: string;
  message: string;
  /** What to do about it, where the answer's head says. */
  hint?: string;
  /** Milliseconds that the registry wants to be left alone. */
  wait?: number;
}

/** `code` of a failure where the registry wants a password and none was given. */
export const noCredentials = 'NO_CREDENTIALS';

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const codesByStatus: Record<number, { code: string; message: string }> = {
  401: { code: 'UNAUTHORIZED', message: 'authentication required' },
  403: { code: 'DENIED', message: 'requested access to the resource is denied' },
  404: { code: 'NOT_FOUND', message: 'not found' },
  429: { code: 'TOOMANYREQUESTS', message: 'too many requests' },
};

const hintsByStatus: Record<number, string> = {
  405: 'the registry does not allow this: it may be read-only, or a cache of another one',
  413: 'the registry, or a proxy before it, takes no bodies of this size: raise its limit (client_max_body_size of nginx)',
};

interface ErrorBody {
  errors: Array<{ code: string; message: string }>;
}

function isErrorBody(value: unknown): value is ErrorBody {
  if (typeof value !== 'object' || value === null || !('errors' in value) || !Array.isArray(value.errors))
    return false;
  return value.errors.every(
    (item: unknown) =>
      typeof item === 'object' && item !== null && 'code' in item && typeof item.code === 'string',
  );
}

/** Reads the body of an answer that is no success; `headers` may tell of a rate limit. */
export function readFailure(status: number, body: string, headers: Headers = {}): RegistryFailure {
  const known = codesByStatus[status] ?? { code: '', message: `unexpected status code ${status}` };
  const hint = status === 429 ? explainLimit(headers) : hintsByStatus[status];
  const seconds = Number(headers['retry-after']);
  const rest = {
    status,
    ...(hint === undefined ? {} : { hint }),
    ...(seconds > 0 ? { wait: seconds * 1000 } : {}),
  };
  try {
    const value: unknown = JSON.parse(body);
    const first = isErrorBody(value) ? value.errors[0] : undefined;
    if (first !== undefined) return { ...rest, code: first.code, message: first.message || known.message };
    return { ...rest, code: known.code, message: detailsOf(value) ?? known.message };
  } catch {
    // Proxies answer in HTML.
  }
  return { ...rest, ...known };
}

/** Docker Hub's token server has a form of its own: `{"details":"incorrect username or password"}`. */
function detailsOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('details' in value)) return undefined;
  return typeof value.details === 'string' && value.details !== '' ? value.details : undefined;
}

/** Docker Hub's `ratelimit-limit: 100;w=21600`, and `Retry-After` (RFC 9110, 10.2.3). */
function explainLimit(headers: Headers): string {
  const limit = /^(\d+)(?:;w=(\d+))?/.exec(String(headers['ratelimit-limit'] ?? ''));
  const source = headers['docker-ratelimit-source'];
  const window = limit?.[2] === undefined ? '' : ` in ${describeSeconds(Number(limit[2]))}`;
  const rule = limit === null ? '' : `the registry allows ${limit[1]} pulls${window}`;
  const counted = typeof source === 'string' && rule !== '' ? `, counted for ${source}` : '';
  const asked = headers['retry-after'];
  const seconds = Number(asked);
  const wait = Number.isFinite(seconds) && seconds > 0 ? `wait ${describeSeconds(seconds)}` : 'wait a while';
  const advice = `${wait}, log in to get a higher limit, or use a mirror (registry-mirrors in daemon.json)`;
  return rule === '' ? advice : `${rule}${counted}: ${advice}`;
}

function describeSeconds(seconds: number): string {
  const [count, unit] =
    seconds >= 5400
      ? [Math.round(seconds / 3600), 'hour']
      : seconds >= 90
        ? [Math.ceil(seconds / 60), 'minute']
        : [Math.ceil(seconds), 'second'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** `manifest unknown: manifest unknown`: how Docker writes a registry's error. */
export function textOfFailure({ code, message }: RegistryFailure): string {
  if (code === noCredentials) return 'no basic auth credentials';
  return code === '' ? message : `${code.toLowerCase().replaceAll('_', ' ')}: ${message}`;
}

function made(
  code: ErrorCode,
  message: string,
  failure: RegistryFailure,
  hint: string | undefined,
): EngineError {
  const { status, wait } = failure;
  const details = { status, code: failure.code, ...(wait === undefined ? {} : { wait }) };
  const options: EngineErrorOptions = { details };
  const advice = hint ?? failure.hint;
  return new EngineError(code, message, advice === undefined ? options : { ...options, hint: advice });
}

function loginHint(reference: Reference): string {
  const host = reference.domain === 'docker.io' ? '' : ` ${reference.domain}`;
  return `log in to the registry first: docker login${host}`;
}

/** Docker's error for a failed pull of `reference`. */
export function pullError(failure: RegistryFailure, reference: Reference): EngineError {
  const said = textOfFailure(failure);
  switch (failure.code) {
    case 'DENIED':
      return made(
        'not-found',
        `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login': ${said}`,
        failure,
        'check the name, or log in to the registry first',
      );
    case 'MANIFEST_UNKNOWN':
    case 'NOT_FOUND':
      return made(
        'not-found',
        `manifest for ${familiarReference(reference)} not found: ${said}`,
        failure,
        'check the tag: the repository has no such image',
      );
    case 'NAME_UNKNOWN':
      return made(
        'not-found',
        `repository ${familiarName(reference)} not found: ${said}`,
        failure,
        'check the name: the registry has no such repository',
      );
    case 'UNAUTHORIZED':
    case noCredentials:
      return made('unauthorized', said, failure, loginHint(reference));
    default:
      return made('unavailable', said, failure, undefined);
  }
}

/** Docker's error for a failed push to `reference`. */
export function pushError(failure: RegistryFailure, reference: Reference): EngineError {
  const said = textOfFailure(failure);
  switch (failure.code) {
    case 'DENIED':
      return made(
        'forbidden',
        said,
        failure,
        `check that you may push to ${familiarName(reference)}, or log in as somebody who may`,
      );
    case 'UNAUTHORIZED':
    case noCredentials:
      return made('unauthorized', said, failure, loginHint(reference));
    default:
      return made(
        failure.status < 500 && failure.status !== 429 ? 'conflict' : 'unavailable',
        said,
        failure,
        undefined,
      );
  }
}
