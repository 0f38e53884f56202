/** All repositories in memory, and which blobs they hold: every question is answered from here. */
import type { Page, StoredManifest } from '../registry-types.ts';
import type { LinkRecord, TagRecord } from './records.ts';
import { Repository } from './repository.ts';
import { SortedNames } from './sorted-names.ts';
import { UsageMeter } from './usage-meter.ts';

interface Holding {
  /** Links and manifests of this digest, over all repositories. */
  count: number;
  /** Milliseconds since the epoch: the last use in any repository. */
  usedAt: number;
}

/** What one document of the database becomes; undefined for nothing. */
export type IndexValue =
  | { kind: 'link'; value: LinkRecord | undefined }
  | { kind: 'manifest'; value: StoredManifest | undefined }
  | { kind: 'tag'; value: TagRecord | undefined };

export class RegistryIndex {
  readonly #repositories = new Map<string, Repository>();
  /** Those with manifests. */
  readonly #names = new SortedNames();
  readonly #holdings = new Map<string, Holding>();
  /** When blobs that no repository holds were last used, by digest. */
  readonly #orphans = new Map<string, number>();
  readonly #usage: UsageMeter;

  constructor(sizeOf: (digest: string) => number) {
    this.#usage = new UsageMeter(sizeOf);
  }

  repository(name: string): Repository | undefined {
    return this.#repositories.get(name);
  }

  repositories(): Repository[] {
    return [...this.#repositories.values()];
  }

  /** Names of repositories with manifests. */
  page(page: Page): string[] {
    return this.#names.page(page);
  }

  /** Links and manifests of this digest, over all repositories. */
  holders(digest: string): number {
    return this.#holdings.get(digest)?.count ?? 0;
  }

  /** Digests that any repository holds. */
  get held(): number {
    return this.#holdings.size;
  }

  get orphans(): ReadonlyMap<string, number> {
    return this.#orphans;
  }

  /** Remembers a blob for the collection that no repository holds. */
  addOrphan(digest: string, usedAt: number): void {
    if (this.holders(digest) === 0)
      this.#orphans.set(digest, Math.max(usedAt, this.#orphans.get(digest) ?? 0));
  }

  forgetOrphan(digest: string): void {
    this.#orphans.delete(digest);
  }

  /** Notes that someone asked for a blob. */
  touch(digest: string, link: LinkRecord, now: number): void {
    link.usedAt = now;
    const holding = this.#holdings.get(digest);
    if (holding !== undefined) holding.usedAt = now;
  }

  usage(prefix: string): number {
    return this.#usage.bytes(prefix, () => this.#allHoldings());
  }

  /** Puts or removes one thing of a repository. Returns what was there. */
  set(name: string, key: string, change: IndexValue): IndexValue {
    const repository = this.#repositories.get(name) ?? new Repository(name);
    this.#repositories.set(name, repository);
    const previous = this.#apply(repository, key, change);
    if (repository.manifests.size > 0) this.#names.add(name);
    else this.#names.delete(name);
    if (repository.isEmpty) this.#repositories.delete(name);
    return previous;
  }

  #apply(repository: Repository, key: string, change: IndexValue): IndexValue {
    if (change.kind === 'tag') return { kind: 'tag', value: repository.setTag(key, change.value) };
    if (change.kind === 'link') {
      const previous = repository.setLink(key, change.value);
      this.#count(repository.name, key, change.value?.usedAt, previous?.usedAt);
      return { kind: 'link', value: previous };
    }
    const previous = repository.setManifest(key, change.value);
    this.#count(repository.name, key, change.value?.pushedAt, previous?.pushedAt);
    return { kind: 'manifest', value: previous };
  }

  /** `now` and `before` are when the thing that holds `digest` was last used; undefined where there is none. */
  #count(repository: string, digest: string, now: number | undefined, before: number | undefined): void {
    const holding = this.#holdings.get(digest) ?? { count: 0, usedAt: this.#orphans.get(digest) ?? 0 };
    holding.usedAt = Math.max(holding.usedAt, now ?? 0, before ?? 0);
    if (now !== undefined && before === undefined) {
      holding.count += 1;
      this.#usage.hold(repository, digest);
    }
    if (now === undefined && before !== undefined) {
      holding.count -= 1;
      this.#usage.release(repository, digest);
    }
    if (holding.count > 0) {
      this.#holdings.set(digest, holding);
      this.#orphans.delete(digest);
    } else if (this.#holdings.delete(digest)) this.#orphans.set(digest, holding.usedAt);
  }

  *#allHoldings(): Iterable<readonly [string, string]> {
    for (const { name, links, manifests } of this.#repositories.values()) {
      for (const digest of links.keys()) yield [name, digest];
      for (const digest of manifests.keys()) yield [name, digest];
    }
  }
}
