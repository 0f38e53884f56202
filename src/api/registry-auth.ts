/** `X-Registry-Auth`: what the client knows of the user at a registry. */
import type { RegistryAuth } from '../images/image-types.ts';
import { parseJson } from './body.ts';
import type { Call } from './call.ts';
import type { Fields } from './fields.ts';

/** Base64 (of either alphabet) of a JSON object. A malformed one counts as none, as with Docker. */
export function registryAuth(call: Call): RegistryAuth | undefined {
  const header = call.request.headers['x-registry-auth'];
  if (typeof header !== 'string' || header === '') return undefined;
  try {
    return decodeAuth(parseJson(Buffer.from(header, 'base64url').toString('utf8')));
  } catch {
    return undefined;
  }
}

/** The fields of an `AuthConfig`; old clients send `auth`, base64 of `USER:PASSWORD`, in place of the two. */
export function decodeAuth(fields: Fields): RegistryAuth {
  const auth = Buffer.from(fields.string('auth'), 'base64').toString('utf8');
  const colon = auth.indexOf(':');
  const username = fields.string('username') || auth.slice(0, Math.max(0, colon));
  const password = fields.string('password') || (colon < 0 ? '' : auth.slice(colon + 1));
  const identityToken = fields.string('identitytoken');
  const registryToken = fields.string('registrytoken');
  return {
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(identityToken === '' ? {} : { identityToken }),
    ...(registryToken === '' ? {} : { registryToken }),
  };
}
