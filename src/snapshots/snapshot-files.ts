/** Small things that the snapshotter does with its files. */
import { readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { EngineError, errnoOf, isEngineError, messageOf } from '../errors/engine-error.ts';
import { noSpace } from './unpack-thread.ts';

/** Nothing to do where `from` is gone already. */
export async function moveDirectory(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw asEngineError(error);
  }
}

/** An unreadable list (a crash while it was written) is an empty one: the container was never reported as made. */
export function readParents(path: string): string[] {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
}

/** What went wrong, in the engine's words. */
export function asEngineError(error: unknown): EngineError {
  if (isEngineError(error)) return error;
  const errno = errnoOf(error);
  if (errno === 'ENOSPC' || errno === 'EDQUOT') return noSpace();
  return new EngineError(/^Z(STD)?_/.test(errno ?? '') ? 'data-loss' : 'internal', messageOf(error), {
    cause: error,
  });
}
