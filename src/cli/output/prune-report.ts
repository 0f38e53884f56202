/** What a prune removed. */
import { humanSize } from './human.ts';

/** Heading and names, where there are any, and the space that was won. */
export function pruneReport(heading: string, deleted: readonly string[], spaceReclaimed: number): string {
  return `${pruneList(heading, deleted)}Total reclaimed space: ${humanSize(spaceReclaimed)}\n`;
}

export function pruneList(heading: string, deleted: readonly string[]): string {
  return deleted.length === 0 ? '' : `${heading}\n${deleted.join('\n')}\n\n`;
}
