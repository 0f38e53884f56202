/** Which manifests of one repository a tag leads to, found in slices while pushes go on. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Repository } from './repository.ts';

/** Manifests looked at before others get their turn. */
const sliceSize = 1000;

/**
 * Live is what a tag names, what was pushed after the cutoff, what a live index names, and what refers to a live subject. What is pushed or
 * tagged while the search runs, or afterwards, is handed to `revive`, so that it never counts as dead.
 */
export class LiveManifests {
  readonly #repository: Repository;
  readonly #live = new Set<string>();
  #queue: string[] = [];

  constructor(repository: Repository) {
    this.#repository = repository;
  }

  get repository(): string {
    return this.#repository.name;
  }

  /** `cutoff`: milliseconds since the epoch. */
  async mark(cutoff: number): Promise<void> {
    const { manifests } = this.#repository;
    let seen = 0;
    for (const [digest, { pushedAt }] of [...manifests]) {
      if (pushedAt > cutoff || this.#repository.isTagged(digest)) this.#add(digest);
      seen += 1;
      if (seen % sliceSize === 0) await nextTurn();
    }
    while (this.#queue.length > 0) {
      this.#follow(sliceSize);
      await nextTurn();
    }
  }

  isLive(digest: string): boolean {
    return this.#live.has(digest);
  }

  revive(digest: string): void {
    this.#add(digest);
    this.#follow(Number.POSITIVE_INFINITY);
  }

  #add(digest: string): void {
    if (this.#live.has(digest) || !this.#repository.manifests.has(digest)) return;
    this.#live.add(digest);
    this.#queue.push(digest);
  }

  #follow(limit: number): void {
    for (let count = 0; count < limit; count += 1) {
      const digest = this.#queue.pop();
      if (digest === undefined) return;
      for (const child of this.#repository.manifests.get(digest)?.references ?? []) this.#add(child);
      for (const referrer of this.#repository.referrers(digest)) this.#add(referrer);
    }
  }
}
