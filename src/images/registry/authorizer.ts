/** Credentials of one repository: Basic, and Bearer tokens fetched from where the registry says (distribution, token specification). */
import { EngineError } from '../../errors/engine-error.ts';
import type { RegistryAuth } from '../image-types.ts';
import type { AuthChallenge } from './auth-challenge.ts';
import { readText } from './read-text.ts';
import { readFailure } from './registry-error.ts';
import type { Transport } from './transport.ts';

interface Token {
  value: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** Where a token server names no lifetime (token specification). */
const defaultLifetime = 60;
/** Seconds by which a token is renewed early. */
const margin = 10;
const clientId = 'gantry';

export interface AuthorizerOptions {
  transport: Transport;
  auth: RegistryAuth | undefined;
  /** `repository:library/alpine:pull`, where the challenge names no scope. */
  scope: string;
  isInsecure: boolean;
}

export class Authorizer {
  readonly #options: AuthorizerOptions;
  #basic: string | undefined;
  #token: Token | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    const { registryToken } = options.auth ?? {};
    if (registryToken !== undefined && registryToken !== '')
      this.#token = { value: registryToken, expiresAt: Number.POSITIVE_INFINITY };
  }

  /** The header to send now; undefined before any challenge was answered. */
  header(): string | undefined {
    if (this.#token !== undefined && Date.now() < this.#token.expiresAt) return `Bearer ${this.#token.value}`;
    return this.#basic;
  }

  /** Gets what the challenges of a 401 ask for. False where there is nothing new to try. */
  async answer(challenges: readonly AuthChallenge[], registry: URL, signal?: AbortSignal): Promise<boolean> {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer?.parameters['realm'] !== undefined) {
      const before = this.#token?.value;
      this.#token = await this.#fetchToken(bearer.parameters, registry, signal);
      return this.#token.value !== before;
    }
    const { username, password } = this.#options.auth ?? {};
    const isBasic = challenges.some(({ scheme }) => scheme === 'basic');
    if (!isBasic || username === undefined || username === '' || this.#basic !== undefined) return false;
    this.#basic = basicHeader(username, password);
    return true;
  }

  async #fetchToken(parameters: Record<string, string>, registry: URL, signal?: AbortSignal): Promise<Token> {
    const realm = parseRealm(parameters['realm'] ?? '', registry);
    const scope = parameters['scope'] ?? this.#options.scope;
    const service = parameters['service'] ?? '';
    const { identityToken, username, password } = this.#options.auth ?? {};
    const isSafe = realm.protocol === 'https:' || registry.protocol === 'http:';
    if (identityToken && isSafe)
      return await this.#exchange(realm, { service, scope, refresh_token: identityToken }, signal);
    if (service !== '') realm.searchParams.set('service', service);
    for (const part of scope.split(' ').filter((text) => text !== ''))
      realm.searchParams.append('scope', part);
    const headers: Record<string, string> = {};
    if (username && isSafe) {
      realm.searchParams.set('account', username);
      headers['authorization'] = basicHeader(username, password);
    }
    const { transport, isInsecure } = this.#options;
    return await readToken(await transport.send({ url: realm, headers, isInsecure, signal }));
  }

  /** An identity token is a refresh token of OAuth 2 (RFC 6749, 6). */
  async #exchange(realm: URL, fields: Record<string, string>, signal?: AbortSignal): Promise<Token> {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: clientId,
      ...fields,
    }).toString();
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const { transport, isInsecure } = this.#options;
    return await readToken(
      await transport.send({ method: 'POST', url: realm, headers, body, isInsecure, signal }),
    );
  }
}

function basicHeader(username: string, password: string | undefined): string {
  return `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
}

function parseRealm(text: string, registry: URL): URL {
  const realm = URL.canParse(text, registry.href) ? new URL(text, registry) : undefined;
  if (realm?.protocol === 'https:' || realm?.protocol === 'http:') return realm;
  throw new EngineError(
    'unavailable',
    `the registry ${registry.host} names a token server that is no URL: ${text.slice(0, 200)}`,
  );
}

async function readToken(answer: Awaited<ReturnType<Transport['send']>>): Promise<Token> {
  const text = await readText(answer.body, 1024 * 1024);
  if (answer.status !== 200) {
    const { message } = readFailure(answer.status, text);
    const code = answer.status === 401 || answer.status === 403 ? 'unauthorized' : 'unavailable';
    throw new EngineError(code, `failed to fetch a token from ${answer.url.host}: ${message}`, {
      hint: 'log in to the registry first',
    });
  }
  const value = parseObject(text);
  const token = value['token'] ?? value['access_token'];
  const lifetime = typeof value['expires_in'] === 'number' ? value['expires_in'] : defaultLifetime;
  if (typeof token !== 'string' || token === '')
    throw new EngineError('unavailable', `the token server ${answer.url.host} sent no token`);
  return { value: token, expiresAt: Date.now() + Math.max(1, lifetime - margin) * 1000 };
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
