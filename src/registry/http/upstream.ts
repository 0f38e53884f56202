/** The upstream that serves a request's repository, where there is one (distribution-spec, "Registry Proxying"). */
import type { Readable } from 'node:stream';
import type { Exchange } from './exchange.ts';

export interface RequestUpstream {
  bringManifest(reference: string): Promise<void>;
  bringBlob(digest: string): Promise<{ size: number; body: Readable } | undefined>;
}

function namespaceParameter(exchange: Exchange): string | undefined {
  return exchange.route.query.get('ns') ?? undefined;
}

/** Undefined where the repository is served from here alone. */
export function upstreamOf(exchange: Exchange): RequestUpstream | undefined {
  const { upstreams } = exchange.context.parts;
  const { repository } = exchange.route;
  const namespace = namespaceParameter(exchange);
  if (upstreams?.serves(repository, namespace) !== true) return undefined;
  return {
    bringManifest: async (reference) => await upstreams.bringManifest(repository, reference, namespace),
    bringBlob: async (digest) => await upstreams.bringBlob(repository, digest, namespace),
  };
}

/** The header that says which namespace was served, where the client named one and it was heeded. */
export function namespaceOf(exchange: Exchange): string[] {
  const namespace = namespaceParameter(exchange);
  const isHeeded =
    namespace !== undefined &&
    /^[\w.:[\]-]{1,255}$/.test(namespace) &&
    exchange.context.parts.upstreams?.serves(exchange.route.repository, namespace) === true;
  return isHeeded ? ['OCI-Namespace', namespace] : [];
}
