/** Puts a manifest so that a collection under way, by whatever instance, can't take away what it needs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../../errors/engine-error.ts';
import type { StoredManifest } from '../registry-types.ts';
import type { Bucket } from './bucket.ts';
import { doomDeadline, isDoomed, liveOf } from './generations.ts';
import { type ManifestRecord, type ManifestRecords, toStored } from './manifest-records.ts';
import { mapParallel } from './parallel.ts';
import type { S3Blobs } from './s3-blobs.ts';
import type { S3Tags } from './s3-tags.ts';

export interface ManifestParts {
  bucket: Bucket;
  blobs: S3Blobs;
  records: ManifestRecords;
  tags: S3Tags;
}

export type NewManifest = Omit<StoredManifest, 'pushedAt' | 'pulledAt' | 'size'>;

type Presence = 'here' | 'undecided' | 'missing';

/** Milliseconds between two looks at what a collection is about to delete or to spare. */
const pollEvery = 250;
const maxAttempts = 3;

/**
 * The order matters: record, then a second look at all it needs, then tags, then a look at the record itself. A collection does it the other
 * way round (it announces what it will delete, then looks for records and tags), so at least one of the two sees the other.
 */
export async function putManifest(
  parts: ManifestParts,
  repository: string,
  manifest: NewManifest,
  data: Buffer,
  tags: readonly string[],
): Promise<StoredManifest> {
  const needed = manifest.cached === true ? [] : manifest.references;
  for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
    await requireAll(parts, repository, needed);
    const record = await toRecord(parts, repository, manifest, data);
    await parts.blobs.putDocument(record.digest, data);
    const id = crypto.randomUUID();
    await parts.records.write(repository, record, id);
    const isKept = await verify(parts, repository, record, id, needed);
    if (!isKept) continue;
    for (const tag of tags) await parts.tags.set(repository, tag, record.digest, manifest.cached === true);
    const found = await parts.records.find(repository, record.digest);
    if (found === undefined) continue;
    await dropOlder(parts, repository, record, found.generation.heldAt);
    return toStored(found);
  }
  throw new EngineError('unavailable', `the manifest ${manifest.digest} was deleted while it was put`, {
    hint: 'push it again',
  });
}

/** A manifest that was pushed stays a local one, whatever an upstream says later. */
async function toRecord(
  { records }: ManifestParts,
  repository: string,
  { cached, ...manifest }: NewManifest,
  data: Buffer,
): Promise<ManifestRecord> {
  const record = { ...manifest, size: data.length };
  if (cached !== true) return record;
  const present = await records.find(repository, manifest.digest);
  return present !== undefined && present.record.cached !== true ? record : { ...record, cached: true };
}

/** False where the record's own bytes went meanwhile. Where something it needs did, the record is taken back. */
async function verify(
  parts: ManifestParts,
  repository: string,
  record: ManifestRecord,
  id: string,
  needed: readonly string[],
): Promise<boolean> {
  try {
    await requireAll(parts, repository, needed);
  } catch (error) {
    const { all } = await parts.records.generations(repository, record.digest);
    const own = all.filter((generation) => generation.id === id);
    await parts.records.remove(repository, record.digest, own);
    await parts.records.forgetEmpty(repository);
    throw error;
  }
  return liveOf(await parts.blobs.generations(record.digest), parts.bucket.now()).length > 0;
}

async function requireAll(
  parts: ManifestParts,
  repository: string,
  digests: readonly string[],
): Promise<void> {
  await mapParallel([...new Set(digests)], async (digest) => {
    const giveUp = Date.now() + doomDeadline;
    for (;;) {
      const presence = await presenceOf(parts, repository, digest);
      if (presence === 'here') return;
      if (presence === 'missing' || Date.now() > giveUp)
        throw new EngineError('not-found', `blob unknown to registry: ${digest}`, { details: { digest } });
      await sleep(pollEvery);
    }
  });
}

async function presenceOf(
  { blobs, records, bucket }: ManifestParts,
  repository: string,
  digest: string,
): Promise<Presence> {
  const [blob, manifest] = await Promise.all([
    blobs.linked(repository, digest),
    records.generations(repository, digest),
  ]);
  if (blob.generation !== undefined) return 'here';
  const now = bucket.now();
  if (liveOf(manifest, now).length > 0) return 'here';
  const isDoubtful = blob.isUndecided || manifest.all.some((one) => isDoomed(one, now));
  return isDoubtful ? 'undecided' : 'missing';
}

/** The same manifest was put before: one record is enough. A cached one leaves those that were pushed. */
async function dropOlder(
  { records }: ManifestParts,
  repository: string,
  record: ManifestRecord,
  heldAt: number,
): Promise<void> {
  const { all } = await records.generations(repository, record.digest);
  const older = all.filter((generation) => generation.heldAt < heldAt);
  const droppable = await mapParallel(older, async (generation) => {
    const isCached = (await records.record(generation.key))?.cached === true;
    return record.cached !== true || isCached ? [generation] : [];
  });
  await records.remove(repository, record.digest, droppable.flat());
}
