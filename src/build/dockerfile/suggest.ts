/** Finds what somebody probably meant: the nearest of the known names, at most two edits away. */

const farthest = 2;

/** The name nearest to `word`, or undefined where none is near or the word is itself one of them. */
export function suggestion(word: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = farthest + 1;
  for (const name of names) {
    if (name === word) return undefined;
    const distance = editDistance(word, name, bestDistance);
    if (distance >= bestDistance) continue;
    best = name;
    bestDistance = distance;
  }
  return best;
}

/** The same without regard to case; the answer is in the case of `word`, where that is all of one. */
export function suggestionInAnyCase(word: string, names: Iterable<string>): string | undefined {
  const found = suggestion(
    word.toLowerCase(),
    [...names].map((name) => name.toLowerCase()),
  );
  return word === word.toUpperCase() ? found?.toUpperCase() : found;
}

/** ` (did you mean X?)`, or nothing: the end that Docker gives to a message. */
export function didYouMean(found: string | undefined, prefix = ''): string {
  return found === undefined ? '' : ` (did you mean ${prefix}${found}?)`;
}

/** Levenshtein's distance; whatever is `limit` or more counts as `limit`. */
function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return Math.min(row[to.length] ?? limit, limit);
}
