/** What stays of a start that failed: an error and an exit code in the container's state. */
import { isEngineError, messageOf } from '../errors/engine-error.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { removeInBackground } from './exit.ts';
import type { ContainerState } from './model.ts';
import { exitNotice } from './wait.ts';

/** As a shell has it: 127 for a command that isn't there, 126 for one that can't be executed; 128 for anything else. */
export function startExitCode(error: unknown): number {
  const message = messageOf(error);
  if (/permission denied|not a directory|is a directory/i.test(message)) return 126;
  if (!isEngineError(error, 'invalid-argument')) return 128;
  return /executable file not found|no such file or directory/.test(message) ? 127 : 128;
}

/** Durable when it returns; a container of `--rm` goes then. */
export function recordFailedStart(engine: Engine, container: Container, error: unknown): void {
  const exitCode = startExitCode(error);
  const message = messageOf(error);
  const next = failedState(container.state, exitCode, message);
  for (const session of container.waitingSessions) session.cancel();
  container.waitingSessions.clear();
  if (next === undefined) return;
  const wasRestarting = container.state.status === 'restarting';
  engine.containers.setState(container, next);
  publishContainerEvent(engine.events, container.record, 'die', { exitCode: String(exitCode) });
  if (wasRestarting) container.exits.notify(exitNotice(exitCode, message));
  if (container.record.hostConfig.autoRemove) removeInBackground(engine, container);
}

function failedState(state: ContainerState, exitCode: number, error: string): ContainerState | undefined {
  if (state.status === 'created') return { status: 'created', error, exitCode };
  if (state.status === 'exited') return { ...state, error, exitCode };
  if (state.status !== 'restarting') return undefined;
  const { startedAt, finishedAt } = state;
  return { status: 'exited', startedAt, finishedAt, exitCode, error, oomKilled: false };
}
