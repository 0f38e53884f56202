/** Conditional requests (RFC 9110, "If-None-Match" and "If-Range"), and which manifests a client accepts. */
import type { IncomingHttpHeaders } from 'node:http';

/** Does `If-None-Match` name the content? Unquoted digests count too, as with distribution. */
export function isUnchanged(header: string | undefined, digest: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((part) => {
    const tag = part.trim();
    const strong = tag.startsWith('W/') ? tag.slice(2) : tag;
    return strong === '*' || strong === digest || strong === `"${digest}"`;
  });
}

/** Does a `Range` hold? Not where `If-Range` names another content, or a date. */
export function rangeHolds(headers: IncomingHttpHeaders, digest: string): boolean {
  const condition = headers['if-range'];
  return condition === undefined || condition === `"${digest}"`;
}

/** Does `Accept` take `mediaType`? Without the header, anything (RFC 9110). Weights are ignored, as by distribution. */
export function accepts(header: string | undefined, mediaType: string): boolean {
  if (header === undefined || header.includes(mediaType)) return true;
  return header.split(',').some((part) => {
    const bare = part.split(';', 1)[0]?.trim().toLowerCase();
    return bare === '*/*' || bare === 'application/*';
  });
}
