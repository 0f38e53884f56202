/** Which of several upstreams serves a repository. */
import type { Upstream } from './upstream.ts';

/**
 * The one that a namespace names (containerd's `?ns=`), else the one with the longest prefix that fits, else the first one whose patterns fit
 * or that serves all. Where namespaces are set at all, one that nobody has is served by nobody: its images are not those of another registry.
 */
export function chooseUpstream(
  upstreams: readonly Upstream[],
  repository: string,
  namespace: string | undefined,
): Upstream | undefined {
  if (namespace !== undefined) {
    const named = upstreams.find((upstream) => upstream.servesNamespace(namespace));
    if (named !== undefined) return named;
  }
  const fitting = upstreams
    .filter((upstream) => upstream.servesName(repository))
    .sort((a, b) => b.prefix.length - a.prefix.length || Number(a.servesAll) - Number(b.servesAll));
  const isForeign = namespace !== undefined && upstreams.some(({ namespaces }) => namespaces.length > 0);
  return isForeign ? fitting.find(({ prefix }) => prefix !== '') : fitting[0];
}

/** May more than one upstream have a repository of this name? Then what is here under it may be another's. */
export function isAmbiguous(upstreams: readonly Upstream[], repository: string): boolean {
  const possible = upstreams.filter(
    (upstream) => upstream.namespaces.length > 0 || upstream.servesName(repository),
  );
  return possible.length > 1;
}
