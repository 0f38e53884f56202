/** Processes started in a running container beside its own. */
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { Deferred } from '../util/deferred.ts';
import { Undo } from '../util/undo.ts';
import type { AttachSession } from './attach-session.ts';
import { ClientSession } from './client-session.ts';
import type { Container } from './container-table.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { notRunning } from './end-process.ts';
import type { Engine } from './engine.ts';
import { failedExecSession } from './exec-failure.ts';
import { type ExecStart, launchExec, noteExecEnd, publishExecEvent, watchExec } from './exec-launch.ts';
import { type Exec, noSuchExec } from './exec-table.ts';
import type { ExecConfig, ExecRecord } from './model.ts';
import { newId } from './names.ts';
import { startExitCode } from './start-failure.ts';

/** Returns the exec's ID. EngineErrors `conflict` in Docker's words where the container doesn't run. */
export async function createExec(engine: Engine, ref: string, config: ExecConfig): Promise<string> {
  const container = engine.containers.resolve(ref);
  checkExecutable(container);
  if (config.cmd.length === 0) throw new EngineError('invalid-argument', 'No exec command specified');
  parseDetachKeys(config.detachKeys);
  const id = newId();
  engine.execs.add({ id, containerId: container.id, config, running: false, pid: 0, exitCode: null });
  container.execIds.add(id);
  publishExecEvent(engine, container, id, `exec_create: ${config.cmd.join(' ')}`);
  return id;
}

function checkExecutable(container: Container): void {
  const { id, state } = container;
  if (state.status === 'paused') {
    throw new EngineError('conflict', `container ${id} is paused, unpause the container before exec`);
  }
  if (state.status === 'restarting') {
    throw new EngineError('conflict', `container ${id} is restarting, wait until the container is running`);
  }
  if (state.status !== 'running') throw notRunning(container);
}

/**
 * Runs an exec, once. Returns the session with it, or undefined where it is detached. A command that can't be executed is told in the session,
 * as Docker does, and thrown only where it is detached. EngineErrors `not-found`, `conflict` where it was started before or its
 * container doesn't run.
 */
export async function startExec(
  engine: Engine,
  execId: string,
  options: ExecStart,
): Promise<AttachSession | undefined> {
  const exec = engine.execs.resolve(execId);
  const container = engine.containers.resolve(exec.record.containerId);
  if (exec.used) {
    const what = exec.record.running ? 'is already running' : 'has already run';
    throw new EngineError('conflict', `Error: Exec command ${execId} ${what}`);
  }
  checkExecutable(container);
  exec.used = true;
  const ended = new Deferred<void>();
  const session = options.detach ? undefined : newSession(engine, container, exec, ended.promise);
  const undo = new Undo();
  try {
    const process = await launchExec(engine, container, exec, { options, session, undo });
    publishExecEvent(engine, container, execId, `exec_start: ${exec.record.config.cmd.join(' ')}`);
    watchExec(engine, container, exec, process, ended);
    return session;
  } catch (error) {
    await undo.run((err) => engine.log.error({ err, exec: execId }, 'could not undo all of an exec'));
    noteExecEnd(engine, container, exec, startExitCode(error));
    if (session === undefined) throw error;
    return failedExecSession(exec.record.config.tty, messageOf(error));
  } finally {
    exec.started.resolve();
  }
}

function newSession(engine: Engine, container: Container, exec: Exec, settled: Promise<void>): ClientSession {
  const { config, id } = exec.record;
  return new ClientSession({
    tty: config.tty,
    streams: { stdin: config.attachStdin, stdout: config.attachStdout, stderr: config.attachStderr },
    detachKeys: parseDetachKeys(config.detachKeys),
    onDetach: () => publishExecEvent(engine, container, id, 'exec_detach'),
    settled,
  });
}

export interface ExecDetails extends ExecRecord {
  /** It has ended and is about to be forgotten. */
  canRemove: boolean;
}

/** EngineError `not-found`: "No such exec instance: X". */
export function inspectExec(engine: Engine, execId: string): ExecDetails {
  const { record, used } = engine.execs.resolve(execId);
  if (!engine.containers.has(record.containerId)) throw noSuchExec(execId);
  return { ...record, canRemove: used && !record.running };
}
