/** Byte ranges: of a request for part of a blob (RFC 9110, "Range"), and of a chunk (distribution-spec, "Pushing a blob in chunks"). */
import type { ByteRange } from '../registry-types.ts';

/** More digits than any size has are no number that can be counted on. */
const rangePattern = /^\s*bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*$/i;
const chunkPattern = /^\s*(?:bytes[ =])?\s*(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?\s*$/;

/**
 * What of `size` bytes a `Range` header asks for: undefined for all of them (no header, another unit, several ranges, a malformed one:
 * RFC 9110 lets a server ignore these), `unsatisfiable` where it lies outside.
 */
export function parseRange(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  if (header === undefined) return undefined;
  const match = rangePattern.exec(header);
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { first: size - length, last: size - 1 };
  }
  const start = Number(first);
  const end = last === '' ? Number.POSITIVE_INFINITY : Number(last);
  if (end < start) return undefined;
  return start >= size ? 'unsatisfiable' : { first: start, last: Math.min(end, size - 1) };
}

/** The `Content-Range` of a chunk: `0-99`, also as `bytes 0-99/1000`. Undefined where it is malformed or ends before it begins. */
export function parseContentRange(header: string): ByteRange | undefined {
  const match = chunkPattern.exec(header);
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  return last < first ? undefined : { first, last };
}
