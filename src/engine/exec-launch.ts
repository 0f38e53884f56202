/** Running an exec: its process document, its shim, its end. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { encodeRuntimeSpec } from '../oci/runtime-spec.ts';
import type { StartProcess, SupervisedProcess } from '../runtime/runtime-types.ts';
import type { Deferred } from '../util/deferred.ts';
import type { Undo } from '../util/undo.ts';
import type { ClientSession } from './client-session.ts';
import { hostnameOf, lookUpUser, specDefaults } from './container-spec.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { removeExecFile, writeExecFile } from './exec-file.ts';
import type { Exec } from './exec-table.ts';
import { linkEnvironment } from './links.ts';
import type { ExecRecord } from './model.ts';
import { execProcessFile } from './paths.ts';
import { runtimeProgram } from './runtimes.ts';
import { buildExecProcess } from './spec/exec-process.ts';
import { hasProcess } from './state.ts';

/** How long an exec can be asked for its exit code after it ended. */
const keptMs = 5 * 60_000;

export interface ExecStart {
  detach: boolean;
  tty: boolean;
  consoleSize?: [height: number, width: number];
}

/** An event of the container that names one of its execs. */
export function publishExecEvent(
  engine: Engine,
  container: Container,
  execID: string,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  publishContainerEvent(engine.events, container.record, action, { execID, ...attributes });
}

export interface ExecLaunch {
  options: ExecStart;
  session: ClientSession | undefined;
  undo: Undo;
}

/** Starts the process; `session`, where given, misses nothing of its output. What `undo` is told is to be undone where that fails. */
export async function launchExec(
  engine: Engine,
  container: Container,
  exec: Exec,
  { options, session, undo }: ExecLaunch,
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
  undo.add(() => process.kill(9));
  exec.process = process;
  exec.record = { ...exec.record, running: true, pid: process.pid };
  undo.add(() => removeExecFile(engine, exec.record));
  await writeExecFile(engine, { record: exec.record, probe: exec.probe });
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
    linkEnv: linkEnvironment(engine, record),
  });
  await mkdir(dirname(file), { recursive: true, mode: 0o710 });
  await writeFile(file, encodeRuntimeSpec(process));
}

/** Follows an exec to its end. Returns at once. */
export function watchExec(
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
    noteExecEnd(engine, container, exec, exitCode);
    ended.resolve();
    if (!exec.probe && hasProcess(container.state))
      await writeExecFile(engine, { record: exec.record, probe: false });
    await process.released;
    await engine.runtime.forget(id);
    await rm(execProcessFile(engine.config, container.id, id), { force: true });
    if (exec.probe) await removeExecFile(engine, exec.record);
  };
  follow().catch((err: unknown) =>
    engine.log.error({ err, exec: id }, 'could not record the end of an exec'),
  );
}

/** Records the end of an exec; it is known for a while yet. */
export function noteExecEnd(engine: Engine, container: Container, exec: Exec, exitCode: number): void {
  const { id } = exec.record;
  exec.record = { ...exec.record, running: false, pid: 0, exitCode };
  delete exec.process;
  container.execIds.delete(id);
  publishExecEvent(engine, container, id, 'exec_die', { exitCode: String(exitCode) });
  forgetLater(engine, exec);
}

/** A health check's exec is forgotten at once. */
function forgetLater(engine: Engine, { probe, record }: Exec): void {
  if (probe) {
    engine.execs.delete(record.id);
    return;
  }
  const forget = async (): Promise<void> => {
    engine.execs.delete(record.id);
    await removeExecFile(engine, record);
  };
  const timer = setTimeout(() => {
    forget().catch((err: unknown) => engine.log.warn({ err, exec: record.id }, 'could not forget an exec'));
  }, keptMs);
  timer.unref();
}
