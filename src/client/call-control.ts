/** What every method of the client takes, and how its options become parts of a request. */
import { Readable } from 'node:stream';
import { parsePlatform } from '../oci/platform.ts';
import type { AuthConfig } from '../wire/system.ts';
import { encodeFilters } from './query.ts';

export interface CallControl {
  /** Ends the call, and the streams that came of it: they fail with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** By name, as in `--filter`: `{ label: ['app=web', 'tier'], status: 'running', dangling: true }`. */
export type FilterValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Bytes to send: a buffer, a Node.js stream, or anything that yields pieces. */
export type UploadBody = Uint8Array | AsyncIterable<Uint8Array | string>;

/** The query's `filters`; undefined for none. */
export function filtersOf(filters: FilterValues | undefined): string | undefined {
  const entries = Object.entries(filters ?? {}).flatMap(([name, value]): Array<[string, string[]]> => {
    if (value === undefined) return [];
    return [[name, typeof value === 'object' ? [...value] : [String(value)]]];
  });
  return encodeFilters(new Map(entries));
}

export function readableOf(body: UploadBody): Readable {
  if (body instanceof Readable) return body;
  return Readable.from(body instanceof Uint8Array ? [body] : body, { objectMode: false });
}

/** Seconds since the epoch, with a fraction, for a date; what is text or a number already goes as it is. */
export function timestampOf(time: Date | number | string | undefined): string | undefined {
  if (time === undefined) return undefined;
  return time instanceof Date ? (time.getTime() / 1000).toFixed(3) : String(time);
}

/** `{"architecture":"arm64","os":"linux"}` for `linux/arm64`: for what takes one of an image's platforms. EngineError `invalid-argument`. */
export function platformDocument(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  const { architecture, os, variant } = parsePlatform(text);
  return JSON.stringify({ architecture, os, ...(variant === undefined ? {} : { variant }) });
}

/** For `X-Registry-Auth` and `X-Registry-Config`: JSON as base64 that is safe in URLs, padded as Docker's is. */
export function encodeAuth(auth: AuthConfig | Readonly<Record<string, AuthConfig>>): string {
  const text = Buffer.from(JSON.stringify(auth)).toString('base64');
  return text.replaceAll('+', '-').replaceAll('/', '_');
}

export function authHeader(auth: AuthConfig | undefined): Readonly<Record<string, string>> {
  return auth === undefined ? {} : { 'X-Registry-Auth': encodeAuth(auth) };
}
