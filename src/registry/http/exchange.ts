/** One request and its answer: what handlers are given, and how they answer. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal, RegistryParts, RegistryStorage } from '../registry-types.ts';
import type { HotBlobs } from './hot-blobs.ts';
import type { Route } from './route.ts';
import type { UploadTurns } from './upload-turns.ts';

/** What all requests share. */
export interface RegistryContext {
  parts: RegistryParts;
  storage: RegistryStorage;
  hot: HotBlobs;
  turns: UploadTurns;
  /** Headers of every answer: name, value, name, value, … */
  fixedHeaders: readonly string[];
}

export interface Exchange {
  context: RegistryContext;
  request: IncomingMessage;
  response: ServerResponse;
  route: Route;
  method: string;
  id: string;
  principal: Principal;
  /** Of the body that was sent, as far as it was. */
  bytes: number;
  /** For `performance.now()`. */
  startedAt: number;
  /** More headers for an answer that says what went wrong. */
  failureHeaders: string[];
  /** What was thrown, for the log. */
  thrown?: unknown;
}

export type Handler = (exchange: Exchange) => Promise<void> | void;

const idPattern = /^[\w.:-]{1,128}$/;

export function beginExchange(
  context: RegistryContext,
  request: IncomingMessage,
  response: ServerResponse,
  route: Route,
): Exchange {
  const given = request.headers['x-request-id'];
  return {
    context,
    request,
    response,
    route,
    method: request.method ?? 'GET',
    id: typeof given === 'string' && idPattern.test(given) ? given : randomUUID(),
    principal: { name: '' },
    bytes: 0,
    startedAt: performance.now(),
    failureHeaders: [],
  };
}

/** Sends only a head: the body, `length` bytes of it, is the caller's to send, and so is counting it. */
export function sendHead(exchange: Exchange, status: number, headers: string[], length?: number): void {
  const head = [...exchange.context.fixedHeaders, 'X-Request-Id', exchange.id, ...headers];
  if (length !== undefined) head.push('Content-Length', String(length));
  exchange.response.writeHead(status, head);
}

/** Answers in one write. A `HEAD` request is told the length and gets no body. `headers`: name, value, name, value, … */
export function send(
  exchange: Exchange,
  status: number,
  headers: string[],
  body: Buffer | string = '',
): void {
  const { response, method } = exchange;
  if (response.destroyed) return;
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const hasLength = status !== 204 && status !== 304;
  sendHead(exchange, status, headers, hasLength ? length : undefined);
  if (method === 'HEAD' || length === 0) {
    response.end();
    return;
  }
  exchange.bytes = length;
  response.end(body);
}

/** Answers a document. */
export function sendJson(
  exchange: Exchange,
  document: unknown,
  headers: string[] = [],
  mediaType = 'application/json; charset=utf-8',
): void {
  send(exchange, 200, ['Content-Type', mediaType, ...headers], JSON.stringify(document));
}
