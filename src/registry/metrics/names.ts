/** How distribution names the handlers and methods in its metrics. */

const methods = new Set(['get', 'head', 'post', 'put', 'patch', 'delete', 'options']);

/** A method as a label; what no client of a registry sends is one of its own. */
export function methodLabel(method: string): string {
  const name = method.toLowerCase();
  return methods.has(name) ? name : 'other';
}

/** The handler of a route of `AnsweredRequest`. Referrers are what distribution has no name for. */
export function handlerOf(route: string, method: string): string {
  if (route !== 'upload') return route;
  return method === 'POST' ? 'blob_upload' : 'blob_upload_chunk';
}

const patterns: ReadonlyArray<[RegExp, string]> = [
  [/^\/v2\/?$/, 'base'],
  [/\/manifests\/[^/]+$/, 'manifest'],
  [/\/blobs\/uploads(\/|$)/, 'upload'],
  [/\/blobs\/[^/]+$/, 'blob'],
  [/\/tags\/list$/, 'tags'],
  [/\/referrers\/[^/]+$/, 'referrers'],
  [/^\/v2\/_catalog$/, 'catalog'],
];

/** The route of a request that is not answered yet, by its path alone. */
export function routeOfPath(path: string): string {
  const bare = path.split('?', 1)[0] ?? '';
  return patterns.find(([pattern]) => pattern.test(bare))?.[1] ?? 'unknown';
}
