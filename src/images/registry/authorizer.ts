/** Credentials for one registry: Basic, and Bearer tokens fetched from where the registry says (distribution, token specification). */
import { EngineError } from '../../errors/engine-error.ts';
import type { RegistryAuth } from '../image-types.ts';
import type { AuthChallenge } from './auth-challenge.ts';
import { readText } from './read-text.ts';
import { readFailure, textOfFailure } from './registry-error.ts';
import { mergeScopes } from './scopes.ts';
import type { Answer, Transport } from './transport.ts';

interface Token {
  value: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  /** An identity token, where one was asked for. */
  refreshToken: string | undefined;
}

/** Where a token server names no lifetime (token specification). */
const defaultLifetime = 60;
/** Seconds by which a token is renewed early. */
const margin = 10;
const clientId = 'gantry';

export interface AuthorizerOptions {
  transport: Transport;
  auth: RegistryAuth | undefined;
  isInsecure: boolean;
  /** Ask for an identity token too: `login`. */
  isOffline?: boolean;
}

/** Tokens are kept by what they are for, and fetched once for all who need them at the same time. */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #fetches = new Map<string, Promise<Token>>();
  #basic: string | undefined;
  /** The challenge that was answered last, so that the next tokens are there before they are asked for. */
  #bearer: { parameters: Record<string, string>; registry: URL } | undefined;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** What a token server gave to be used in place of the password. */
  get identityToken(): string {
    return [...this.#tokens.values()].find(({ refreshToken }) => refreshToken)?.refreshToken ?? '';
  }

  /** The header to send now; undefined before any challenge was answered. */
  async header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    const { registryToken } = this.#options.auth ?? {};
    if (registryToken) return `Bearer ${registryToken}`;
    const known = this.#tokens.get(scopes.join(' '));
    if (known !== undefined && Date.now() < known.expiresAt) return `Bearer ${known.value}`;
    if (this.#bearer === undefined) return this.#basic;
    return `Bearer ${(await this.#token(scopes, this.#bearer.parameters, signal)).value}`;
  }

  /** Gets what the challenges of a 401 ask for, where `sent` was not enough. False where there is nothing new to try. */
  async answer(
    challenges: readonly AuthChallenge[],
    registry: URL,
    scopes: readonly string[],
    sent: string | undefined,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const { username, password, registryToken } = this.#options.auth ?? {};
    if (registryToken) return false;
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer?.parameters['realm'] !== undefined) {
      this.#bearer = { parameters: bearer.parameters, registry };
      const known = this.#tokens.get(scopes.join(' '));
      // Somebody else may have fetched it meanwhile.
      const isFresh = known !== undefined && Date.now() < known.expiresAt;
      if (isFresh && sent !== `Bearer ${known.value}`) return true;
      const token = await this.#token(scopes, bearer.parameters, signal);
      return sent !== `Bearer ${token.value}`;
    }
    const isBasic = challenges.some(({ scheme }) => scheme === 'basic');
    if (!isBasic || !username || sent !== undefined) return false;
    this.#basic = basicHeader(username, password);
    return true;
  }

  #token(
    scopes: readonly string[],
    parameters: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Token> {
    const key = scopes.join(' ');
    const running = this.#fetches.get(key);
    if (running !== undefined) return running;
    const fetched = this.#fetch(scopes, parameters, signal)
      .then((token) => {
        this.#tokens.set(key, token);
        return token;
      })
      .finally(() => this.#fetches.delete(key));
    this.#fetches.set(key, fetched);
    return fetched;
  }

  async #fetch(
    scopes: readonly string[],
    parameters: Record<string, string>,
    signal?: AbortSignal,
  ): Promise<Token> {
    const registry = this.#bearer?.registry ?? new URL('https://registry.invalid');
    const realm = parseRealm(parameters['realm'] ?? '', registry);
    const challenged = (parameters['scope'] ?? '').split(' ').filter((part) => part !== '');
    const wanted = mergeScopes([...scopes, ...challenged]);
    const service = parameters['service'] ?? '';
    const { identityToken } = this.#options.auth ?? {};
    // A password must not go to a weaker place than the registry is.
    const isSafe = realm.protocol === 'https:' || registry.protocol === 'http:';
    if (identityToken && isSafe) return await this.#exchange(realm, service, wanted, identityToken, signal);
    return await this.#ask(realm, service, wanted, isSafe, signal);
  }

  async #ask(
    realm: URL,
    service: string,
    scopes: readonly string[],
    isSafe: boolean,
    signal?: AbortSignal,
  ): Promise<Token> {
    const { transport, isInsecure, isOffline, auth } = this.#options;
    if (service !== '') realm.searchParams.set('service', service);
    for (const scope of scopes) realm.searchParams.append('scope', scope);
    if (isOffline === true) {
      realm.searchParams.set('offline_token', 'true');
      realm.searchParams.set('client_id', clientId);
    }
    const headers: Record<string, string> = {};
    if (auth?.username && isSafe) {
      realm.searchParams.set('account', auth.username);
      headers['authorization'] = basicHeader(auth.username, auth.password);
    }
    return await readToken(await transport.send({ url: realm, headers, isInsecure, signal }));
  }

  /** An identity token is a refresh token of OAuth 2 (RFC 6749, 6). */
  async #exchange(
    realm: URL,
    service: string,
    scopes: readonly string[],
    refreshToken: string,
    signal?: AbortSignal,
  ): Promise<Token> {
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: clientId,
      service,
      scope: scopes.join(' '),
      refresh_token: refreshToken,
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

async function readToken(answer: Answer): Promise<Token> {
  const text = await readText(answer.body, 1024 * 1024);
  if (answer.status !== 200) throw tokenError(answer, text);
  const value = parseObject(text);
  const token = value['token'] || value['access_token'];
  const lifetime = typeof value['expires_in'] === 'number' ? value['expires_in'] : defaultLifetime;
  if (typeof token !== 'string' || token === '')
    throw new EngineError('unavailable', `the token server ${answer.url.host} sent no token`);
  const refreshToken = value['refresh_token'];
  return {
    value: token,
    expiresAt: Date.now() + Math.max(1, lifetime - margin) * 1000,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
  };
}

function tokenError(answer: Answer, text: string): EngineError {
  const failure = readFailure(answer.status, text, answer.headers);
  const isRefused = answer.status === 401 || answer.status === 403;
  const said = textOfFailure(failure);
  const message = isRefused ? said : `failed to fetch a token from ${answer.url.host}: ${said}`;
  return new EngineError(isRefused ? 'unauthorized' : 'unavailable', message, {
    hint: isRefused
      ? `check user name and password, and log in again (the token server is ${answer.url.host})`
      : (failure.hint ?? 'try again later'),
    details: { status: answer.status, code: failure.code },
  });
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
