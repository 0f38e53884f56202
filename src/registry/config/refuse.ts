/** Small words for building a configuration out of values that may be missing. */
import { type ErrorCode, messageOf } from '../../errors/engine-error.ts';
import { compileGlob } from '../policy/glob.ts';
import type { Path } from './fields.ts';

/** Throws the EngineError for what stands at `path`. */
export type Refuse = (path: Path, message: string, hint?: string, code?: ErrorCode) => never;

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The entries of `values` that are there. */
export function without<T extends Record<string, unknown>>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}

/** Refuses what is no pattern of repositories or tags; undefined is none at all. */
export function checkPattern(pattern: string | undefined, path: Path, refuse: Refuse): void {
  if (pattern === undefined) return;
  try {
    compileGlob(pattern);
  } catch (error) {
    refuse(path, messageOf(error));
  }
}
