/** The size of a container's or an exec's terminal. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '../errors/engine-error.ts';
import type { SupervisedProcess } from '../runtime/runtime-types.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';

export interface TerminalSize {
  columns: number;
  rows: number;
}

/** EngineError `conflict` where the container doesn't run. */
export async function resizeContainer(engine: Engine, ref: string, size: TerminalSize): Promise<void> {
  const container = engine.containers.resolve(ref);
  await resize(container.process, size, `container ${container.id} is not running`);
  const attributes = { height: String(size.rows), width: String(size.columns) };
  publishContainerEvent(engine.events, container.record, 'resize', attributes);
}

/** How long a client's word of its terminal's size may be ahead of the exec: clients send it as soon as the connection is theirs. */
const startPatienceMs = 10_000;
/** And of the request to start it. */
const requestPatienceMs = 1000;

/** Waits for an exec that is about to run, as Docker does. EngineError `conflict` where it doesn't run. */
export async function resizeExec(engine: Engine, execId: string, size: TerminalSize): Promise<void> {
  const exec = engine.execs.resolve(execId);
  const timer = new AbortController();
  const patience = sleep(exec.used ? startPatienceMs : requestPatienceMs, undefined, {
    signal: timer.signal,
  });
  await Promise.race([exec.started.promise, patience]).finally(() => timer.abort());
  await resize(exec.process, size, `exec process ${execId} is not running`);
}

async function resize(
  process: SupervisedProcess | undefined,
  size: TerminalSize,
  whenAbsent: string,
): Promise<void> {
  if (process === undefined) throw new EngineError('conflict', whenAbsent);
  await process.resize(size);
}
