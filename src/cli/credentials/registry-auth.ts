/** The header by which a daemon is told what a registry wants to know of the user. */
import { authHeader } from '../../client/call-control.ts';
import { messageOf } from '../../errors/engine-error.ts';
import type { AuthConfig } from '../../wire/system.ts';
import type { Context } from '../context.ts';
import { type CredentialStore, openCredentials } from './credential-store.ts';
import { type Credentials, serverKey, serverOfImage } from './credentials.ts';
import { environmentLogins } from './environment-logins.ts';

type Asking = Pick<Context, 'io' | 'configFolder'>;

/** The user's credentials. Says on stderr where DOCKER_AUTH_CONFIG or config.json can't be read: what is in them is not there then. */
export function credentialStore({ io, configFolder }: Asking): CredentialStore {
  const given = givenLogins({ io });
  const { store, path, problem } = openCredentials(configFolder, io.env['PATH'] ?? '', given);
  if (problem !== undefined) io.stderr.write(`WARNING: Error parsing config file (${path}): ${problem}\n`);
  return store;
}

function givenLogins({ io }: Pick<Asking, 'io'>): ReadonlyMap<string, Credentials> {
  try {
    return environmentLogins(io.env['DOCKER_AUTH_CONFIG']);
  } catch (error) {
    io.stderr.write(`WARNING: ${messageOf(error)}\n`);
    return new Map();
  }
}

/** `X-Registry-Auth` for the registry of an image's complete name; no header where the user has no login there. */
export function registryAuthHeader(context: Asking, fullName: string): Readonly<Record<string, string>> {
  const server = serverOfImage(fullName);
  const auth = authFor(context, server);
  return authHeader(auth);
}

function authFor(context: Asking, server: string): AuthConfig | undefined {
  try {
    const found = credentialStore(context).get(server);
    if (found === undefined) return undefined;
    const { username, password, identityToken } = found;
    return identityToken === ''
      ? { username, password, serveraddress: server }
      : { ...(username === '' ? {} : { username }), serveraddress: server, identitytoken: identityToken };
  } catch (error) {
    // What needs no login works all the same.
    context.io.stderr.write(`WARNING: ${messageOf(error)}\n`);
    return undefined;
  }
}

/** The user's login at a registry's host (`docker.io`, `host:5000`); undefined where there is none. */
export function loginFor(context: Asking, host: string): AuthConfig | undefined {
  return authFor(context, serverKey(host));
}

/** All logins, by registry: for builds, which may pull from any. */
export function allLogins(context: Asking): Record<string, AuthConfig> {
  const servers = credentialStore(context).servers();
  const logins = servers.map((server): [string, AuthConfig | undefined] => [
    server,
    authFor(context, server),
  ]);
  return Object.fromEntries(
    logins.flatMap(([server, login]) => (login === undefined ? [] : [[server, login]])),
  );
}
