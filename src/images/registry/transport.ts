/** HTTP to registries: connections, certificates, proxies, redirects, and tries again where that may help. */
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Readable;
  /** Where it came from, redirects followed. */
  url: URL;
}

export interface HttpRequest {
  method?: 'GET' | 'HEAD' | 'POST';
  url: URL;
  headers?: Record<string, string>;
  body?: string;
  /** Do not check the certificate. */
  isInsecure: boolean;
  signal?: AbortSignal | undefined;
}

const maxRedirects = 10;
const maxTries = 4;
/** Milliseconds; doubled with each try. */
const firstDelay = 200;
const maxDelay = 20_000;
const retriedStatuses = new Set([429, 500, 502, 503, 504]);
/** The connection broke: another one may hold. Names that do not resolve and closed ports stay as they are. */
const retriedErrors = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET', 'EAI_AGAIN']);
const timeouts = { headersTimeout: 60_000, bodyTimeout: 60_000 };

/** Keeps connections of one daemon; closed with it. */
export class Transport {
  #checked: Dispatcher | undefined;
  #unchecked: Dispatcher | undefined;
  /** For loopback: no proxy, whatever the environment says. */
  #direct: Dispatcher | undefined;

  /** Sends a request and follows redirects. Rejects with EngineError `unavailable` where no answer comes, `cancelled` on abort. */
  async send(query: HttpRequest): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#follow(query).catch((error: unknown) => ({ error }));
      const isLast = attempt === maxTries;
      if ('error' in outcome) {
        if (query.signal?.aborted === true)
          throw new EngineError('cancelled', 'the request was cancelled', { cause: outcome.error });
        if (isLast || !retriedErrors.has(codeOf(outcome.error))) throw connectionError(query, outcome.error);
      } else if (isLast || !retriedStatuses.has(outcome.status)) return outcome;
      else outcome.body.resume().on('error', () => undefined);
      await this.#pause(
        attempt,
        'error' in outcome ? undefined : outcome.headers['retry-after'],
        query.signal,
      );
    }
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.#checked, this.#unchecked, this.#direct].map((dispatcher) => dispatcher?.destroy()),
    );
  }

  async #pause(
    attempt: number,
    retryAfter: string | string[] | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const asked = Number(retryAfter) * 1000;
    const backOff = firstDelay * 2 ** (attempt - 1) * (0.75 + Math.random() / 2);
    const delay = Math.min(maxDelay, Number.isFinite(asked) && asked > 0 ? asked : backOff);
    try {
      await sleep(delay, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      throw new EngineError('cancelled', 'the request was cancelled', { cause: error });
    }
  }

  async #follow(query: HttpRequest): Promise<Answer> {
    let { url, method = 'GET' } = query;
    let headers = { 'user-agent': 'gantry/0.1.0', ...query.headers };
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      const answer = await request(url, {
        method,
        headers,
        ...timeouts,
        dispatcher: this.#dispatcher(url, query.isInsecure),
        ...(query.body === undefined ? {} : { body: query.body }),
        ...(query.signal === undefined ? {} : { signal: query.signal }),
      });
      const { location } = answer.headers;
      if (![301, 302, 303, 307, 308].includes(answer.statusCode) || typeof location !== 'string') {
        return { status: answer.statusCode, headers: answer.headers, body: answer.body, url };
      }
      await answer.body.dump();
      const next = new URL(location, url);
      if (url.protocol === 'https:' && next.protocol !== 'https:' && !query.isInsecure) {
        throw new Error(`refused to be redirected from HTTPS to ${next.protocol}`);
      }
      // Stores of blobs elsewhere have signed URLs: credentials are for the registry alone.
      if (next.origin !== url.origin) headers = withoutAuthorization(headers);
      if (answer.statusCode === 303) method = 'GET';
      url = next;
    }
    throw new Error(`stopped after ${maxRedirects} redirects`);
  }

  #dispatcher(url: URL, isInsecure: boolean): Dispatcher {
    const isLoopback =
      url.hostname === 'localhost' || url.hostname.startsWith('127.') || url.hostname === '[::1]';
    if (isLoopback) {
      this.#direct ??= new Agent({ connect: { rejectUnauthorized: false } });
      return this.#direct;
    }
    if (isInsecure) {
      this.#unchecked ??= newDispatcher({ rejectUnauthorized: false });
      return this.#unchecked;
    }
    // The host's own authorities too: a company's registry is often signed by one of those.
    this.#checked ??= newDispatcher({
      ca: [...getCACertificates('default'), ...getCACertificates('system')],
    });
    return this.#checked;
  }
}

function newDispatcher(tls: { rejectUnauthorized?: boolean; ca?: string[] }): Dispatcher {
  const isProxied = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'].some(
    (name) => process.env[name],
  );
  const options = { connect: { timeout: 30_000, ...tls } };
  return isProxied ? new EnvHttpProxyAgent({ ...options, requestTls: tls }) : new Agent(options);
}

function withoutAuthorization(
  headers: Record<string, string>,
): { 'user-agent': string } & Record<string, string> {
  const { authorization: _, ...rest } = headers;
  return { 'user-agent': 'gantry/0.1.0', ...rest };
}

function codeOf(error: unknown): string {
  return errnoOf(error) ?? '';
}

/** As Go's HTTP client words it, which Docker's users know. */
function connectionError(query: HttpRequest, error: unknown): EngineError {
  const verb = `${(query.method ?? 'GET').charAt(0)}${(query.method ?? 'GET').slice(1).toLowerCase()}`;
  const cause = error instanceof AggregateError ? error.errors[0] : error;
  return new EngineError('unavailable', `${verb} "${query.url.href}": ${messageOf(cause)}`, {
    cause: error,
    hint: 'check that the registry runs and can be reached from this host',
    details: { errno: codeOf(cause) },
  });
}
