/** Deletes what the retention rules say may go, or reports what would. Bytes are freed by the next collection. */
import type { RegistryStorage, StoredTag } from '../registry-types.ts';
import { compileGlob } from './glob.ts';
import type { TagTest } from './immutable-tags.ts';
import {
  type CompiledRule,
  type DoomedManifest,
  doomedManifests,
  doomedTags,
  type RetentionRule,
} from './retention-plan.ts';

export type RetentionStorage = Pick<
  RegistryStorage,
  'repositories' | 'tags' | 'tag' | 'manifests' | 'deleteTag' | 'deleteManifest'
>;

export interface RetentionOptions {
  dryRun: boolean;
  /** Tags that no rule touches; see `immutableTest`. */
  isProtected?: TagTest;
  /** Milliseconds since the epoch; the present unless told. */
  now?: number;
  signal?: AbortSignal;
}

export interface RetentionReport {
  dryRun: boolean;
  /** Repositories that at least one rule is about. */
  repositories: number;
  keptTags: number;
  /** Deleted, or what would be with `dryRun`. */
  tags: Array<{ repository: string; tag: string; digest: string; reason: string }>;
  manifests: Array<{ repository: string; digest: string; reason: string }>;
}

const pageSize = 1000;
/** Manifests that are deleted after one look at the tags. */
const batchSize = 50;

/**
 * A tag that moved and a manifest that got a tag since they were looked at stay. EngineErrors `invalid-argument` for a malformed pattern,
 * and those of the storage; what was deleted until then stays deleted. Stops early, with what it has, once `signal` aborts.
 */
export async function applyRetention(
  storage: RetentionStorage,
  rules: readonly RetentionRule[],
  options: RetentionOptions,
): Promise<RetentionReport> {
  const compiled = rules.map(compileRule);
  const report: RetentionReport = {
    dryRun: options.dryRun,
    repositories: 0,
    keptTags: 0,
    tags: [],
    manifests: [],
  };
  const names = pages(
    (after) => storage.repositories({ limit: pageSize, ...after }),
    (name) => name,
  );
  for await (const repository of names) {
    if (options.signal?.aborted === true) break;
    const own = compiled.filter((rule) => rule.repositories.test(repository));
    if (own.length === 0) continue;
    report.repositories += 1;
    await tidy(storage, repository, own, options, report);
  }
  return report;
}

function compileRule(rule: RetentionRule): CompiledRule {
  return {
    ...rule,
    repositories: compileGlob(rule.repositories),
    tags: compileGlob(rule.tags ?? '*'),
    keepTags: (rule.keepTags ?? []).map(compileGlob),
  };
}

async function tidy(
  storage: RetentionStorage,
  repository: string,
  rules: readonly CompiledRule[],
  options: RetentionOptions,
  report: RetentionReport,
): Promise<void> {
  const now = options.now ?? Date.now();
  const tags = await allTags(storage, repository);
  const manifests = await storage.manifests(repository);
  const isProtected = (tag: string): boolean => options.isProtected?.(repository, tag) === true;
  const gone = new Set<string>();
  for (const { tag, reason } of doomedTags(rules, { tags, manifests }, isProtected, now)) {
    if (!options.dryRun && !(await removeTag(storage, repository, tag))) continue;
    gone.add(tag.name);
    report.tags.push({ repository, tag: tag.name, digest: tag.digest, reason });
  }
  report.keptTags += tags.length - gone.size;
  // Read again: what came meanwhile counts.
  const left = options.dryRun
    ? { tags: tags.filter(({ name }) => !gone.has(name)), manifests }
    : { tags: await allTags(storage, repository), manifests: await storage.manifests(repository) };
  const doomed = doomedManifests(rules, left, now);
  for (let start = 0; start < doomed.length; start += batchSize) {
    const batch = doomed.slice(start, start + batchSize);
    const removed = options.dryRun ? batch : await removeManifests(storage, repository, batch);
    report.manifests.push(...removed.map((manifest) => ({ repository, ...manifest })));
  }
}

async function removeTag(storage: RetentionStorage, repository: string, seen: StoredTag): Promise<boolean> {
  const present = await storage.tag(repository, seen.name);
  if (present?.digest !== seen.digest || present.taggedAt !== seen.taggedAt) return false;
  return await storage.deleteTag(repository, seen.name);
}

/** Returns those that are gone: one that a tag names by now stays. */
async function removeManifests(
  storage: RetentionStorage,
  repository: string,
  batch: readonly DoomedManifest[],
): Promise<DoomedManifest[]> {
  const tagged = new Set((await allTags(storage, repository)).map(({ digest }) => digest));
  const removed: DoomedManifest[] = [];
  for (const manifest of batch) {
    if (tagged.has(manifest.digest)) continue;
    if (await storage.deleteManifest(repository, manifest.digest)) removed.push(manifest);
  }
  return removed;
}

async function allTags(storage: RetentionStorage, repository: string): Promise<StoredTag[]> {
  const read = async (after: { after?: string }): Promise<StoredTag[]> =>
    (await storage.tags(repository, { limit: pageSize, ...after })) ?? [];
  const found: StoredTag[] = [];
  for await (const tag of pages(read, ({ name }) => name)) found.push(tag);
  return found;
}

async function* pages<T>(
  read: (after: { after?: string }) => Promise<T[]>,
  nameOf: (item: T) => string,
): AsyncGenerator<T, void, undefined> {
  for (let after: { after?: string } = {}; ; ) {
    const page = await read(after);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    after = { after: nameOf(last) };
  }
}
