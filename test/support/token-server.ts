/** A token server (distribution, token specification), whose tokens Debian's registry believes: users, rights, identity tokens. */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { makeAuthority } from './certificates.ts';
import type { RegistryOptions } from './registry.ts';

export interface TokenRequest {
  method: string;
  scopes: string[];
  /** Who asks; '' for nobody. */
  user: string;
  parameters: Record<string, string>;
}

export interface TokenServer {
  url: string;
  /** For `startRegistry`. */
  forRegistry: NonNullable<RegistryOptions['token']>;
  requests: TokenRequest[];
  /** Seconds that a token is said to be good for; it is for longer. */
  lifetime: number;
  /** What `user` may do with a repository; 'pull,push' for ann, 'pull' for the others unless replaced. */
  allowed: (user: string, repository: string) => string[];
  stop(): Promise<void>;
}

const service = 'test-registry';
const issuer = 'test-issuer';
/** All passwords are `secret`. */
const password = 'secret';
const identityPrefix = 'identity-of-';

interface Access {
  type: string;
  name: string;
  actions: string[];
}

function parseScope(scope: string, allowed: (repository: string) => string[]): Access {
  const [type = '', ...rest] = scope.split(':');
  const actions = (rest.pop() ?? '').split(',');
  const name = rest.join(':');
  const may = type === 'registry' ? ['*'] : allowed(name);
  return { type, name, actions: actions.filter((action) => may.includes(action)) };
}

/** Undefined for a wrong password. */
function userOf(request: IncomingMessage, fields: URLSearchParams): string | undefined {
  if (request.method === 'POST') {
    const token = fields.get('refresh_token') ?? '';
    return token.startsWith(identityPrefix) ? token.slice(identityPrefix.length) : undefined;
  }
  const { authorization } = request.headers;
  if (authorization === undefined) return '';
  const [user = '', given] = Buffer.from(authorization.slice(6), 'base64').toString().split(':');
  return given === password ? user : undefined;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

export async function startTokenServer(): Promise<TokenServer> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-tokens-'));
  const authority = makeAuthority(directory, 'issuer');
  const certificate = readFileSync(authority.certificate, 'utf8');
  const key = createPrivateKey(readFileSync(authority.key));
  const der = new X509Certificate(certificate).raw.toString('base64');
  rmSync(directory, { recursive: true });

  const sign = (user: string, access: Access[]): Promise<string> =>
    new SignJWT({ access })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', x5c: [der] })
      .setIssuer(issuer)
      .setAudience(service)
      .setSubject(user)
      .setJti(randomBytes(8).toString('hex'))
      .setNotBefore('-1m')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(key);

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const text = request.method === 'POST' ? await readBody(request) : (request.url ?? '').split('?')[1];
    const fields = new URLSearchParams(text ?? '');
    const user = userOf(request, fields);
    const scopes = fields.getAll('scope').flatMap((scope) => scope.split(' ').filter(Boolean));
    server.requests.push({
      method: request.method ?? '',
      scopes,
      user: user ?? '',
      parameters: Object.fromEntries(fields),
    });
    if (user === undefined) {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end('{"details":"incorrect username or password"}');
      return;
    }
    const token = await sign(
      user,
      scopes.map((scope) => parseScope(scope, (repository) => server.allowed(user, repository))),
    );
    const wantsIdentity = fields.get('offline_token') === 'true' && user !== '';
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        ...(request.method === 'POST' ? { access_token: token } : { token }),
        expires_in: server.lifetime,
        ...(wantsIdentity ? { refresh_token: `${identityPrefix}${user}` } : {}),
      }),
    );
  };

  const http = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  const server: TokenServer = {
    url,
    forRegistry: { realm: `${url}/token`, service, issuer, rootCertificate: certificate },
    requests: [],
    lifetime: 300,
    allowed: (user) => (user === 'ann' ? ['pull', 'push'] : ['pull']),
    stop: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  return server;
}
