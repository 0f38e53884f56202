/** Ending a container's process: the signals it gets, and how long it is waited for. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { parseSignal } from '../util/signals.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { runtimeProgram } from './runtimes.ts';
import { hasProcess, isActive } from './state.ts';
import { exitNotice } from './wait.ts';

const sigkill = 9;
const sigterm = 15;
/** Seconds between the stop signal and KILL where nobody says. */
export const defaultGraceSeconds = 10;
/** How long a process may take to die of KILL: longer, and it hangs in the kernel. */
const killPatienceMs = 10_000;

export interface Grace {
  /** -1 for ever; undefined for the container's own, or 10. */
  timeoutSeconds?: number;
  /** undefined for the container's own, or TERM. */
  signal?: string;
}

/** Docker's text for whatever needs a running process. */
export function notRunning(container: Container): EngineError {
  return new EngineError('conflict', `container ${container.id} is not running`, {
    hint: `start it first: start ${container.name}`,
  });
}

/**
 * Sends a signal. With `wanted` the end that may follow is the user's wish: no restart policy applies, and a paused container goes on so that
 * it can obey. EngineError `conflict` where nothing runs.
 */
export async function signalContainer(
  engine: Engine,
  container: Container,
  signal: number,
  options: { wanted: boolean },
): Promise<void> {
  const { process, state } = container;
  if (process === undefined || !hasProcess(state)) throw notRunning(container);
  if (options.wanted) container.exitWanted = true;
  try {
    await process.kill(signal);
  } catch (error) {
    if (!isEngineError(error, 'not-found')) throw error;
  }
  publishContainerEvent(engine.events, container.record, 'kill', { signal: String(signal) });
  if (state.status === 'paused' && options.wanted) await resume(engine, container);
}

async function resume(engine: Engine, container: Container): Promise<void> {
  const program = runtimeProgram(engine.config, engine.host, container.record.hostConfig.runtime);
  await engine.runtime.resume(container.id, program).catch((error: unknown) => {
    engine.log.warn({ container: container.id, err: error }, 'could not resume a container that is to end');
  });
  const { state } = container;
  if (state.status !== 'paused') return;
  engine.containers.setState(container, { ...state, status: 'running' });
  publishContainerEvent(engine.events, container.record, 'unpause');
}

/** Stop signal, grace, KILL; resolves when the end is recorded and the host has everything back. Not for a container that doesn't run. */
export async function endContainer(engine: Engine, container: Container, grace: Grace = {}): Promise<void> {
  if (cancelRestart(engine, container)) return;
  const { config } = container.record;
  const signal = parseSignal(grace.signal ?? config.stopSignal ?? String(sigterm));
  const seconds = grace.timeoutSeconds ?? config.stopTimeout ?? defaultGraceSeconds;
  const ended = endOf(container);
  await signalContainer(engine, container, signal, { wanted: true });
  if (await ended.within(seconds < 0 ? undefined : seconds * 1000)) return await container.released;
  await killAndWait(engine, container, ended);
}

/** KILL, at once. */
export async function killNow(engine: Engine, container: Container): Promise<void> {
  if (cancelRestart(engine, container)) return;
  await killAndWait(engine, container, endOf(container));
}

async function killAndWait(engine: Engine, container: Container, ended: Ending): Promise<void> {
  if (hasProcess(container.state)) await signalContainer(engine, container, sigkill, { wanted: true });
  if (!(await ended.within(killPatienceMs))) {
    throw new EngineError(
      'internal',
      `tried to kill container ${container.id}, but did not receive an exit event`,
      {
        hint: 'a process of it hangs in the kernel: see /proc/PID/stack',
      },
    );
  }
  await container.released;
}

interface Ending {
  /** True once the run ended; false after `ms` (for ever where undefined). */
  within(ms: number | undefined): Promise<boolean>;
}

function endOf(container: Container): Ending {
  const ended = container.exits.wait().then(() => true);
  return {
    async within(ms) {
      if (ms === undefined) return ended;
      const timer = Promise.withResolvers<boolean>();
      const handle = setTimeout(() => timer.resolve(false), Math.min(ms, 2 ** 31 - 1));
      const result = await Promise.race([ended, timer.promise]);
      clearTimeout(handle);
      return result;
    },
  };
}

/** Ends the wait between two runs of a restart policy. True if there was one. */
export function cancelRestart(engine: Engine, container: Container): boolean {
  const { state } = container;
  clearTimeout(container.restartTimer);
  container.restartTimer = undefined;
  if (state.status !== 'restarting') return false;
  const { startedAt, finishedAt, exitCode } = state;
  engine.containers.setState(container, {
    status: 'exited',
    startedAt,
    finishedAt,
    exitCode,
    oomKilled: false,
  });
  container.exits.notify(exitNotice(exitCode, ''));
  return true;
}

/** EngineError `not-modified` where there is nothing to stop. */
export function checkActive(container: Container): void {
  if (isActive(container.state)) return;
  throw new EngineError('not-modified', `container ${container.id} is already stopped`);
}
