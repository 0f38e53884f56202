/** The `Authorization` header's two forms, and the challenges that ask for them (RFC 7617, RFC 6750). */
import { EngineError } from '../../errors/engine-error.ts';
import type { AccessRequest } from '../registry-types.ts';

export interface Credentials {
  user: string;
  password: string;
}

/** Undefined where the header is missing, another scheme, or malformed. */
export function basicCredentials(authorization: string | undefined): Credentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  return colon === -1 ? undefined : { user: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

export function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
}

export function basicChallenge(realm: string): string {
  return `Basic realm=${quoted(realm)}`;
}

export interface BearerChallenge {
  realm: string;
  service: string;
  accesses: readonly AccessRequest[];
  error?: 'invalid_token' | 'insufficient_scope';
}

/** As distribution's token specification has it ("Token Authentication Specification", "How to authenticate"). */
export function bearerChallenge({ realm, service, accesses, error }: BearerChallenge): string {
  const scope = accesses
    .map(({ type, name, actions }) => `${type}:${name}:${[...actions].sort().join(',')}`)
    .join(' ');
  return [
    `Bearer realm=${quoted(realm)}`,
    `service=${quoted(service)}`,
    ...(scope === '' ? [] : [`scope=${quoted(scope)}`]),
    ...(error === undefined ? [] : [`error=${quoted(error)}`]),
  ].join(',');
}

function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replace(/[^\x20-\x7e]/g, '')}"`;
}

/** The answer to someone who has to say who they are. */
export function unauthorized(challenge: string, message = 'authentication required'): EngineError {
  return new EngineError('unauthorized', message, { details: { challenge } });
}

/** The answer to someone known who may not. */
export function denied(user: string, { name, actions }: AccessRequest): EngineError {
  return new EngineError(
    'forbidden',
    `requested access to the resource is denied: ${user} may not ${actions.join(' and ')} ${name}`,
  );
}
