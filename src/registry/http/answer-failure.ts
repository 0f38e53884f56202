/** Answers what was thrown. */
import { type Exchange, send } from './exchange.ts';
import { drainBody } from './receive-body.ts';
import { describeFailure, failureBody, type RegistryCode } from './registry-error.ts';
import type { RouteKind } from './route.ts';

const notFoundCodes: Partial<Record<RouteKind, RegistryCode>> = {
  manifest: 'MANIFEST_UNKNOWN',
  referrers: 'MANIFEST_UNKNOWN',
  blob: 'BLOB_UNKNOWN',
  uploads: 'BLOB_UNKNOWN',
  upload: 'BLOB_UPLOAD_UNKNOWN',
};

/** In the specification's form; closes the connection where an answer has begun already. */
export function answerFailure(exchange: Exchange, error: unknown): void {
  const { response, request, route, failureHeaders } = exchange;
  exchange.thrown = error;
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const failure = describeFailure(error, notFoundCodes[route.kind] ?? 'NAME_UNKNOWN');
  const headers = ['Content-Type', 'application/json; charset=utf-8', ...failureHeaders];
  if (failure.challenge !== undefined) headers.push('WWW-Authenticate', failure.challenge);
  if (failure.status === 429 || failure.status === 503) headers.push('Retry-After', '5');
  send(exchange, failure.status, headers, failureBody(failure));
  drainBody(request);
}
