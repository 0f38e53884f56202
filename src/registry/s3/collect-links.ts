/** Takes back what repositories may see without needing it: links that nobody used for the grace period, and those of bytes that are gone. */

import type { SurveyedBlobs } from './collect-blobs.ts';
import type { CollectContext } from './collect-context.ts';
import {
  neededBlobs,
  type SurveyedLink,
  type SurveyedRepository,
  surveyRepositories,
} from './collect-survey.ts';
import type { Generation } from './generations.ts';
import { repositoryKeys } from './keys.ts';
import { mapParallel } from './parallel.ts';

/** A link is no announcement: it is deleted, then looked whether somebody relied on it meanwhile, and put back where so. */
export async function collectLinks(
  context: CollectContext,
  repositories: Map<string, SurveyedRepository>,
  blobs: SurveyedBlobs,
): Promise<void> {
  if (context.options.dryRun) return;
  const generations = new Map(
    [...blobs.generations.values()].flat().map((generation) => [generation.id, generation]),
  );
  for (const repository of repositories.values()) {
    if (context.options.signal?.aborted === true) return;
    const needed = neededBlobs(repository);
    const dead = repository.links.filter(({ generation }) => !generations.has(generation));
    await context.bucket.remove(dead.map(({ key }) => key));
    const unneeded = repository.links.filter((link) => {
      const generation = generations.get(link.generation);
      return generation !== undefined && !needed.has(link.digest) && isOld(context, generation);
    });
    if (unneeded.length > 0) await unlink(context, repository.name, unneeded);
  }
}

async function unlink(context: CollectContext, name: string, links: readonly SurveyedLink[]): Promise<void> {
  const { bucket, records, blobs } = context;
  await bucket.remove(links.map(({ key }) => key));
  const now = (await surveyRepositories(bucket, records, repositoryKeys(name))).get(name);
  const needed = now === undefined ? new Set<string>() : neededBlobs(now);
  await mapParallel(links, async ({ key, digest, generation }) => {
    const present = (await blobs.generations(digest)).all.find(({ id }) => id === generation);
    if (present === undefined) return;
    if (needed.has(digest) || !isOld(context, present)) await bucket.put(key);
  });
}

function isOld({ now, options }: CollectContext, { usedAt }: Generation): boolean {
  return now - usedAt >= options.grace;
}
