/** What ends a container at its user's wish: stop, kill and restart. */
import { EngineError } from '../errors/engine-error.ts';
import { parseSignal } from '../util/signals.ts';
import type { Container } from './container-table.ts';
import {
  cancelRestart,
  checkActive,
  endContainer,
  type Grace,
  killNow,
  notRunning,
  signalContainer,
} from './end-process.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { startResolved } from './start.ts';
import { hasProcess, isActive } from './state.ts';

const sigkill = 9;

/** Stop signal, grace, KILL. Resolves when the container has ended. EngineError `not-modified` where it doesn't run. */
export async function stopContainer(engine: Engine, ref: string, grace: Grace = {}): Promise<void> {
  const container = engine.containers.resolve(ref);
  checkActive(container);
  checkGrace(grace);
  engine.containers.update(container, { stoppedByUser: true });
  await endContainer(engine, container, grace);
  publishContainerEvent(engine.events, container.record, 'stop');
}

function checkGrace({ signal }: Grace): void {
  if (signal !== undefined) parseSignal(signal);
}

/** Sends a signal; for KILL waits until the container has ended. EngineError `conflict` where it doesn't run. */
export async function killContainer(engine: Engine, ref: string, signal: string): Promise<void> {
  const container = engine.containers.resolve(ref);
  const number = parseSignal(signal === '' ? 'KILL' : signal);
  if (number === sigkill && container.startAttempt !== undefined) return await giveUpStart(container);
  if (!isActive(container.state)) throw cannotKill(container, ref);
  engine.containers.update(container, { stoppedByUser: true });
  if (number === sigkill) return await killNow(engine, container);
  const wanted = isStopSignal(container, number);
  if (!hasProcess(container.state)) {
    if (wanted) cancelRestart(engine, container);
    return;
  }
  await signalContainer(engine, container, number, { wanted });
}

/** A start that hangs is ended too; whoever asked for it is told. */
async function giveUpStart(container: Container): Promise<void> {
  container.startAttempt?.abort();
  await container.lock.run(() => undefined);
}

function cannotKill(container: Container, ref: string): EngineError {
  const { message, hint = '' } = notRunning(container);
  return new EngineError('conflict', `cannot kill container: ${ref}: ${message}`, { hint });
}

/** As in Docker: any signal counts as a wish to end, unless the container names another one as its stop signal. */
function isStopSignal(container: Container, signal: number): boolean {
  const { stopSignal } = container.record.config;
  return stopSignal === undefined || parseSignal(stopSignal) === signal;
}

/** Stop (where it runs) and start. The container is kept in between, also with `--rm`. */
export async function restartContainer(engine: Engine, ref: string, grace: Grace = {}): Promise<void> {
  const container = engine.containers.resolve(ref);
  checkGrace(grace);
  container.keepOnExit = true;
  try {
    if (isActive(container.state)) {
      await endContainer(engine, container, grace);
      publishContainerEvent(engine.events, container.record, 'stop');
    }
    await startResolved(engine, container);
  } finally {
    container.keepOnExit = false;
  }
  publishContainerEvent(engine.events, container.record, 'restart');
}
