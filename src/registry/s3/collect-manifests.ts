/** Deletes manifests that nothing leads to, by the same rule as `collect-blobs.ts`: announce, look again, delete. */
import type { CollectContext } from './collect-context.ts';
import {
  neededManifests,
  type SurveyedManifest,
  type SurveyedRepository,
  surveyRepositories,
} from './collect-survey.ts';
import { doomDeadline, readGenerations } from './generations.ts';
import { encodeNumber, manifestKeys, repositoryKeys } from './keys.ts';
import { mapParallel } from './parallel.ts';

/** Updates `repositories` to what is left. */
export async function collectManifests(
  context: CollectContext,
  repositories: Map<string, SurveyedRepository>,
): Promise<void> {
  for (const [name, repository] of repositories) {
    if (context.options.signal?.aborted === true) return;
    if (!context.options.dryRun)
      await context.bucket.remove([...repository.manifests.values()].flatMap(({ stray }) => stray));
    const unneeded = unneededOf(context, repository);
    if (unneeded.length === 0) continue;
    if (context.options.dryRun) {
      for (const { digest } of unneeded) repository.manifests.delete(digest);
      context.report.manifests += unneeded.length;
      continue;
    }
    repositories.set(name, await removeUnneeded(context, name, unneeded));
  }
}

function unneededOf({ options, now }: CollectContext, repository: SurveyedRepository): SurveyedManifest[] {
  // What came after the collection began is never old, whatever the grace.
  const needed = neededManifests(repository, ({ usedAt }) => now - usedAt < options.grace);
  return [...repository.manifests.values()].filter(
    ({ digest, records }) => records.length > 0 && !needed.has(digest),
  );
}

async function removeUnneeded(
  context: CollectContext,
  name: string,
  unneeded: readonly SurveyedManifest[],
): Promise<SurveyedRepository> {
  const { bucket, records, id } = context;
  const begun = Date.now();
  const at = encodeNumber(bucket.now());
  const doomed = new Map<string, string[]>();
  await mapParallel(unneeded, async ({ digest, entries }) => {
    const keys = readGenerations(entries).all.map(
      (generation) => `${manifestKeys(name, digest)}doomed.${generation.id}.${id}.${at}`,
    );
    doomed.set(digest, keys);
    for (const key of keys) await bucket.put(key);
  });
  const surveyed = await surveyRepositories(bucket, records, repositoryKeys(name));
  const left = surveyed.get(name) ?? { name, manifests: new Map(), tagged: new Set<string>(), links: [] };
  const still = new Map(unneededOf(context, left).map((manifest) => [manifest.digest, manifest]));
  const isLate = Date.now() - begun > doomDeadline;
  await mapParallel([...doomed], async ([digest, keys]) => {
    const manifest = still.get(digest);
    if (manifest !== undefined && !isLate) {
      const { all } = readGenerations(manifest.entries);
      await records.remove(name, digest, all);
      await bucket.remove(manifest.entries.map(({ key }) => key));
      left.manifests.delete(digest);
      context.report.manifests += 1;
    }
    await bucket.remove(keys);
  });
  await records.forgetEmpty(name);
  return left;
}
