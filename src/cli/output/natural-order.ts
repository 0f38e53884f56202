/** Sorts names so that `a2` comes before `a10`. */

const collator = { numeric: true } as const;

/** Negative if `left` comes first. */
export function naturalOrder(left: string, right: string): number {
  return left.localeCompare(right, 'en', collator);
}
