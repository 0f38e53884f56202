/** How far a compressed archive may expand: a few megabytes must not fill the disk. */
import { EngineError } from '../errors/engine-error.ts';

/** Times its compressed size; no file system that people make is as hollow as a whole. */
export const defaultMaxExpansion = 200;

/** Below this nothing is too much: an image may hold an empty disk, or a database's files. */
const alwaysAllowed = 1024 ** 3;

/** Plain bytes that `compressed` bytes may become. */
export function expansionLimit(compressed: number, maxExpansion: number): number {
  return Math.max(alwaysAllowed, compressed * maxExpansion);
}

/** EngineError `resource-exhausted` where `plain` bytes are more than `limit`. */
export function checkExpansion(plain: number, limit: number): void {
  if (plain <= limit) return;
  throw new EngineError('resource-exhausted', `the archive expands to more than ${limit} bytes`, {
    hint: 'do not use it if you do not trust who made it; otherwise raise max-layer-expansion in daemon.json',
  });
}
