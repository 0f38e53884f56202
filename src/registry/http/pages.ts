/** Pages of long lists (distribution-spec, "Listing Tags"): `n`, `last`, and the link to the next page (RFC 5988). */
import type { Page } from '../registry-types.ts';
import type { Exchange } from './exchange.ts';
import { registryError } from './registry-error.ts';

/** What the query asks for; `limit` where it gives no number, and at most. */
export function pageOf({ route }: Exchange, limit: number): Page {
  const count = route.query.get('n') ?? '';
  if (!/^\d*$/.test(count))
    throw registryError('UNSUPPORTED', {
      status: 400,
      message: 'invalid number of results requested',
      detail: { n: count.slice(0, 50) },
      hint: 'give n as a whole number, 0 or more',
    });
  const after = route.query.get('last') ?? '';
  return {
    limit: count === '' ? limit : Math.min(Number(count), limit),
    ...(after === '' ? {} : { after }),
  };
}

/** The header that leads on from `last`. `parameters` are those of the query that stay. */
export function linkHeader(
  { context }: Exchange,
  path: string,
  parameters: Readonly<Record<string, string>>,
): string[] {
  const query = new URLSearchParams(parameters).toString();
  return ['Link', `<${context.parts.settings.prefix ?? ''}${path}?${query}>; rel="next"`];
}
