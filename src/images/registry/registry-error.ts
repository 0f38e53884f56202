/** What a registry answers where something is wrong (distribution-spec, "Error Codes"), and what Docker says then. */
import { EngineError } from '../../errors/engine-error.ts';
import { familiarName, familiarReference, type Reference } from '../../oci/reference.ts';

/** Why a request failed: `status` is 0 where no answer came at all. */
export interface RegistryFailure {
  status: number;
  /** `MANIFEST_UNKNOWN`, `DENIED`, …; '' where the body names none. */
  code: string;
  message: string;
}

const codesByStatus: Record<number, { code: string; message: string }> = {
  401: { code: 'UNAUTHORIZED', message: 'authentication required' },
  403: { code: 'DENIED', message: 'requested access to the resource is denied' },
  404: { code: 'NOT_FOUND', message: 'not found' },
  429: { code: 'TOOMANYREQUESTS', message: 'too many requests' },
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

/** Reads the body of an answer that is no success. */
export function readFailure(status: number, body: string): RegistryFailure {
  const known = codesByStatus[status] ?? { code: '', message: `unexpected status code ${status}` };
  try {
    const value: unknown = JSON.parse(body);
    const first = isErrorBody(value) ? value.errors[0] : undefined;
    if (first !== undefined) return { status, code: first.code, message: first.message ?? known.message };
  } catch {
    // Proxies answer in HTML.
  }
  return { status, ...known };
}

/** `manifest unknown: manifest unknown`: how Docker writes a registry's error. */
function describe({ code, message }: RegistryFailure): string {
  return code === '' ? message : `${code.toLowerCase().replaceAll('_', ' ')}: ${message}`;
}

/** Docker's error for a failed pull of `reference`. */
export function pullError(failure: RegistryFailure, reference: Reference): EngineError {
  const details = { status: failure.status, code: failure.code };
  switch (failure.code) {
    case 'DENIED':
      return new EngineError(
        'not-found',
        `pull access denied for ${familiarName(reference)}, repository does not exist or may require 'docker login': ${describe(failure)}`,
        { details, hint: 'check the name, or log in to the registry first' },
      );
    case 'MANIFEST_UNKNOWN':
    case 'NOT_FOUND':
      return new EngineError(
        'not-found',
        `manifest for ${familiarReference(reference)} not found: ${describe(failure)}`,
        {
          details,
          hint: 'check the tag: the repository has no such image',
        },
      );
    case 'NAME_UNKNOWN':
      return new EngineError(
        'not-found',
        `repository ${familiarName(reference)} not found: ${describe(failure)}`,
        {
          details,
          hint: 'check the name: the registry has no such repository',
        },
      );
    case 'UNAUTHORIZED':
      return new EngineError('unauthorized', describe(failure), {
        details,
        hint: 'log in to the registry first',
      });
    case 'TOOMANYREQUESTS':
      return new EngineError('unavailable', describe(failure), {
        details,
        hint: 'wait a while, or log in to get a higher limit',
      });
    default:
      return new EngineError('unavailable', describe(failure), { details });
  }
}
