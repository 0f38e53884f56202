/** What follows when a container's process ends: the state, those who wait, the host's resources, removal or another run. */
import type { ExitStatus, SupervisedProcess } from '../runtime/runtime-types.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { uncheckedHealth } from './health-state.ts';
import type { ContainerState } from './model.ts';
import { releaseAfter } from './release.ts';
import { removeEnded } from './remove.ts';
import { nextDelayMs, wantsRestart } from './restart-policy.ts';
import { touchSizes } from './sizes/sizes.ts';
import { exitNotice } from './wait.ts';

/** Starts a container again; given by start.ts, which needs this file. */
export type Relaunch = (engine: Engine, container: Container) => Promise<void>;

/** Follows a run to its end, and past it. Returns at once. */
export function watchExit(
  engine: Engine,
  container: Container,
  process: SupervisedProcess,
  relaunch: Relaunch,
): void {
  process.exited
    .then((status) => {
      if (!engine.closing.aborted) finishRun(engine, container, process, status, relaunch);
    })
    .catch((error: unknown) => {
      engine.log.error({ container: container.id, err: error }, 'could not record the end of a container');
    });
}

function finishRun(
  engine: Engine,
  container: Container,
  process: SupervisedProcess,
  status: ExitStatus,
  relaunch: Relaunch,
): void {
  container.process = undefined;
  engine.networks.silence(container.id);
  stopHealthChecks(container);
  const again = recordExit(engine, container, status, process.startedAt);
  releaseAfter(engine, container, process);
  container.exits.notify(exitNotice(status.exitCode, ''));
  if (again) scheduleRestart(engine, container, status.finishedAt - process.startedAt, relaunch);
  else if (container.record.hostConfig.autoRemove && !container.keepOnExit)
    removeInBackground(engine, container);
}

/** What a check that is under way finds counts no more. */
export function stopHealthChecks(container: Container): void {
  container.healthMonitor?.abort();
  container.healthMonitor = undefined;
}

/** Durable when it returns, but for a container of `--rm`, which is about to go. True if a restart policy asks for another run. */
export function recordExit(
  engine: Engine,
  container: Container,
  status: ExitStatus,
  startedAt: number,
): boolean {
  const { record } = container;
  const { restartPolicy, autoRemove } = record.hostConfig;
  const byPolicy = wantsRestart(restartPolicy, {
    exitCode: status.exitCode,
    restartCount: record.restartCount,
    stoppedByUser: record.stoppedByUser,
  });
  const again =
    !container.exitWanted && !container.removing && !autoRemove && (byPolicy || container.restartOnExit);
  const { exitCode, finishedAt, oomKilled } = status;
  const next: ContainerState = again
    ? { status: 'restarting', startedAt, finishedAt, exitCode }
    : { status: 'exited', startedAt, finishedAt, exitCode, oomKilled };
  const health = record.health === undefined ? {} : { health: uncheckedHealth(record.health) };
  if (autoRemove) engine.containers.noteState(container, next);
  else engine.containers.setState(container, next, health);
  touchSizes(engine, record);
  if (oomKilled) publishContainerEvent(engine.events, record, 'oom');
  publishContainerEvent(engine.events, record, 'die', {
    exitCode: String(exitCode),
    execDuration: String(Math.max(0, Math.round((finishedAt - startedAt) / 1000))),
  });
  return again;
}

/** Another run after the policy's delay, and not before the last one holds nothing any more. */
export function scheduleRestart(
  engine: Engine,
  container: Container,
  ranMs: number,
  relaunch: Relaunch,
): void {
  container.restartDelayMs = nextDelayMs(container.restartDelayMs, ranMs);
  const begin = (): void => {
    container.restartTimer = undefined;
    container.lock
      .run(async () => {
        if (container.state.status === 'restarting' && !engine.closing.aborted)
          await relaunch(engine, container);
      })
      .catch((error: unknown) => {
        engine.log.error({ container: container.id, err: error }, 'could not restart a container');
      });
  };
  container.restartTimer = setTimeout(begin, container.restartDelayMs);
}

export function removeInBackground(engine: Engine, container: Container): void {
  removeEnded(engine, container).catch((error: unknown) => {
    engine.log.error({ container: container.id, err: error }, 'could not remove a container that ended');
  });
}
