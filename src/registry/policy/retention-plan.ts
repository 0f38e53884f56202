/** What retention rules say of one repository: which tags and manifests go, and why. Pure. */
import type { StoredManifest, StoredTag } from '../registry-types.ts';

/** One rule; all that match a repository apply, and whoever keeps a tag wins. */
export interface RetentionRule {
  /** Pattern of repositories. */
  repositories: string;
  /** Pattern of tags that the rule is about; all unless told. */
  tags?: string;
  /** The newest so many of its tags stay. Without an age below, all others go. */
  keepLast?: number;
  /** Patterns of tags that stay, whatever other rules say. */
  keepTags?: readonly string[];
  /** Milliseconds since a tag was set, after which it goes. */
  deleteOlderThan?: number;
  /** Milliseconds since its image was last pulled, or pushed if later, after which a tag goes. */
  deleteNotPulledFor?: number;
  /** Milliseconds since an untagged manifest was last pushed or pulled, after which it goes. */
  deleteUntaggedAfter?: number;
}

/** A rule with its patterns compiled. */
export interface CompiledRule extends Omit<RetentionRule, 'repositories' | 'tags' | 'keepTags'> {
  repositories: RegExp;
  tags: RegExp;
  keepTags: readonly RegExp[];
}

export interface RepositoryContent {
  tags: readonly StoredTag[];
  manifests: readonly StoredManifest[];
}

export interface DoomedTag {
  tag: StoredTag;
  /** Part of a sentence: `is not among the last 5`. */
  reason: string;
}

export interface DoomedManifest {
  digest: string;
  reason: string;
}

/** Tags that go. `isProtected` ones never do. */
export function doomedTags(
  rules: readonly CompiledRule[],
  { tags, manifests }: RepositoryContent,
  isProtected: (tag: string) => boolean,
  now: number,
): DoomedTag[] {
  const usedAt = new Map(
    manifests.map(({ digest, pulledAt, pushedAt }) => [digest, Math.max(pulledAt, pushedAt)]),
  );
  const kept = new Set(tags.map(({ name }) => name).filter(isProtected));
  const doomed = new Map<string, DoomedTag>();
  for (const rule of rules) {
    for (const { name } of tags) if (rule.keepTags.some((pattern) => pattern.test(name))) kept.add(name);
    const own = tags.filter(({ name }) => rule.tags.test(name)).sort(newestFirst);
    for (const { name } of own.slice(0, rule.keepLast ?? 0)) kept.add(name);
    for (const tag of own.slice(rule.keepLast ?? 0)) {
      const reason = reasonFor(rule, tag, Math.max(tag.taggedAt, usedAt.get(tag.digest) ?? 0), now);
      if (reason !== undefined && !doomed.has(tag.name)) doomed.set(tag.name, { tag, reason });
    }
  }
  return [...doomed.values()].filter(({ tag }) => !kept.has(tag.name));
}

function newestFirst(a: StoredTag, b: StoredTag): number {
  return b.taggedAt - a.taggedAt || (a.name < b.name ? 1 : -1);
}

function reasonFor(rule: CompiledRule, tag: StoredTag, usedAt: number, now: number): string | undefined {
  const { keepLast, deleteOlderThan, deleteNotPulledFor } = rule;
  if (deleteOlderThan !== undefined && now - tag.taggedAt > deleteOlderThan)
    return `was set more than ${inDays(deleteOlderThan)} ago`;
  if (deleteNotPulledFor !== undefined && now - usedAt > deleteNotPulledFor)
    return `was not pulled for ${inDays(deleteNotPulledFor)}`;
  const isByCount = deleteOlderThan === undefined && deleteNotPulledFor === undefined;
  return isByCount && keepLast !== undefined ? `is not among the last ${keepLast}` : undefined;
}

/** Manifests that no tag, index or subject which stays leads to, unused for long enough. `content` is what is left after the tags went. */
export function doomedManifests(
  rules: readonly CompiledRule[],
  content: RepositoryContent,
  now: number,
): DoomedManifest[] {
  const ages = rules.flatMap(({ deleteUntaggedAfter }) => deleteUntaggedAfter ?? []);
  if (ages.length === 0) return [];
  const age = Math.min(...ages);
  const isOld = ({ pushedAt, pulledAt }: StoredManifest): boolean => now - Math.max(pushedAt, pulledAt) > age;
  const needed = closure(content, (manifest) => !isOld(manifest));
  return content.manifests
    .filter(({ digest }) => !needed.has(digest))
    .map(({ digest }) => ({ digest, reason: `has had no tag and no use for ${inDays(age)}` }));
}

/** What tags and `isRoot` manifests lead to: down from an index to its manifests, and from a subject to its referrers. */
function closure(
  { tags, manifests }: RepositoryContent,
  isRoot: (manifest: StoredManifest) => boolean,
): Set<string> {
  const byDigest = new Map(manifests.map((manifest) => [manifest.digest, manifest]));
  const referrers = new Map<string, string[]>();
  for (const { digest, subject } of manifests)
    if (subject !== undefined) referrers.set(subject, [...(referrers.get(subject) ?? []), digest]);
  const needed = new Set<string>();
  const open = [...tags.map(({ digest }) => digest), ...manifests.filter(isRoot).map(({ digest }) => digest)];
  for (let digest = open.pop(); digest !== undefined; digest = open.pop()) {
    const manifest = byDigest.get(digest);
    if (manifest === undefined || needed.has(digest)) continue;
    needed.add(digest);
    open.push(...manifest.references, ...(referrers.get(digest) ?? []));
  }
  return needed;
}

function inDays(milliseconds: number): string {
  const hours = milliseconds / 3_600_000;
  if (hours >= 48) return `${Number((hours / 24).toFixed(1))} days`;
  return hours >= 1 ? `${Number(hours.toFixed(1))} hours` : `${Math.round(milliseconds / 1000)} seconds`;
}
