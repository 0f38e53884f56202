/** Speaks the Docker Engine API: paths with a version, JSON in and out, errors in Docker's words, connections taken over. */
import type { Readable } from 'node:stream';
import { EngineError, type ErrorCode } from '../errors/engine-error.ts';
import { apiVersion, compareApiVersions } from '../wire/api-version.ts';
import { JsonStreamDecoder } from '../wire/json-stream.ts';
import { rawContentType } from '../wire/raw-stream.ts';
import type { Endpoint } from './endpoint.ts';
import type { HijackedStream } from './hijacked-stream.ts';
import type { HttpRequest, HttpResponse } from './http-exchange.ts';
import { encodeQuery, type Query } from './query.ts';
import { quickAnswer } from './quick-answer.ts';

export interface CallOptions {
  query?: Query;
  /** Sent as JSON. */
  json?: unknown;
  /** Sent as it is, chunked. */
  stream?: Readable;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

const codes: Readonly<Record<number, ErrorCode>> = {
  304: 'not-modified',
  400: 'invalid-argument',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
  500: 'internal',
  501: 'not-implemented',
  503: 'unavailable',
  507: 'resource-exhausted',
};

/**
 * A client of one daemon; each call has a connection of its own. It asks for the newest version that it knows, and
 * steps down to the daemon's when that is older, so that no call is spent on asking first.
 */
export class ApiClient {
  readonly endpoint: Endpoint;
  #version: string;
  readonly #headers: Readonly<Record<string, string>>;
  /** The daemon is known to take `#version`, or the user has chosen it. */
  #settled: boolean;

  /** `headers` go with every call. */
  constructor(endpoint: Endpoint, version?: string, headers: Readonly<Record<string, string>> = {}) {
    this.endpoint = endpoint;
    this.#version = version ?? apiVersion;
    this.#settled = version !== undefined;
    this.#headers = headers;
  }

  /** The API version in use: after a call, the one that the daemon takes. */
  get version(): string {
    return this.#version;
  }

  /**
   * The whole answer, parsed; undefined if it is empty. `T` is what the specification of this call says, not checked.
   * EngineError with the code of the status and "Error response from daemon: …".
   */
  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const request = this.#request(method, path, options);
    const quick = method === 'GET' ? await quickAnswer(this.endpoint, request) : undefined;
    const text = quick ?? (await readText(await this.open(method, path, options)));
    // The one place where the daemon's answer gets its type.
    return (text === '' ? undefined : parseAnswer(text)) as T;
  }

  /** The answer's JSON documents one by one, as pull, events and stats send them. */
  async *documents<T>(method: string, path: string, options: CallOptions = {}): AsyncGenerator<T, void> {
    const response = await this.open(method, path, options);
    const decoder = new JsonStreamDecoder();
    for await (const chunk of response.body) yield* decoder.push(chunk) as T[];
    decoder.end();
  }

  /** The lines of the answer one by one, without their ends. */
  async *lines(method: string, path: string, options: CallOptions = {}): AsyncGenerator<string, void> {
    const response = await this.open(method, path, options);
    const utf8 = new TextDecoder();
    let pending = '';
    for await (const chunk of response.body) {
      const lines = (pending + utf8.decode(chunk, { stream: true })).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') yield line.trimEnd();
    }
    if (pending.trim() !== '') yield pending.trimEnd();
  }

  /**
   * Asks the daemon which version it speaks, and takes it where it is older than ours. A call does so by itself where it
   * could not be made twice; otherwise the daemon's refusal tells the version.
   */
  async negotiate(signal?: AbortSignal): Promise<string> {
    if (this.#settled) return this.#version;
    const { exchange } = await import('./http-exchange.ts');
    const request = { method: 'GET', path: '/_ping', headers: this.#headers, signal };
    const response = await exchange(this.endpoint, request);
    await readText(response);
    const daemons = response.headers.get('api-version') ?? '';
    if (/^\d+\.\d+$/.test(daemons) && compareApiVersions(daemons, this.#version) < 0) this.#version = daemons;
    this.#settled = response.status < 400;
    return this.#version;
  }

  /** The answer once its head is here; statuses from 400 on, and 304, are thrown. */
  async open(method: string, path: string, options: CallOptions = {}): Promise<HttpResponse> {
    const { exchange } = await import('./http-exchange.ts');
    /* A stream goes once, and the answer to HEAD has no body that could tell the version. */
    if (options.stream !== undefined || method === 'HEAD') await this.negotiate(options.signal);
    const response = await exchange(this.endpoint, this.#request(method, path, options));
    if (response.status < 400 && response.status !== 304) {
      this.#settled = true;
      return response;
    }
    const message = errorMessage(await readText(response), response.status);
    const older = /client version [\d.]+ is too new\. Maximum supported API version is ([\d.]+)/.exec(
      message,
    )?.[1];
    if (older !== undefined && older !== this.#version && options.stream === undefined) {
      this.#version = older;
      return this.open(method, path, options);
    }
    throw new EngineError(codes[response.status] ?? 'internal', `Error response from daemon: ${message}`, {
      details: { status: response.status },
    });
  }

  /** Takes the connection over: a stream in both directions, each of which ends by itself. */
  async hijack(method: string, path: string, options: CallOptions = {}): Promise<HijackedStream> {
    const headers = { ...options.headers, Connection: 'Upgrade', Upgrade: 'tcp' };
    const response = await this.open(method, path, { ...options, headers });
    const { HijackedStream: Stream } = await import('./hijacked-stream.ts');
    const framed = response.headers.get('content-type') !== rawContentType;
    return new Stream(response, framed);
  }

  #request(
    method: string,
    path: string,
    options: CallOptions,
  ): HttpRequest & Pick<Required<HttpRequest>, 'headers'> {
    const prefix = path.startsWith('/gantry/') ? '' : `/v${this.#version}`;
    const json = options.json === undefined ? undefined : JSON.stringify(options.json);
    const body = json ?? options.stream;
    return {
      method,
      path: `${prefix}${path}${encodeQuery(options.query)}`,
      headers: {
        ...this.#headers,
        ...(json === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body }),
      signal: options.signal,
    };
  }
}

async function readText(response: HttpResponse): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString().trim();
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new EngineError('data-loss', `error reading the daemon's answer: ${text.slice(0, 80)}`, {
      cause: error,
    });
  }
}

function errorMessage(text: string, status: number): string {
  if (text === '') return `status ${status}`;
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string')
      return body.message;
  } catch {
    // Some proxies answer with plain text.
  }
  return text;
}
