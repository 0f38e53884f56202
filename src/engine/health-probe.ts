/** One health check: a command in the container, its output and its exit code. */
import { messageOf } from '../errors/engine-error.ts';
import type { SupervisedProcess } from '../runtime/runtime-types.ts';
import { Deferred } from '../util/deferred.ts';
import { Undo } from '../util/undo.ts';
import { ClientSession } from './client-session.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { launchExec, noteExecEnd, publishExecEvent, watchExec } from './exec-launch.ts';
import type { Exec } from './exec-table.ts';
import { HealthOutput } from './health-output.ts';
import type { Healthcheck } from './health-state.ts';
import type { ExecConfig, HealthResult } from './model.ts';
import { newId } from './names.ts';
import { startExitCode } from './start-failure.ts';

const sigkill = 9;
/** Of a check that could not be made, or took too long. */
const failedCode = -1;

/** Never rejects: what goes wrong is the result. A check that takes too long, or is not wanted any more (`signal`), is killed. */
export async function runProbe(
  engine: Engine,
  container: Container,
  check: Healthcheck,
  signal: AbortSignal,
): Promise<HealthResult> {
  const start = Date.now();
  try {
    return { start, ...(await probe(engine, container, check, signal)), end: Date.now() };
  } catch (error) {
    return { start, end: Date.now(), exitCode: failedCode, output: messageOf(error) };
  }
}

type Outcome = Pick<HealthResult, 'exitCode' | 'output'>;

async function probe(
  engine: Engine,
  container: Container,
  check: Healthcheck,
  signal: AbortSignal,
): Promise<Outcome> {
  const output = new HealthOutput();
  const exec = newExec(engine, container, check.command);
  const ended = new Deferred<void>();
  const { process, drained } = await launch(engine, container, exec, { output, ended });
  const killer = killAfter(process, check.timeoutMs, signal);
  try {
    const { exitCode } = await process.exited;
    await Promise.all([drained, ended.promise]);
    if (!killer.timedOut()) return { exitCode, output: output.toString() };
    const written = output.toString();
    const message = `Health check exceeded timeout (${durationText(check.timeoutMs)})`;
    return { exitCode: failedCode, output: written === '' ? message : `${message}: ${written}` };
  } finally {
    killer.cancel();
  }
}

/** What the container's own process has: its user, its directory, its variables. */
function newExec(engine: Engine, container: Container, cmd: string[]): Exec {
  const { config } = container.record;
  const own: ExecConfig = {
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    tty: false,
    env: [],
    cmd,
    privileged: false,
    user: config.user,
    workingDir: config.workingDir,
  };
  const id = newId();
  const record = { id, containerId: container.id, config: own, running: false, pid: 0, exitCode: null };
  const exec = engine.execs.add(record, { probe: true, used: true });
  container.execIds.add(id);
  publishExecEvent(engine, container, id, `exec_create: ${cmd.join(' ')}`);
  return exec;
}

async function launch(
  engine: Engine,
  container: Container,
  exec: Exec,
  { output, ended }: { output: HealthOutput; ended: Deferred<void> },
): Promise<{ process: SupervisedProcess; drained: Promise<void> }> {
  const streams = { stdin: false, stdout: true, stderr: true };
  const session = new ClientSession({ tty: false, streams, detachKeys: [], onDetach: () => undefined });
  const undo = new Undo();
  try {
    const options = { detach: false, tty: false };
    const process = await launchExec(engine, container, exec, { options, session, undo });
    publishExecEvent(engine, container, exec.record.id, `exec_start: ${exec.record.config.cmd.join(' ')}`);
    watchExec(engine, container, exec, process, ended);
    return { process, drained: drain(session, output) };
  } catch (error) {
    session.close();
    await undo.run((err) =>
      engine.log.debug({ err, container: container.id }, 'could not undo a health check'),
    );
    noteExecEnd(engine, container, exec, startExitCode(error));
    throw error;
  }
}

async function drain(session: ClientSession, output: HealthOutput): Promise<void> {
  try {
    for await (const { data } of session.output) output.add(data);
  } finally {
    session.close();
  }
}

interface Killer {
  timedOut(): boolean;
  cancel(): void;
}

function killAfter(process: SupervisedProcess, timeoutMs: number, signal: AbortSignal): Killer {
  let late = false;
  /* One that has just ended needs no signal. */
  const kill = (): void => void process.kill(sigkill).catch(() => undefined);
  const timer = setTimeout(
    () => {
      late = true;
      kill();
    },
    Math.min(timeoutMs, 2 ** 31 - 1),
  );
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  return {
    timedOut: () => late,
    cancel: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', kill);
    },
  };
}

/** As Go writes a duration: `1m30s`, `1.5s`, `250ms`. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Number(ms.toFixed(6))}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = `${Number(((ms % 60_000) / 1000).toFixed(9))}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
