/** What the daemon does with its containers when it starts: finds those that run, learns how others ended, finishes what was cut short. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { uptime } from 'node:os';
import { isFrozen } from '../host/cgroups-control.ts';
import type { ExitStatus, SupervisedProcess } from '../runtime/runtime-types.ts';
import { cgroupsPath } from './container-spec.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { restoreExecs } from './exec-restore.ts';
import { recordExit, removeInBackground, watchExit } from './exit.ts';
import { watchHealth } from './health-monitor.ts';
import { settleNetworks } from './networks-connect.ts';
import { bundleFiles } from './paths.ts';
import { releaseAfter } from './release.ts';
import { finishRemoval } from './remove.ts';
import { wantsRestart } from './restart-policy.ts';
import { runtimeProgram } from './runtimes.ts';
import { releaseSharedMemory } from './shared-memory.ts';
import { relaunch, startAgain } from './start.ts';
import { exitCodeOf, hasProcess } from './state.ts';
import { sweepLeftovers } from './sweep.ts';

/** Containers looked at, and later started, at a time. */
const atOnce = 16;
/** Of a process whose shim was killed, and of one that went down with the host. */
const killedCode = 137;
const hostLostCode = 255;

/** Everything that was there before is right when this resolves: states, network, disk. Policies' restarts come after, in `settleByPolicy`. */
export async function restoreContainers(engine: Engine): Promise<void> {
  const live = new Set<string>();
  await inParallel(engine.containers.list(), async (container) => {
    try {
      if (await restoreContainer(engine, container)) live.add(container.id);
    } catch (err) {
      /* One container's trouble is not the daemon's: what may still run keeps all that it has. */
      engine.log.error({ err, container: container.id }, 'could not find out what became of a container');
      live.add(container.id);
    }
  });
  await engine.networks.reconcile(live);
  await settleNetworks(engine);
  await sweepLeftovers(engine, live);
}

/** True if it runs. */
async function restoreContainer(engine: Engine, container: Container): Promise<boolean> {
  const process = await engine.runtime.adopt(container.id, container.id);
  if (process !== undefined) {
    await adopt(engine, container, process);
    return true;
  }
  await settleEnded(engine, container);
  return false;
}

async function adopt(engine: Engine, container: Container, process: SupervisedProcess): Promise<void> {
  if (container.state.status === 'removing') {
    process.kill(9).catch((err: unknown) => engine.log.debug({ err }, 'it has ended by itself'));
    releaseAfter(engine, container, process);
    return;
  }
  /* A daemon that was killed between a pause and its record knows no better. */
  const frozen = await isFrozen(engine.host.cgroups, cgroupsPath(engine, container.record));
  const { pid, startedAt } = process;
  container.process = process;
  if (!hasProcess(container.state))
    engine.containers.setState(container, { status: 'running', pid, startedAt });
  const status = frozen ? 'paused' : 'running';
  if (container.state.status !== status) engine.containers.setState(container, { status, pid, startedAt });
  await restoreExecs(engine, container);
  watchExit(engine, container, process, relaunch);
  if (!frozen) watchHealth(engine, container);
}

/** No shim is there: the run ended, or never began, or its shim was killed. */
async function settleEnded(engine: Engine, container: Container): Promise<void> {
  const { id, record } = container;
  const { directory } = bundleFiles(engine.config, id);
  const status = await engine.runtime.exitStatus(id);
  const ranOnDisk = hasProcess(container.state);
  if (status === undefined && !ranOnDisk && !existsSync(directory)) return;
  if (status === undefined) await destroyRest(engine, container);
  if (status !== undefined || ranOnDisk) noteEnd(engine, container, status);
  await Promise.all([
    engine.runtime.forget(id),
    rm(directory, { recursive: true, force: true }),
    releaseSharedMemory(engine, record),
  ]);
}

/** What its shim left when it was killed. Where that fails (its runtime may be gone), it has ended all the same. */
async function destroyRest(engine: Engine, { id, record }: Container): Promise<void> {
  try {
    const program = runtimeProgram(engine.config, engine.host, record.hostConfig.runtime);
    await engine.runtime.destroy(id, program);
  } catch (err) {
    engine.log.error({ err, container: id }, 'could not remove all that is left of a container');
  }
}

/** A status that is on record already says nothing new. */
function noteEnd(engine: Engine, container: Container, status: ExitStatus | undefined): void {
  const { state } = container;
  if (state.status === 'removing' || state.status === 'dead') return;
  if ('finishedAt' in state && status?.finishedAt === state.finishedAt) return;
  const startedAt = hasProcess(state) ? state.startedAt : (status?.finishedAt ?? Date.now());
  if (!hasProcess(state)) engine.containers.noteState(container, { status: 'running', pid: 0, startedAt });
  recordExit(engine, container, status ?? lostStatus(startedAt), startedAt);
}

function lostStatus(startedAt: number): ExitStatus {
  const now = Date.now();
  const bootedAt = now - uptime() * 1000;
  const exitCode = startedAt < bootedAt ? hostLostCode : killedCode;
  return { exitCode, finishedAt: now, oomKilled: false };
}

/** Ends removals, takes away what ran with `--rm`, and starts what restart policies want. In the background: nobody waits for it. */
export async function settleByPolicy(engine: Engine): Promise<void> {
  await inParallel(engine.containers.list(), async (container) => {
    if (engine.closing.aborted) return;
    const { status } = container.state;
    try {
      if (status === 'removing' || status === 'dead') await finishRemoval(engine, container);
      else if (hasProcess(container.state)) return;
      else if (container.record.hostConfig.autoRemove) removeInBackground(engine, container);
      else if (shallRun(container)) await startAgain(engine, container);
    } catch (err) {
      engine.log.error({ err, container: container.id }, 'could not bring a container back to what it was');
    }
  });
}

function shallRun({ state, record }: Container): boolean {
  if (state.status === 'restarting') return true;
  if (state.status !== 'exited') return false;
  return wantsRestart(record.hostConfig.restartPolicy, { ...record, exitCode: exitCodeOf(state) });
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const workers = Array.from({ length: atOnce }, async () => {
    for (const item of rest) await work(item);
  });
  await Promise.all(workers);
}
