/** One repository in memory: its blob links, manifests and tags, and what follows from them. */
import type { StoredManifest } from '../registry-types.ts';
import type { LinkRecord, TagRecord } from './records.ts';
import { SortedNames } from './sorted-names.ts';

export class Repository {
  readonly name: string;
  readonly #links = new Map<string, LinkRecord>();
  readonly #manifests = new Map<string, StoredManifest>();
  readonly #tags = new Map<string, TagRecord>();
  readonly tagNames = new SortedNames();
  /** How many manifests need a digest. */
  readonly #needs = new Map<string, number>();
  /** Digests of manifests by that of their subject. */
  readonly #referrers = new Map<string, Set<string>>();
  /** Names by the digest of their manifest. */
  readonly #tagsOf = new Map<string, Set<string>>();

  constructor(name: string) {
    this.name = name;
  }

  get isEmpty(): boolean {
    return this.#links.size === 0 && this.#manifests.size === 0 && this.#tags.size === 0;
  }

  get links(): ReadonlyMap<string, LinkRecord> {
    return this.#links;
  }

  get manifests(): ReadonlyMap<string, StoredManifest> {
    return this.#manifests;
  }

  get tags(): ReadonlyMap<string, TagRecord> {
    return this.#tags;
  }

  /** Is the digest seen here, as a blob or as a manifest? */
  has(digest: string): boolean {
    return this.#links.has(digest) || this.#manifests.has(digest);
  }

  /** Manifests that need the digest. */
  needs(digest: string): number {
    return this.#needs.get(digest) ?? 0;
  }

  referrers(subject: string): Iterable<string> {
    return this.#referrers.get(subject) ?? [];
  }

  tagsOf(digest: string): string[] {
    return [...(this.#tagsOf.get(digest) ?? [])];
  }

  isTagged(digest: string): boolean {
    return this.#tagsOf.has(digest);
  }

  /** Each `set` takes undefined for nothing, and returns what was there. */
  setLink(digest: string, link: LinkRecord | undefined): LinkRecord | undefined {
    const previous = this.#links.get(digest);
    if (link === undefined) this.#links.delete(digest);
    else this.#links.set(digest, link);
    return previous;
  }

  setManifest(digest: string, manifest: StoredManifest | undefined): StoredManifest | undefined {
    const previous = this.#manifests.get(digest);
    if (previous !== undefined) this.#forget(previous);
    if (manifest === undefined) this.#manifests.delete(digest);
    else {
      this.#manifests.set(digest, manifest);
      for (const needed of new Set(manifest.references)) this.#needs.set(needed, this.needs(needed) + 1);
      if (manifest.subject !== undefined) addTo(this.#referrers, manifest.subject, digest);
    }
    return previous;
  }

  setTag(name: string, tag: TagRecord | undefined): TagRecord | undefined {
    const previous = this.#tags.get(name);
    if (previous !== undefined) removeFrom(this.#tagsOf, previous.digest, name);
    if (tag === undefined) {
      this.#tags.delete(name);
      this.tagNames.delete(name);
    } else {
      this.#tags.set(name, tag);
      this.tagNames.add(name);
      addTo(this.#tagsOf, tag.digest, name);
    }
    return previous;
  }

  #forget(manifest: StoredManifest): void {
    for (const needed of new Set(manifest.references)) {
      const left = this.needs(needed) - 1;
      if (left > 0) this.#needs.set(needed, left);
      else this.#needs.delete(needed);
    }
    if (manifest.subject !== undefined) removeFrom(this.#referrers, manifest.subject, manifest.digest);
  }
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key) ?? new Set();
  sets.set(key, set.add(value));
}

function removeFrom(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
