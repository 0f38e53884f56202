/** Finds the word that someone may have meant. */

/** Insertions, deletions and substitutions between two words (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substituted));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The one of `known` that is nearest to `word`, or undefined where none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const plain = word.toLowerCase().replace(/[-_]/g, '');
  let best: string | undefined;
  let bound = Math.max(1, Math.floor(plain.length / 3)) + 1;
  for (const candidate of known) {
    const far = distance(plain, candidate.toLowerCase());
    if (far < bound) {
      best = candidate;
      bound = far;
    }
  }
  return best;
}
