/** The states of a container: which may follow which, and what each means to a client. */
import { EngineError } from '../errors/engine-error.ts';
import type { ContainerState } from './model.ts';

export type ContainerStatus = ContainerState['status'];

/**
 * The one transition table. `created` and `exited` may follow themselves: a start that failed leaves an error there. `removing` goes back to
 * `dead` where a removal failed half-way.
 */
const followers: Readonly<Record<ContainerStatus, readonly ContainerStatus[]>> = {
  created: ['created', 'running', 'removing'],
  running: ['paused', 'restarting', 'exited'],
  paused: ['running', 'restarting', 'exited'],
  restarting: ['running', 'exited'],
  exited: ['exited', 'running', 'removing'],
  removing: ['dead'],
  dead: ['removing'],
};

/** True if a container may go from one state to the other. */
export function mayFollow(from: ContainerStatus, to: ContainerStatus): boolean {
  return followers[from].includes(to);
}

/** `next`, where the table allows it. EngineError `internal` otherwise. */
export function follow(current: ContainerState, next: ContainerState): ContainerState {
  if (mayFollow(current.status, next.status)) return next;
  throw new EngineError('internal', `a container can't go from ${current.status} to ${next.status}`);
}

/** A process of the container exists: Docker's `State.Running` without `restarting`. */
export function hasProcess(
  state: ContainerState,
): state is ContainerState & { status: 'running' | 'paused' } {
  return state.status === 'running' || state.status === 'paused';
}

/** Docker's `State.Running`: true between two runs of a restart policy too. */
export function isActive(
  state: ContainerState,
): state is ContainerState & { status: 'running' | 'paused' | 'restarting' } {
  return hasProcess(state) || state.status === 'restarting';
}

/** The exit code that clients see in a state: 0 where nothing ended yet. */
export function exitCodeOf(state: ContainerState): number {
  return 'exitCode' in state ? (state.exitCode ?? 0) : 0;
}

/** What went wrong at the last start, or ''. */
export function errorOf(state: ContainerState): string {
  return 'error' in state ? (state.error ?? '') : '';
}
