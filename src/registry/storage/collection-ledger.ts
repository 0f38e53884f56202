/** What a collection takes away: really, or on paper for a dry run. */
import type { IndexChange, RegistryTables } from './registry-tables.ts';
import type { Repository } from './repository.ts';

export interface CollectionLedger {
  /** Manifests of the repository that need the digest and stay. */
  needs(repository: Repository, digest: string): number;
  dropManifest(repository: Repository, digest: string): void;
  dropLink(repository: Repository, digest: string): void;
  /** When blobs that nobody holds (any more) were last used, by digest. */
  orphans(): ReadonlyMap<string, number>;
  /** Makes durable what was dropped. */
  settle(): Promise<void>;
}

export class RealLedger implements CollectionLedger {
  readonly #tables: RegistryTables;
  #change: IndexChange;

  constructor(tables: RegistryTables) {
    this.#tables = tables;
    this.#change = tables.change();
  }

  needs(repository: Repository, digest: string): number {
    return repository.needs(digest);
  }

  dropManifest({ name }: Repository, digest: string): void {
    this.#change.manifest(name, digest, undefined);
  }

  dropLink({ name }: Repository, digest: string): void {
    this.#change.link(name, digest, undefined);
  }

  orphans(): ReadonlyMap<string, number> {
    return this.#tables.index.orphans;
  }

  async settle(): Promise<void> {
    if (this.#change.isEmpty) return;
    const change = this.#change;
    this.#change = this.#tables.change();
    await change.commit();
  }
}

export class DryLedger implements CollectionLedger {
  readonly #tables: RegistryTables;
  /** Needs that would end, by repository and digest. */
  readonly #needs = new Map<string, number>();
  /** Links and manifests that would go, by digest. */
  readonly #dropped = new Map<string, number>();
  readonly #lastUse = new Map<string, number>();

  constructor(tables: RegistryTables) {
    this.#tables = tables;
  }

  needs(repository: Repository, digest: string): number {
    return repository.needs(digest) - (this.#needs.get(`${repository.name}@${digest}`) ?? 0);
  }

  dropManifest({ name, manifests }: Repository, digest: string): void {
    const manifest = manifests.get(digest);
    for (const needed of new Set(manifest?.references)) increment(this.#needs, `${name}@${needed}`);
    this.#drop(digest, manifest?.pushedAt ?? 0);
  }

  dropLink({ links }: Repository, digest: string): void {
    this.#drop(digest, links.get(digest)?.usedAt ?? 0);
  }

  orphans(): ReadonlyMap<string, number> {
    const { index } = this.#tables;
    const orphans = new Map(index.orphans);
    for (const [digest, count] of this.#dropped) {
      if (index.holders(digest) === count) orphans.set(digest, this.#lastUse.get(digest) ?? 0);
    }
    return orphans;
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  #drop(digest: string, usedAt: number): void {
    increment(this.#dropped, digest);
    this.#lastUse.set(digest, Math.max(usedAt, this.#lastUse.get(digest) ?? 0));
  }
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
