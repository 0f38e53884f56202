/** How many bytes repositories hold, for quotas. */
import type { Bucket } from './bucket.ts';
import { fieldsOf, type Generation, liveOf, readGenerations } from './generations.ts';
import { blobsPrefix, parseRepositoryKey, repositoriesPrefix } from './keys.ts';
import { mapParallel } from './parallel.ts';
import type { S3Blobs } from './s3-blobs.ts';

/** Where more sizes than this are not known yet, one list of all blobs is cheaper than a look at each. */
const listAllFrom = 100;

/** Bytes of all blobs linked to the repository `prefix` or to those below it, each counted once; '' for all. */
export async function usageBelow(bucket: Bucket, blobs: S3Blobs, prefix: string): Promise<number> {
  const linked = new Map<string, Set<string>>();
  const keys = await bucket.keys(`${repositoriesPrefix}${prefix === '' ? '' : `${prefix}/`}`);
  for (const parsed of keys.map(parseRepositoryKey)) {
    if (parsed?.kind !== 'blobs') continue;
    const digest = `sha256:${parsed.name}`;
    linked.set(digest, (linked.get(digest) ?? new Set()).add(parsed.fields[0] ?? ''));
  }
  let total = 0;
  const unknown: string[] = [];
  for (const [digest, generations] of linked) {
    const sizes = [...generations].flatMap((one) => blobs.knownSize(digest, one) ?? []);
    if (sizes[0] === undefined) unknown.push(digest);
    else total += sizes[0];
  }
  const all = unknown.length > listAllFrom ? await allBlobs(bucket) : undefined;
  const sizes = await mapParallel(unknown, async (digest) => {
    const generations =
      all === undefined ? liveOf(await blobs.generations(digest), bucket.now()) : (all.get(digest) ?? []);
    return generations.find(({ id }) => linked.get(digest)?.has(id))?.size ?? 0;
  });
  return sizes.reduce((sum, size) => sum + size, total);
}

async function allBlobs(bucket: Bucket): Promise<Map<string, Generation[]>> {
  const groups = new Map<string, Array<{ key: string; fields: string[] }>>();
  for (const key of await bucket.keys(blobsPrefix)) {
    const digest = `sha256:${key.slice(blobsPrefix.length, key.indexOf('!'))}`;
    const group = groups.get(digest) ?? [];
    groups.set(digest, group);
    group.push({ key, fields: fieldsOf(key) });
  }
  const now = bucket.now();
  return new Map([...groups].map(([digest, group]) => [digest, liveOf(readGenerations(group), now)]));
}
