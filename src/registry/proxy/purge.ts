/** Deletes what came from upstreams and was not pulled for long; its bytes go with the next collection. */
import type { RegistryStorage, StoredManifest } from '../registry-types.ts';

const pageSize = 1000;

/** `ttlOf` is undefined for repositories that no upstream serves any more: what is cached of them goes by none of its rules. Returns how many manifests went. */
export async function purgeCached(
  storage: RegistryStorage,
  ttlOf: (repository: string) => number | undefined,
  now: number,
  signal: AbortSignal,
): Promise<number> {
  let purged = 0;
  for (let after: { after?: string } = {}; ; ) {
    const names = await storage.repositories({ limit: pageSize, ...after });
    for (const name of names) {
      if (signal.aborted) return purged;
      const ttl = ttlOf(name);
      if (ttl !== undefined && Number.isFinite(ttl))
        purged += await purgeRepository(storage, name, now - ttl);
    }
    const last = names.at(-1);
    if (last === undefined || names.length < pageSize) return purged;
    after = { after: last };
  }
}

async function purgeRepository(storage: RegistryStorage, name: string, before: number): Promise<number> {
  const manifests = await storage.manifests(name);
  const needed = neededByLocal(manifests);
  const old = manifests.filter(
    ({ digest, cached, pushedAt, pulledAt }) =>
      cached === true && !needed.has(digest) && Math.max(pushedAt, pulledAt) < before,
  );
  let purged = 0;
  for (const { digest } of old) if (await storage.deleteManifest(name, digest)) purged += 1;
  return purged;
}

/** A pushed index may name manifests that came from an upstream. */
function neededByLocal(manifests: readonly StoredManifest[]): Set<string> {
  const byDigest = new Map(manifests.map((manifest) => [manifest.digest, manifest]));
  const needed = new Set<string>();
  const open = manifests.filter(({ cached }) => cached !== true).flatMap(({ references }) => references);
  for (let digest = open.pop(); digest !== undefined; digest = open.pop()) {
    if (needed.has(digest)) continue;
    needed.add(digest);
    open.push(...(byDigest.get(digest)?.references ?? []));
  }
  return needed;
}
