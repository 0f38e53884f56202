/** Where a request came from and how it reached the registry, also through proxies (`X-Forwarded-…`). */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { RegistrySettings } from '../registry-types.ts';
import type { Exchange } from './exchange.ts';

function firstOf(header: string | string[] | undefined): string {
  const text = typeof header === 'string' ? header : (header?.[0] ?? '');
  return text.split(',', 1)[0]?.trim() ?? '';
}

/** `ADDRESS:PORT` of the client, or the address that a proxy names. */
export function clientAddress(request: IncomingMessage): string {
  const forwarded = firstOf(request.headers['x-forwarded-for']);
  if (isIP(forwarded) !== 0) return forwarded;
  const real = firstOf(request.headers['x-real-ip']);
  if (isIP(real) !== 0) return real;
  const { remoteAddress = '', remotePort } = request.socket;
  const shown = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  return remotePort === undefined ? shown : `${shown}:${remotePort}`;
}

/** The host that the client asked, with its port; '' where it named none. */
export function requestedHost(request: IncomingMessage): string {
  return firstOf(request.headers['x-forwarded-host']) || (request.headers.host ?? '');
}

/** `https://HOST:PORT`, as the client reaches the registry; '' where it cannot be known. */
export function originOf(request: IncomingMessage, settings: Pick<RegistrySettings, 'host'>): string {
  if (settings.host !== '') return settings.host.replace(/\/+$/, '');
  const host = requestedHost(request);
  if (host === '') return '';
  const forwarded = firstOf(request.headers['x-forwarded-proto']).toLowerCase();
  const scheme = request.socket instanceof TLSSocket ? 'https' : 'http';
  return `${forwarded === 'http' || forwarded === 'https' ? forwarded : scheme}://${host}`;
}

/** The URL of `path` (`/v2/…`) for `Location`. */
export function locationOf({ context, request }: Exchange, path: string): string {
  const { settings } = context.parts;
  const own = `${settings.prefix ?? ''}${path}`;
  return settings.relativeUrls ? own : `${originOf(request, settings)}${own}`;
}
