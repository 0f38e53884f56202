/** HTTP to registries: redirects, and tries again where that may help. */
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { EngineError, errnoOf, isEngineError } from '../../errors/engine-error.ts';
import { defaultCertificateFolders } from './certificates.ts';
import { connectionError } from './connection-error.ts';
import { Dispatchers } from './dispatchers.ts';
import type { RegistryConfig } from './endpoints.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Readable;
  /** Where it came from, redirects followed. */
  url: URL;
}

export type Method = 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';

export interface HttpRequest {
  method?: Method;
  url: URL;
  headers?: Record<string, string>;
  /** A function makes a stream anew for each time that it is sent. */
  body?: string | Uint8Array | (() => Readable);
  /** Do not check the certificate. */
  isInsecure: boolean;
  /** How often it is sent at most; 4 unless told. */
  tries?: number;
  /** Milliseconds to wait for the head of an answer; 60,000 unless told. */
  patience?: number;
  signal?: AbortSignal | undefined;
}

const maxRedirects = 10;
const maxTries = 4;
/** Milliseconds; doubled with each try. */
const firstDelay = 200;
/** Who asks for more patience than this is told of instead. */
const maxDelay = 20_000;
const retriedStatuses = new Set([429, 500, 502, 503, 504]);
const redirects = new Set([301, 302, 303, 307, 308]);
/** The connection broke: another one may hold. Names that do not resolve and closed ports stay as they are. */
const retriedErrors = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'EAI_AGAIN']);
const patience = 60_000;
const userAgent = 'gantry/0.1.0';

/** Keeps connections of one daemon; closed with it. The configuration is looked at with each request. */
export class Transport {
  readonly #dispatchers = new Dispatchers();
  readonly #config: () => RegistryConfig;

  constructor(config: () => RegistryConfig) {
    this.#config = config;
  }

  /** Sends a request and follows redirects. Rejects with EngineError `unavailable` where no answer comes, `cancelled` on abort. */
  async send(query: HttpRequest): Promise<Answer> {
    const tries = query.tries ?? maxTries;
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#follow(query).catch((error: unknown) => ({
        error: isEngineError(error) ? error : (this.#dispatchers.takeAlert(query.url) ?? error),
      }));
      const isLast = attempt >= tries;
      if ('error' in outcome) {
        if (query.signal?.aborted === true)
          throw new EngineError('cancelled', 'the request was cancelled', { cause: outcome.error });
        if (isLast || !retriedErrors.has(errnoOf(outcome.error) ?? ''))
          throw this.#failure(query, outcome.error);
      } else if (isLast || !retriedStatuses.has(outcome.status) || waitOf(outcome) > maxDelay) return outcome;
      else discard(outcome);
      await pause(attempt, 'error' in outcome ? 0 : waitOf(outcome), query.signal);
    }
  }

  async close(): Promise<void> {
    await this.#dispatchers.close();
  }

  #failure(query: HttpRequest, error: unknown): EngineError {
    if (isEngineError(error)) return error;
    const [certificateFolder = ''] = this.#config().certificateFolders ?? defaultCertificateFolders;
    return connectionError({ method: query.method ?? 'GET', url: query.url, certificateFolder }, error);
  }

  async #follow(query: HttpRequest): Promise<Answer> {
    let { url, method = 'GET', body } = query;
    let headers: Record<string, string> = { 'user-agent': userAgent, ...query.headers };
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      const answer = await this.#once({ ...query, url, method, headers, body });
      const { location } = answer.headers;
      if (!redirects.has(answer.status) || typeof location !== 'string') return answer;
      discard(answer);
      const next = new URL(location, url);
      if (url.protocol === 'https:' && next.protocol !== 'https:' && !query.isInsecure)
        throw new EngineError('unavailable', `refused to be redirected from HTTPS to ${next.protocol}`);
      // Stores of blobs elsewhere have signed URLs: credentials are for the registry alone.
      if (next.origin !== url.origin) headers = withoutAuthorization(headers);
      if (answer.status === 303) [method, body] = ['GET', undefined];
      url = next;
    }
    throw new EngineError('unavailable', `stopped after ${maxRedirects} redirects`);
  }

  async #once(
    query: Omit<HttpRequest, 'body'> & { method: Method; body: HttpRequest['body'] },
  ): Promise<Answer> {
    const { url, method, headers = {}, signal } = query;
    const dispatcher = this.#dispatchers.choose(url, query.isInsecure, this.#config());
    // A stream is destroyed by the client, also where the answer comes before all was sent.
    const body = typeof query.body === 'function' ? query.body() : query.body;
    const answer = await request(url, {
      method,
      headers,
      headersTimeout: query.patience ?? patience,
      bodyTimeout: patience,
      dispatcher,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    return { status: answer.statusCode, headers: answer.headers, body: answer.body, url };
  }
}

/** Lets the connection be used again. */
export function discard(answer: Answer): void {
  answer.body.on('error', () => undefined).resume();
}

/** Milliseconds that an answer asks to wait (RFC 9110, 10.2.3); 0 where it does not. */
function waitOf({ headers }: Answer): number {
  const text = headers['retry-after'];
  if (typeof text !== 'string') return 0;
  const seconds = Number(text);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(wait) ? Math.max(0, wait) : 0;
}

async function pause(attempt: number, asked: number, signal: AbortSignal | undefined): Promise<void> {
  const backOff = firstDelay * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
  const delay = Math.min(maxDelay, asked > 0 ? asked : backOff);
  try {
    await sleep(delay, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw new EngineError('cancelled', 'the request was cancelled', { cause: error });
  }
}

function withoutAuthorization(headers: Record<string, string>): Record<string, string> {
  const { authorization: _, ...rest } = headers;
  return rest;
}
