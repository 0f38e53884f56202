/** Waiting for a container to end or to go. */
import type { ExitNotice } from './container-table.ts';
import type { Engine } from './engine.ts';
import { errorOf, exitCodeOf, isActive } from './state.ts';

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface Waiting {
  /** Resolves as soon as the wait is in place: what happens after that is not missed. */
  registered: Promise<void>;
  /** Rejects with EngineError `cancelled` where the signal aborts first. */
  result: Promise<ExitNotice>;
}

/**
 * Waits for a condition of a container; in place when the call returns. A container that doesn't run fulfils `not-running` at once, with its last
 * exit code. EngineError `not-found` at once where there is no such container.
 */
export function waitContainer(
  engine: Engine,
  ref: string,
  condition: WaitCondition,
  signal?: AbortSignal,
): Waiting {
  const container = engine.containers.resolve(ref);
  const registered = Promise.resolve();
  if (condition === 'removed') return { registered, result: container.removals.wait(signal) };
  const { state } = container;
  if (condition === 'not-running' && !isActive(state))
    return { registered, result: Promise.resolve(exitNotice(exitCodeOf(state), errorOf(state))) };
  return { registered, result: container.exits.wait(signal) };
}

/** How a run ended; '' for no error. */
export function exitNotice(exitCode: number, error: string): ExitNotice {
  return error === '' ? { exitCode } : { exitCode, error };
}
