/** The pull-through cache: what is not here comes from upstreams, is passed on while it comes, and stays. */
import { tmpdir } from 'node:os';
import { messageOf } from '../../errors/engine-error.ts';
import type { RegistryConfig } from '../../images/registry/endpoints.ts';
import type { ProxyCounts } from '../metrics/proxy-metrics.ts';
import type { RegistryStorage, UpstreamCache } from '../registry-types.ts';
import { BlobBringer } from './blob-bringer.ts';
import { chooseUpstream, isAmbiguous } from './choose-upstream.ts';
import { ManifestBringer } from './manifest-bringer.ts';
import { purgeCached } from './purge.ts';
import { Upstream } from './upstream.ts';
import type { UpstreamOptions } from './upstream-options.ts';
import { openTransport } from './upstream-transport.ts';

export interface UpstreamCacheOptions {
  storage: RegistryStorage;
  upstreams: readonly UpstreamOptions[];
  /** Proxies and folders of certificates, as the engine's client takes them. */
  transportOptions?: Partial<RegistryConfig>;
  /** Where bytes lie on their way; the system's for temporary files unless told. */
  spoolDirectory?: string;
  /** Hears what went wrong without the client hearing of it. */
  warn?: (message: string) => void;
}

export interface PurgingUpstreamCache extends UpstreamCache {
  /** Since the start, for metrics. What is answered without asking the cache (blobs that are here) is not in it. */
  counts(): ProxyCounts;
  /** Deletes what nobody pulled for its upstream's ttl, which also happens by itself. Returns how many manifests went. */
  purge(now?: number): Promise<number>;
}

const longestPause = 3_600_000;
const shortestPause = 60_000;

/**
 * Pushes to names that an upstream serves are the registry's own matter: tags that were pushed win, since only cached ones are ever moved here.
 * EngineErrors `invalid-argument` and `failed-precondition` for options that cannot be used.
 */
export function createUpstreamCache(options: UpstreamCacheOptions): PurgingUpstreamCache {
  const { storage, transportOptions = {}, warn = () => undefined } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const transports = options.upstreams.map((one) => openTransport(one, transportOptions));
  const upstreams = options.upstreams.flatMap((one, index) => {
    const transport = transports[index]?.transport;
    return transport === undefined ? [] : [new Upstream(one, transport)];
  });
  const spoolDirectory = options.spoolDirectory ?? tmpdir();
  const blobs = new BlobBringer({ storage, spoolDirectory, warn, signal });
  const manifests = new ManifestBringer({
    storage,
    isAmbiguous: (repository) => isAmbiguous(upstreams, repository),
    onManifest: (repository, digests) => blobs.vouch(repository, digests),
    warn,
    signal,
  });
  const choose = (repository: string, namespace: string | undefined): Upstream | undefined =>
    chooseUpstream(upstreams, repository, namespace);
  const purge = async (now = Date.now()): Promise<number> =>
    await purgeCached(storage, (name) => ttlOf(upstreams, name), now, signal);
  const timer = setInterval(
    () => void purge().catch((error: unknown) => warn(`purging the cache failed: ${messageOf(error)}`)),
    pauseOf(upstreams),
  ).unref();
  return {
    serves: (repository, namespace) => choose(repository, namespace) !== undefined,
    bringManifest: async (repository, reference, namespace) => {
      const upstream = choose(repository, namespace);
      if (upstream !== undefined) await manifests.bring(upstream, repository, reference);
    },
    bringBlob: async (repository, digest, namespace) => {
      const upstream = choose(repository, namespace);
      return upstream === undefined ? undefined : await blobs.bring(upstream, repository, digest);
    },
    counts: () => ({ blob: blobs.counts, manifest: manifests.counts }),
    purge,
    close: async () => {
      clearInterval(timer);
      closing.abort();
      await Promise.all([manifests.settle(), blobs.settle()]);
      await Promise.all(transports.map((transport) => transport.close()));
    },
  };
}

/** The longest of those that may have brought it; what nobody serves any more goes by the longest of all. */
function ttlOf(upstreams: readonly Upstream[], repository: string): number | undefined {
  const own = upstreams.filter(
    (upstream) => upstream.namespaces.length > 0 || upstream.servesName(repository),
  );
  const candidates = own.length > 0 ? own : upstreams;
  return candidates.length === 0 ? undefined : Math.max(...candidates.map(({ ttl }) => ttl));
}

function pauseOf(upstreams: readonly Upstream[]): number {
  const shortest = Math.min(longestPause, ...upstreams.map(({ ttl }) => ttl / 4));
  return Math.max(shortestPause, shortest);
}
