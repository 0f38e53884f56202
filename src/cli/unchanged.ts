/** Asking for what is so already is no failure: starting what runs, stopping what does not. */
import { isEngineError } from '../errors/engine-error.ts';

/** For the `catch` of a call: the daemon's 304 counts as done. */
export function ignoreUnchanged(error: unknown): undefined {
  if (isEngineError(error, 'not-modified')) return undefined;
  throw error;
}
