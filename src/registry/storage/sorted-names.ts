/** A set of names that is read in pages, in the order of bytes (names are ASCII). */
import type { Page } from '../registry-types.ts';

export class SortedNames {
  readonly #names = new Set<string>();
  /** Made when it is first asked for, kept up to date from then on. */
  #sorted: string[] | undefined;

  get size(): number {
    return this.#names.size;
  }

  add(name: string): void {
    if (this.#names.has(name)) return;
    this.#names.add(name);
    this.#sorted?.splice(firstAbove(this.#sorted, name), 0, name);
  }

  delete(name: string): void {
    if (!this.#names.delete(name) || this.#sorted === undefined) return;
    this.#sorted.splice(firstAbove(this.#sorted, name) - 1, 1);
  }

  page({ after, limit }: Page): string[] {
    this.#sorted ??= [...this.#names].sort();
    const start = after === undefined ? 0 : firstAbove(this.#sorted, after);
    return this.#sorted.slice(start, start + limit);
  }
}

/** Where the first name greater than `name` stands. */
function firstAbove(sorted: readonly string[], name: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') <= name) low = middle + 1;
    else high = middle;
  }
  return low;
}
