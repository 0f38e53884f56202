/** The thread that counts how much room directories take: a slice of each in turn, so that a large one holds up nobody. */
import { parentPort } from 'node:worker_threads';
import { TreeWalk } from './tree-walk.ts';
import type { WalkReply, WalkRequest } from './walk-messages.ts';

/** Entries: some milliseconds. */
const slice = 1000;
const walks: Array<{ id: number; walk: TreeWalk }> = [];

function turn(): void {
  const next = walks.shift();
  if (next === undefined) return;
  if (next.walk.advance(slice)) walks.push(next);
  else parentPort?.postMessage({ id: next.id, size: next.walk.total } satisfies WalkReply);
  if (walks.length > 0) setImmediate(turn);
}

parentPort?.on('message', ({ id, path }: WalkRequest) => {
  walks.push({ id, walk: new TreeWalk(path) });
  if (walks.length === 1) setImmediate(turn);
});
