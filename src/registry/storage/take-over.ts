/** Takes over what distribution (registry:2) kept in the same directory: its blobs get a second name, its links become documents. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EngineError, isEngineError, messageOf } from '../../errors/engine-error.ts';
import { isDigest } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Database } from '../../store/database.ts';
import type { Collection } from '../../util/collection.ts';
import { readPushedManifest } from '../http/manifest-document.ts';
import type { StoredManifest } from '../registry-types.ts';
import { readTreeBlobs, readTreeRepositories, type TreeRepository } from './distribution-tree.ts';
import { type LinkRecord, parseLink, parseManifestRecord, parseTag, type TagRecord } from './records.ts';

export interface TakeOver {
  /** Of the tree: `…/docker/registry/v2`. */
  root: string;
  blobs: BlobStore;
  database: Database;
  /** Remembers blobs whose bytes nobody has looked at. */
  unverified: Collection<true>;
  /** Hears what cannot be taken over. */
  warn: (message: string) => void;
}

export interface TakeOverReport {
  repositories: number;
  manifests: number;
  tags: number;
  blobs: number;
}

/**
 * Can be done again at any time where it was interrupted. The tree stays as it is (where the file system has no hard links, the blobs move out
 * of it). Rejects with EngineError where the tree cannot be read or the disk is full.
 */
export async function takeOver(work: TakeOver): Promise<TakeOverReport> {
  const report = { repositories: 0, manifests: 0, tags: 0, blobs: 0 };
  try {
    for await (const found of readTreeBlobs(work.root)) report.blobs += await adoptBlobs(work, found);
    await work.blobs.syncNames();
    for await (const repository of readTreeRepositories(work.root))
      await adoptRepository(work, repository, report);
  } catch (cause) {
    if (isEngineError(cause)) throw cause;
    throw new EngineError('failed-precondition', `cannot take over ${work.root}: ${messageOf(cause)}`, {
      cause,
      hint: 'make the whole tree readable to this process, or choose another directory',
    });
  }
  return report;
}

/** First noted as unverified, then there: so no blob is ever trusted that nobody looked at. */
async function adoptBlobs(
  { blobs, database, unverified }: TakeOver,
  found: ReadonlyArray<{ digest: string; path: string }>,
): Promise<number> {
  const missing = found.filter(({ digest }) => !blobs.has(digest));
  database.transaction(() => {
    for (const { digest } of missing) unverified.put(digest, true);
  });
  const adopted = await Promise.all(missing.map(({ digest, path }) => blobs.adopt(path, digest)));
  return adopted.filter(Boolean).length;
}

async function adoptRepository(work: TakeOver, tree: TreeRepository, report: TakeOverReport): Promise<void> {
  const { blobs, database } = work;
  const manifests = await readManifests(work, tree);
  const known = new Set(manifests.map(({ digest }) => digest));
  const tags = tree.tags.filter(({ digest }) => known.has(digest));
  const links = new Map([...tree.layers].filter(([digest]) => blobs.has(digest)));
  // What a manifest needs is linked, whatever happened to its link before.
  for (const { references, pushedAt } of manifests) {
    const unlinked = references.filter((digest) => !known.has(digest) && blobs.has(digest));
    for (const digest of unlinked) links.set(digest, links.get(digest) ?? pushedAt);
  }
  const tables = {
    links: database.collection<LinkRecord>('registry_blobs', parseLink),
    manifests: database.collection<StoredManifest>('registry_manifests', parseManifestRecord),
    tags: database.collection<TagRecord>('registry_tags', parseTag),
  };
  const now = Date.now();
  database.transaction(() => {
    // Nothing expires at once: what was pushed to the old registry a moment ago is still in use.
    for (const digest of links.keys()) tables.links.put(`${tree.name}@${digest}`, { usedAt: now });
    for (const manifest of manifests) tables.manifests.put(`${tree.name}@${manifest.digest}`, manifest);
    for (const { name, ...tag } of tags) tables.tags.put(`${tree.name}:${name}`, tag);
  });
  report.repositories += manifests.length > 0 ? 1 : 0;
  report.manifests += manifests.length;
  report.tags += tags.length;
}

async function readManifests(work: TakeOver, tree: TreeRepository): Promise<StoredManifest[]> {
  const manifests: StoredManifest[] = [];
  for (const [digest, pushedAt] of tree.manifests) {
    try {
      const data = await work.blobs.read(digest);
      const facts = factsOf(data);
      manifests.push({ digest, size: data.length, pushedAt, pulledAt: 0, ...facts });
    } catch (error) {
      if (!isEngineError(error)) throw error;
      work.warn(`manifest ${digest} of ${tree.name} is not taken over: ${error.message}`);
    }
    if (manifests.length % 100 === 0) await nextTurn();
  }
  return manifests;
}

type ManifestFacts = Omit<StoredManifest, 'digest' | 'size' | 'pushedAt' | 'pulledAt'>;

function factsOf(data: Buffer): ManifestFacts {
  const old = schema1Facts(data);
  if (old !== undefined) return old;
  const { mediaType, required, subject, artifactType, annotations } = readPushedManifest(
    data,
    undefined,
    undefined,
  );
  return {
    mediaType,
    references: [...new Set(required.map(({ digest }) => digest))],
    ...(subject === undefined ? {} : { subject }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** The obsolete schema 1, which nobody can push any more, is still served. */
function schema1Facts(data: Buffer): ManifestFacts | undefined {
  let document: unknown;
  try {
    document = JSON.parse(data.toString());
  } catch {
    return undefined;
  }
  if (typeof document !== 'object' || document === null || !('fsLayers' in document)) return undefined;
  const layers: unknown[] = Array.isArray(document.fsLayers) ? document.fsLayers : [];
  const digests = layers.map((layer) =>
    typeof layer === 'object' && layer !== null && 'blobSum' in layer ? layer.blobSum : undefined,
  );
  const mediaType = 'signatures' in document ? mediaTypes.dockerSchema1Signed : mediaTypes.dockerSchema1;
  return { mediaType, references: [...new Set(digests.filter(isDigest))] };
}
