/** Requests to one registry endpoint, with authentication as far as it asks for it. */
import type { Readable } from 'node:stream';
import { EngineError, isEngineError, messageOf } from '../../errors/engine-error.ts';
import type { RegistryAuth } from '../image-types.ts';
import { type AuthChallenge, parseChallenges } from './auth-challenge.ts';
import { Authorizer } from './authorizer.ts';
import type { Endpoint } from './endpoints.ts';
import { readText } from './read-text.ts';
import { noCredentials, type RegistryFailure, readFailure } from './registry-error.ts';
import { type Answer, discard, type Method, type Transport } from './transport.ts';

/** The same bound that registries have for manifests. */
const maxErrorSize = 4 * 1024 * 1024;
/** A challenge, and one more where a token ran out meanwhile. */
const maxChallenges = 2;

export interface RegistryRequest {
  method?: Method;
  /** Below `/v2/`; `query` may stand in it. */
  path: string;
  /** In place of `path`: where the registry sent an upload to. */
  url?: URL;
  headers?: Record<string, string>;
  body?: string | Uint8Array | (() => Readable);
  /** What a token must be good for. */
  scopes: readonly string[];
  tries?: number;
  patience?: number;
  signal?: AbortSignal | undefined;
}

export class RegistrySession {
  readonly endpoint: Endpoint;
  readonly authorizer: Authorizer;
  readonly #transport: Transport;
  readonly #hasCredentials: boolean;

  constructor(
    transport: Transport,
    endpoint: Endpoint,
    auth: RegistryAuth | undefined,
    options: { isOffline?: boolean } = {},
  ) {
    this.endpoint = endpoint;
    this.#transport = transport;
    const credentials = endpoint.isMirror ? undefined : auth;
    this.#hasCredentials = Object.values(credentials ?? {}).some((value) => value);
    const { isInsecure } = endpoint;
    this.authorizer = new Authorizer({ transport, auth: credentials, isInsecure, ...options });
  }

  /** `/v2/…` here. */
  url(path: string): URL {
    const url = new URL(`${this.endpoint.url}/v2/${path}`);
    if (this.endpoint.namespace !== undefined) url.searchParams.set('ns', this.endpoint.namespace);
    return url;
  }

  /** Answers whatever the registry says, 401 too where credentials do not help. Rejects where no answer comes. */
  async send(query: RegistryRequest): Promise<Answer> {
    const { path, scopes, signal, headers = {}, url = this.url(path), ...rest } = query;
    const isOwn = url.origin === new URL(this.endpoint.url).origin;
    for (let challenges = 0; ; challenges += 1) {
      const authorization = isOwn ? await this.authorizer.header(scopes, signal) : undefined;
      const answer = await this.#transport.send({
        ...rest,
        url,
        headers: authorization === undefined ? headers : { ...headers, authorization },
        isInsecure: this.endpoint.isInsecure,
        signal,
      });
      if (answer.status !== 401 || !isOwn || challenges === maxChallenges) return answer;
      const asked = challengesOf(answer);
      // The answer's text is for the caller, where there is nothing to try.
      if (!(await this.authorizer.answer(asked, url, scopes, authorization, signal))) return answer;
      discard(answer);
    }
  }

  /** Reads why `answer` is no success. */
  async failure(answer: Answer): Promise<RegistryFailure> {
    const failure = readFailure(answer.status, await readRest(answer), answer.headers);
    const wantsPassword = challengesOf(answer).some(({ scheme }) => scheme === 'basic');
    return answer.status === 401 && wantsPassword && !this.#hasCredentials
      ? { ...failure, code: noCredentials }
      : failure;
  }
}

function challengesOf(answer: Answer): AuthChallenge[] {
  const header = answer.headers['www-authenticate'];
  return header === undefined ? [] : parseChallenges([header].flat().join(', '));
}

async function readRest(answer: Answer): Promise<string> {
  try {
    return await readText(answer.body, maxErrorSize);
  } catch (error) {
    if (isEngineError(error)) throw error;
    throw new EngineError('unavailable', `the connection to ${answer.url.host} broke: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
