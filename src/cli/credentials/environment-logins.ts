/** Logins in DOCKER_AUTH_CONFIG, as continuous integration gives them to docker's client (28.3 and newer). */
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import type { Credentials } from './credentials.ts';

/**
 * By server, as it is written there: `{"auths":{"SERVER":{"auth":"base64 of USER:PASSWORD"}}}`. Nothing where `text` is empty or
 * undefined. EngineError `invalid-argument` for anything else, for as to docker's client a mistyped key is a mistake.
 */
export function environmentLogins(text: string | undefined): ReadonlyMap<string, Credentials> {
  if (text === undefined || text.trim() === '') return new Map();
  const { auths = {}, ...others } = objectOf(parsed(text), 'it');
  refuseKeys(others, 'it');
  return new Map(
    Object.entries(objectOf(auths, '"auths"')).map(([server, entry]) => [server, login(server, entry)]),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`it is no JSON object: ${messageOf(cause)}`, cause);
  }
}

function login(server: string, entry: unknown): Credentials {
  const { auth, ...others } = objectOf(entry, `the entry of ${server}`);
  refuseKeys(others, `the entry of ${server}`);
  if (typeof auth !== 'string' || auth === '') throw invalid(`the entry of ${server} has no "auth"`);
  const text = isBase64(auth) ? Buffer.from(auth, 'base64').toString() : '';
  const colon = text.indexOf(':');
  if (colon < 1) throw invalid(`"auth" of ${server} is not base64 of USER:PASSWORD`);
  const password = text.slice(colon + 1).replace(/^\0+|\0+$/g, '');
  return { username: text.slice(0, colon), password, identityToken: '' };
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${what} is no JSON object`);
  return { ...value };
}

function refuseKeys(others: object, what: string): void {
  const [key] = Object.keys(others);
  if (key !== undefined) throw invalid(`${what} has a key that means nothing there: "${key}"`);
}

function invalid(why: string, cause?: unknown): EngineError {
  return new EngineError('invalid-argument', `DOCKER_AUTH_CONFIG is left out: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Set it to {"auths":{"SERVER":{"auth":"…"}}}, or unset it.',
  });
}
