/** Processes started in a running container beside its own. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { encodeRuntimeSpec } from '../oci/runtime-spec.ts';
import type { StartProcess, SupervisedProcess } from '../runtime/runtime-types.ts';
import { Deferred } from '../util/deferred.ts';
import { Undo } from '../util/undo.ts';
import type { AttachSession } from './attach-session.ts';
import { ClientSession } from './client-session.ts';
import { hostnameOf, lookUpUser, specDefaults } from './container-spec.ts';
import type { Container } from './container-table.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { notRunning } from './end-process.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { failedExecSession } from './exec-failure.ts';
import type { Exec } from './exec-table.ts';
import type { ExecConfig, ExecRecord } from './model.ts';
import { newId } from './names.ts';
import { execProcessFile } from './paths.ts';
import { runtimeProgram } from './runtimes.ts';
import { buildExecProcess } from './spec/exec-process.ts';
import { startExitCode } from './start-failure.ts';

/** How long an exec can be asked for its exit code after it ended. */
const keptMs = 5 * 60_000;

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

function publishExecEvent(
  engine: Engine,
  container: Container,
  execID: string,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  publishContainerEvent(engine.events, container.record, action, { execID, ...attributes });
}

export interface ExecStart {
  detach: boolean;
  tty: boolean;
  consoleSize?: [height: number, width: number];
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
    const process = await launch(engine, container, exec, { options, session, undo });
    publishExecEvent(engine, container, execId, `exec_start: ${exec.record.config.cmd.join(' ')}`);
    watchExec(engine, container, exec, process, ended);
    return session;
  } catch (error) {
    await undo.run((err) => engine.log.error({ err, exec: execId }, 'could not undo all of an exec'));
    noteEnd(engine, container, exec, startExitCode(error));
    if (session === undefined) throw error;
    return failedExecSession(exec.record.config.tty, messageOf(error));
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

interface Launch {
  options: ExecStart;
  session: ClientSession | undefined;
  undo: Undo;
}

async function launch(
  engine: Engine,
  container: Container,
  exec: Exec,
  { options, session, undo }: Launch,
): Promise<SupervisedProcess> {
  const file = execProcessFile(engine.config, container.id, exec.record.id);
  undo.add(() => rm(file, { force: true }));
  const { consoleSize = exec.record.config.consoleSize } = options;
  if (consoleSize !== undefined)
    exec.record = { ...exec.record, config: { ...exec.record.config, consoleSize } };
  await writeProcess(engine, container, exec.record, file);
  const prepared = await engine.runtime.prepare(
    processRequest(engine, container, exec.record, options, file),
  );
  undo.add(() => prepared.cancel());
  if (session !== undefined) session.connect(await prepared.attach(session.options));
  const process = await prepared.start();
  exec.process = process;
  exec.record = { ...exec.record, running: true, pid: process.pid };
  return process;
}

function processRequest(
  engine: Engine,
  container: Container,
  { id, config }: ExecRecord,
  options: ExecStart,
  processFile: string,
): StartProcess {
  const [rows, columns] = config.consoleSize ?? [0, 0];
  return {
    containerId: container.id,
    processId: id,
    kind: { kind: 'exec', processFile },
    runtime: runtimeProgram(engine.config, engine.host, container.record.hostConfig.runtime),
    terminal: config.tty,
    ...(rows > 0 && columns > 0 ? { size: { rows, columns } } : {}),
    openStdin: config.attachStdin && !options.detach,
    stdinOnce: !config.tty,
  };
}

async function writeProcess(
  engine: Engine,
  container: Container,
  { config }: ExecRecord,
  file: string,
): Promise<void> {
  const { record } = container;
  const process = buildExecProcess({
    container: record,
    exec: config,
    host: engine.host,
    defaults: specDefaults(engine),
    user: lookUpUser(engine, record, config.user || record.config.user),
    hostname: hostnameOf(engine, record),
  });
  await mkdir(dirname(file), { recursive: true, mode: 0o710 });
  await writeFile(file, encodeRuntimeSpec(process));
}

/** Follows an exec to its end. Returns at once. */
function watchExec(
  engine: Engine,
  container: Container,
  exec: Exec,
  process: SupervisedProcess,
  ended: Deferred<void>,
): void {
  const { id } = exec.record;
  const follow = async (): Promise<void> => {
    const { exitCode } = await process.exited;
    if (engine.closing.aborted) return;
    noteEnd(engine, container, exec, exitCode);
    ended.resolve();
    await process.released;
    await engine.runtime.forget(id);
    await rm(execProcessFile(engine.config, container.id, id), { force: true });
  };
  follow().catch((err: unknown) =>
    engine.log.error({ err, exec: id }, 'could not record the end of an exec'),
  );
}

function noteEnd(engine: Engine, container: Container, exec: Exec, exitCode: number): void {
  const { id } = exec.record;
  exec.record = { ...exec.record, running: false, pid: 0, exitCode };
  delete exec.process;
  container.execIds.delete(id);
  publishExecEvent(engine, container, id, 'exec_die', { exitCode: String(exitCode) });
  setTimeout(() => engine.execs.delete(id), keptMs).unref();
}

export interface ExecDetails extends ExecRecord {
  /** It has ended and is about to be forgotten. */
  canRemove: boolean;
}

/** EngineError `not-found`: "No such exec instance: X". */
export function inspectExec(engine: Engine, execId: string): ExecDetails {
  const { record, used } = engine.execs.resolve(execId);
  return { ...record, canRemove: used && !record.running };
}
