/**
 * Deletes blobs that nothing needs, while other instances push and collect.
 *
 * Nothing is shared but the bucket, whose reads see every write that ended before them. So both sides write first and look second:
 *
 * - A collection announces that it will delete a generation (`doomed`), then lists manifests and notes of use again, and deletes only what
 *   is still not needed and still not used; else it takes the announcement back.
 * - Whoever puts a manifest writes its record, then looks whether all it names is still held and not doomed, and waits where it is doomed.
 * - Whoever is told that a blob is here (`blob`, `mount`, a commit of bytes that are here) has noted the use, then looks whether it is doomed.
 *
 * Of two such sides at least one sees the other. Uses are noted only once the last note is older than half the grace, so that a collection
 * (which wants the whole grace to have passed) is never nearer than the other half.
 *
 * Bytes that come again while the old ones are doomed become a generation of their own, which the deletion does not touch: keys are never
 * used twice. A deletion takes links, bytes, then `held`, then `doomed`, so that `held` without `doomed` always means that the bytes are here.
 * A collection that dies in between leaves `doomed`, which counts for `doomLifetime`; one that is slow gives up after `doomDeadline`.
 */
import type { CollectContext } from './collect-context.ts';
import { neededAnywhere, type SurveyedRepository, surveyRepositories } from './collect-survey.ts';
import { doomDeadline, fieldsOf, type Generation, isDoomed, readGenerations } from './generations.ts';
import { blobKeys, blobsPrefix, dataKey, encodeNumber, linkKeys } from './keys.ts';
import { mapParallel } from './parallel.ts';

export interface Candidate {
  digest: string;
  generation: Generation;
  /** A newer generation of a blob that is needed. */
  isDuplicate: boolean;
}

export interface SurveyedBlobs {
  /** By digest, newest first. */
  generations: Map<string, Generation[]>;
  /** Notes whose generation is gone. */
  stray: string[];
}

/** Candidates of one look at the manifests: few enough to be done well before `doomDeadline`. */
const batchSize = 500;
/** With more candidates one list of everything is cheaper than one for each. */
const listAllFrom = 50;

export async function surveyBlobs(context: CollectContext): Promise<SurveyedBlobs> {
  const groups = new Map<string, Array<{ key: string; fields: string[] }>>();
  for await (const { key } of context.bucket.list(blobsPrefix)) {
    const digest = `sha256:${key.slice(blobsPrefix.length, key.indexOf('!'))}`;
    const group = groups.get(digest) ?? [];
    groups.set(digest, group);
    group.push({ key, fields: fieldsOf(key) });
  }
  const generations = new Map<string, Generation[]>();
  const stray: string[] = [];
  for (const [digest, group] of groups) {
    const read = readGenerations(group);
    if (read.all.length > 0) generations.set(digest, read.all);
    stray.push(...read.stray);
  }
  return { generations, stray };
}

function isOld({ now, options }: CollectContext, { usedAt }: Generation): boolean {
  return now - usedAt >= options.grace;
}

export function candidatesOf(
  context: CollectContext,
  repositories: Map<string, SurveyedRepository>,
  blobs: SurveyedBlobs,
): Candidate[] {
  const needed = neededAnywhere(repositories);
  const found: Candidate[] = [];
  for (const [digest, generations] of blobs.generations) {
    // Two pushes of the same bytes at once leave two generations. Every collection spares the same one, the newest.
    const newest = generations.find((one) => !isDoomed(one, context.now));
    for (const generation of generations) {
      const isDuplicate = needed.has(digest);
      if (isDuplicate && (newest === undefined || generation === newest)) continue;
      if (isOld(context, generation)) found.push({ digest, generation, isDuplicate });
    }
  }
  return found;
}

/** Deletes the candidates that are still unneeded on a second look. */
export async function collectBlobs(
  context: CollectContext,
  repositories: Map<string, SurveyedRepository>,
  blobs: SurveyedBlobs,
): Promise<void> {
  const candidates = candidatesOf(context, repositories, blobs);
  if (context.options.dryRun) {
    count(context, candidates);
    return;
  }
  await keepLinks(context, repositories, blobs, candidates);
  const links = linksByGeneration(repositories);
  for (let start = 0; start < candidates.length; start += batchSize) {
    if (context.options.signal?.aborted === true) return;
    await collectBatch(context, candidates.slice(start, start + batchSize), links);
  }
  await context.bucket.remove(blobs.stray);
}

async function collectBatch(
  context: CollectContext,
  batch: readonly Candidate[],
  links: Map<string, string[]>,
): Promise<void> {
  const { bucket, id } = context;
  const begun = Date.now();
  const at = encodeNumber(bucket.now());
  const doomKey = ({ digest, generation }: Candidate): string =>
    `${blobKeys(digest)}doomed.${generation.id}.${id}.${at}`;
  await mapParallel(batch, (candidate) => bucket.put(doomKey(candidate)));
  const needed = neededAnywhere(await surveyRepositories(bucket, context.records));
  const uses = await generationsOf(context, batch);
  const isGone = await mapParallel(batch, async (candidate): Promise<boolean> => {
    const present = uses.get(candidate.generation.id);
    const isNeeded = !candidate.isDuplicate && needed.has(candidate.digest);
    const isLate = Date.now() - begun > doomDeadline;
    const isTaken = present !== undefined && !isNeeded && !isLate && isOld(context, present);
    if (isTaken) await removeGeneration(context, candidate.digest, present, links);
    await bucket.remove([doomKey(candidate)]);
    return isTaken;
  });
  count(
    context,
    batch.filter((_, index) => isGone[index] === true),
  );
}

async function removeGeneration(
  { bucket }: CollectContext,
  digest: string,
  generation: Generation,
  links: Map<string, string[]>,
): Promise<void> {
  await bucket.remove((links.get(generation.id) ?? []).map((name) => linkKeys(name, digest) + generation.id));
  await bucket.remove([dataKey(generation.id)]);
  await bucket.remove([generation.key]);
  await bucket.remove([...generation.uses, ...generation.dooms.map(({ key }) => key)]);
}

/** As they are now, by ID. */
async function generationsOf(
  context: CollectContext,
  batch: readonly Candidate[],
): Promise<Map<string, Generation>> {
  const lists =
    batch.length >= listAllFrom
      ? [...(await surveyBlobs(context)).generations.values()]
      : await mapParallel(batch, async ({ digest }) => (await context.blobs.generations(digest)).all);
  return new Map(lists.flat().map((generation) => [generation.id, generation]));
}

/** Whoever sees a blob by a generation that goes as a duplicate sees it by the newest before that. */
async function keepLinks(
  { bucket }: CollectContext,
  repositories: Map<string, SurveyedRepository>,
  blobs: SurveyedBlobs,
  candidates: readonly Candidate[],
): Promise<void> {
  const duplicates = new Set(
    candidates.filter(({ isDuplicate }) => isDuplicate).map(({ generation }) => generation.id),
  );
  if (duplicates.size === 0) return;
  for (const { name, links } of repositories.values()) {
    const own = links.filter(({ generation }) => duplicates.has(generation));
    await mapParallel(own, async ({ digest }) => {
      const kept = blobs.generations.get(digest)?.find(({ id }) => !duplicates.has(id));
      if (kept !== undefined) await bucket.put(linkKeys(name, digest) + kept.id);
    });
  }
}

function linksByGeneration(repositories: Map<string, SurveyedRepository>): Map<string, string[]> {
  const links = new Map<string, string[]>();
  for (const { name, links: own } of repositories.values()) {
    for (const { generation } of own) {
      const names = links.get(generation);
      if (names === undefined) links.set(generation, [name]);
      else names.push(name);
    }
  }
  return links;
}

function count({ report }: CollectContext, gone: readonly Candidate[]): void {
  report.blobs += gone.length;
  report.freed += gone.reduce((sum, { generation }) => sum + generation.size, 0);
}
