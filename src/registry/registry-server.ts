/** The registry's HTTP server: the OCI distribution specification 1.1 and Docker's additions over a storage. */
import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http';
import { clientAddress } from './http/client-address.ts';
import { beginExchange, type Exchange, type RegistryContext } from './http/exchange.ts';
import { HotBlobs } from './http/hot-blobs.ts';
import { parseRoute, type RouteKind } from './http/route.ts';
import { serveRequest } from './http/serve-request.ts';
import { UploadTurns } from './http/upload-turns.ts';
import type { AnsweredRequest, RegistryParts } from './registry-types.ts';

export interface RegistryServer {
  /** For `createServer` of node:http or node:https, with `registryServerOptions`. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse): void;
}

/** What Node's own limits must be for pushes that take longer than five minutes, and for clients that keep connections. */
export const registryServerOptions = {
  requestTimeout: 0,
  headersTimeout: 60_000,
  keepAliveTimeout: 120_000,
  noDelay: true,
  /** Bytes that a connection may hold each way: large blobs go out in fewer, larger writes. */
  highWaterMark: 256 * 1024,
} as const satisfies ServerOptions;

/** The status of the access log for a client that went away without an answer. */
const clientClosed = 499;

function routeName(kind: RouteKind): string {
  if (kind === 'uploads') return 'upload';
  return kind === 'root' ? 'unknown' : kind;
}

function answered(exchange: Exchange): AnsweredRequest {
  const { request, response, route, method, principal } = exchange;
  const url = request.url ?? '';
  const mark = url.indexOf('?');
  return {
    method,
    path: mark === -1 ? url : url.slice(0, mark),
    route: routeName(route.kind),
    status: response.headersSent ? response.statusCode : clientClosed,
    bytes: exchange.bytes,
    milliseconds: performance.now() - exchange.startedAt,
    address: clientAddress(request),
    userAgent: request.headers['user-agent'] ?? '',
    id: exchange.id,
    principal: principal.name,
    ...(isFault(exchange) ? { fault: exchange.thrown } : {}),
  };
}

/** A client that goes away is no fault, whatever it leaves half done. */
function isFault({ thrown, response, request }: Exchange): boolean {
  if (thrown === undefined || !response.headersSent) return false;
  return response.statusCode >= 500 || (!response.writableFinished && !request.destroyed);
}

/** Serves `parts`. Errors of the storage and the policies are answered in the specification's form. */
export function createRegistryServer(parts: RegistryParts): RegistryServer {
  const { storage, settings, onAnswer } = parts;
  const configured = Object.entries(settings.headers).flatMap(([name, values]) =>
    values.flatMap((value) => [name, value]),
  );
  const context: RegistryContext = {
    parts,
    storage,
    hot: new HotBlobs(storage),
    turns: new UploadTurns(storage),
    fixedHeaders: ['Docker-Distribution-Api-Version', 'registry/2.0', ...configured],
  };
  const prefix = settings.prefix ?? '';
  return {
    handle: (request, response) => {
      const exchange = beginExchange(context, request, response, parseRoute(request.url ?? '/', prefix));
      if (onAnswer !== undefined) response.once('close', () => onAnswer(answered(exchange)));
      void serveRequest(exchange);
    },
  };
}
