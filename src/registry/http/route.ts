/** Which endpoint a URL means (distribution-spec, "Endpoints"; Docker's `_catalog`). */

export type RouteKind =
  | 'root'
  | 'base'
  | 'catalog'
  | 'tags'
  | 'referrers'
  | 'manifest'
  | 'blob'
  | 'uploads'
  | 'upload'
  | 'unknown';

export interface Route {
  kind: RouteKind;
  /** As it was written, unchecked; '' where the endpoint has none. */
  repository: string;
  /** Tag, digest or upload, as it was written, unchecked; '' where the endpoint has none. */
  reference: string;
  query: URLSearchParams;
}

const noQuery = new URLSearchParams();
const unknown: Route = { kind: 'unknown', repository: '', reference: '', query: noQuery };

function decodePath(path: string): string | undefined {
  if (!path.includes('%')) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** `name` and what stands before the last two segments: a name may itself hold `manifests` or `blobs`, so it is read from its end. */
function endpointOf(path: string): Pick<Route, 'kind' | 'repository' | 'reference'> {
  const last = path.lastIndexOf('/');
  const reference = path.slice(last + 1);
  const before = path.slice(0, Math.max(last, 0));
  const middle = before.lastIndexOf('/');
  const word = before.slice(middle + 1);
  const repository = before.slice(0, Math.max(middle, 0));
  if (word === 'manifests') return { kind: 'manifest', repository, reference };
  if (word === 'blobs')
    return reference === 'uploads'
      ? { kind: 'uploads', repository, reference: '' }
      : { kind: 'blob', repository, reference };
  if (word === 'referrers') return { kind: 'referrers', repository, reference };
  if (word === 'tags' && reference === 'list') return { kind: 'tags', repository, reference: '' };
  if (word === 'uploads' && repository.endsWith('/blobs')) {
    const name = repository.slice(0, -'/blobs'.length);
    return { kind: reference === '' ? 'uploads' : 'upload', repository: name, reference };
  }
  return unknown;
}

/** A request target as proxies may write it (RFC 9112, "absolute-form"), without scheme and host. */
function originForm(url: string): string {
  return url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '');
}

/** Never throws. `prefix` is what stands before `/v2/`. */
export function parseRoute(target: string, prefix: string): Route {
  const url = originForm(target);
  const mark = url.indexOf('?');
  const path = decodePath(mark === -1 ? url : url.slice(0, mark));
  const query = mark === -1 ? noQuery : new URLSearchParams(url.slice(mark + 1));
  if (path === undefined || !path.startsWith(prefix)) return { ...unknown, query };
  const rest = path.slice(prefix.length);
  if (rest === '/v2/' || rest === '/v2') return { kind: 'base', repository: '', reference: '', query };
  if (rest === '/' || rest === '') return { kind: 'root', repository: '', reference: '', query };
  if (!rest.startsWith('/v2/')) return { ...unknown, query };
  const tail = rest.slice('/v2/'.length);
  if (tail === '_catalog') return { kind: 'catalog', repository: '', reference: '', query };
  const { kind, repository, reference } = endpointOf(tail);
  return { kind, repository, reference, query };
}
