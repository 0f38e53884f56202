/** The list of differences that have a reason: the tables of docs/differences.md. */
import { readFileSync } from 'node:fs';

export interface Explained {
  pattern: string;
  reason: string;
  matches(place: string): boolean;
}

/** Rows of the shape "| `pattern` | reason |"; in a pattern `*` stands for any text. */
export function readExplained(path: string): Explained[] {
  const rows = readFileSync(path, 'utf8').matchAll(/^\| `([^`]+)` \| (.+?) \|$/gm);
  return [...rows].map(([, pattern = '', reason = '']) => {
    const source = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
    const expression = new RegExp(`^${source.join('.*')}$`, 's');
    return { pattern, reason, matches: (place) => expression.test(place) };
  });
}
