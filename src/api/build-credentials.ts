/** `X-Registry-Config`: the client's logins at the registries that a build may pull from. */
import type { BuildSecrets } from '../build/build-types.ts';
import type { RegistryAuth } from '../images/image-types.ts';
import { parseJson } from './body.ts';
import type { Call } from './call.ts';
import { decodeAuth } from './registry-auth.ts';

const dockerHub = 'https://index.docker.io/v1/';

/** Base64 of a JSON object by registry. A malformed one counts as none, as with Docker. Of secrets and agents the classic API knows nothing. */
export function classicSecrets(call: Pick<Call, 'request'>): BuildSecrets {
  const logins = loginsOf(call.request.headers['x-registry-config']);
  return {
    secret: async () => undefined,
    ssh: async () => undefined,
    credentials: async (host) => logins.get(host),
  };
}

function loginsOf(header: string | string[] | undefined): ReadonlyMap<string, RegistryAuth> {
  if (typeof header !== 'string' || header === '') return new Map();
  try {
    return new Map(entriesOf(header));
  } catch {
    return new Map();
  }
}

function entriesOf(header: string): Array<[string, RegistryAuth]> {
  const outer = parseJson(`{"registries":${Buffer.from(header, 'base64url').toString('utf8')}}`);
  return outer
    .objectMap('registries')
    .map(([server, fields]): [string, RegistryAuth] => [hostOf(server), decodeAuth(fields)]);
}

/** `https://index.docker.io/v1/` is docker.io; of other addresses the host counts. */
function hostOf(server: string): string {
  if (server === dockerHub || server === 'index.docker.io') return 'docker.io';
  return server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}
