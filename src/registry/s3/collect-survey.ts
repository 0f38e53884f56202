/** What a collection knows of the repositories: one list of keys, and the records that they name. */
import type { Bucket } from './bucket.ts';
import { readGenerations } from './generations.ts';
import { parseRepositoryKey, type RepositoryKey, repositoriesPrefix } from './keys.ts';
import { groupByName, type ManifestRecord, type ManifestRecords } from './manifest-records.ts';
import { mapParallel } from './parallel.ts';

export interface SurveyedManifest {
  digest: string;
  /** Of every generation: what any of them needs is needed. */
  records: ManifestRecord[];
  /** Milliseconds since the epoch: pushed or pulled last. */
  usedAt: number;
  entries: RepositoryKey[];
  /** Notes whose generation is gone. */
  stray: string[];
}

export interface SurveyedLink {
  key: string;
  digest: string;
  generation: string;
}

export interface SurveyedRepository {
  name: string;
  manifests: Map<string, SurveyedManifest>;
  /** Digests. */
  tagged: Set<string>;
  links: SurveyedLink[];
}

/** Reads all keys below `prefix`, of all repositories unless told. */
export async function surveyRepositories(
  bucket: Bucket,
  records: ManifestRecords,
  prefix = repositoriesPrefix,
): Promise<Map<string, SurveyedRepository>> {
  const found = new Map<string, SurveyedRepository>();
  const entries = new Map<SurveyedRepository, RepositoryKey[]>();
  for await (const { key } of bucket.list(prefix)) {
    const parsed = parseRepositoryKey(key);
    if (parsed === undefined) continue;
    const repository = found.get(parsed.repository) ?? emptyRepository(parsed.repository);
    found.set(parsed.repository, repository);
    if (parsed.kind === 'tags') repository.tagged.add(`sha256:${parsed.fields[1]}`);
    if (parsed.kind === 'blobs')
      repository.links.push({ key, digest: `sha256:${parsed.name}`, generation: parsed.fields[0] ?? '' });
    if (parsed.kind !== 'manifests') continue;
    const known = entries.get(repository);
    if (known === undefined) entries.set(repository, [parsed]);
    else known.push(parsed);
  }
  for (const [repository, own] of entries) {
    const manifests = await mapParallel([...groupByName(own)], ([hex, group]) => survey(records, hex, group));
    for (const manifest of manifests) repository.manifests.set(manifest.digest, manifest);
  }
  return found;
}

function emptyRepository(name: string): SurveyedRepository {
  return { name, manifests: new Map(), tagged: new Set(), links: [] };
}

async function survey(
  records: ManifestRecords,
  hex: string,
  entries: RepositoryKey[],
): Promise<SurveyedManifest> {
  const generations = readGenerations(entries);
  const read = await mapParallel(generations.all, async ({ key }) => [await records.record(key)].flat());
  return {
    digest: `sha256:${hex}`,
    records: read.flat().filter((record) => record !== undefined),
    usedAt: Math.max(generations.pulledAt, ...generations.all.map(({ heldAt }) => heldAt)),
    entries,
    stray: generations.stray,
  };
}

/** What tags and `isRoot` manifests lead to: from an index to its manifests, and from a subject to its referrers. */
export function neededManifests(
  { manifests, tagged }: SurveyedRepository,
  isRoot: (manifest: SurveyedManifest) => boolean,
): Set<string> {
  const referrers = new Map<string, string[]>();
  for (const { digest, records } of manifests.values())
    for (const { subject } of records)
      if (subject !== undefined) referrers.set(subject, [...(referrers.get(subject) ?? []), digest]);
  const needed = new Set<string>();
  const open = [...tagged, ...[...manifests.values()].filter(isRoot).map(({ digest }) => digest)];
  for (let digest = open.pop(); digest !== undefined; digest = open.pop()) {
    const manifest = manifests.get(digest);
    if (manifest === undefined || needed.has(digest)) continue;
    needed.add(digest);
    open.push(...manifest.records.flatMap(({ references }) => references), ...(referrers.get(digest) ?? []));
  }
  return needed;
}

/** Digests of all that the manifests of a repository need: their own bytes and what they name. */
export function neededBlobs({ manifests }: SurveyedRepository): Set<string> {
  const needed = new Set<string>();
  for (const { records } of manifests.values()) {
    for (const { digest, references } of records) {
      needed.add(digest);
      for (const reference of references) needed.add(reference);
    }
  }
  return needed;
}

export function neededAnywhere(repositories: Map<string, SurveyedRepository>): Set<string> {
  const needed = new Set<string>();
  for (const repository of repositories.values())
    for (const digest of neededBlobs(repository)) needed.add(digest);
  return needed;
}
