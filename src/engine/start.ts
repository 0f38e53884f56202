/** Starting a container: steps 2 to 6 of its way, in their order, each undone where a later one fails. */
import { writeFile } from 'node:fs/promises';
import { EngineError } from '../errors/engine-error.ts';
import { oomFileOf } from '../host/cgroups.ts';
import { mainAddress } from '../network/endpoint-addresses.ts';
import { encodeRuntimeSpec } from '../oci/runtime-spec.ts';
import type {
  PreparedProcess,
  StartProcess,
  StartTimings,
  SupervisedProcess,
} from '../runtime/runtime-types.ts';
import { Undo } from '../util/undo.ts';
import { settleViews } from './archive/container-view.ts';
import { checkpointPath } from './checkpoint.ts';
import { cgroupsPath, containerSpec } from './container-spec.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { watchExit } from './exit.ts';
import { healthAtStart, watchHealth } from './health-monitor.ts';
import { linkingContainers } from './links.ts';
import { logTarget } from './log/target.ts';
import type { ContainerRecord } from './model.ts';
import { sweepParentCgroupSoon } from './parent-cgroup.ts';
import { bundleFiles, type ContainerFiles } from './paths.ts';
import { runtimeProgram } from './runtimes.ts';
import { CompiledFilters } from './spec/compiled-filters.ts';
import { recordFailedStart } from './start-failure.ts';
import { type ContainerNetwork, connectNetwork, refreshHosts, writeNetworkFiles } from './start-network.ts';
import { type StartReport, StepClock } from './start-report.ts';
import { createRoot, type Root } from './start-root.ts';
import { isActive } from './state.ts';
import { publishVolumeUse } from './volumes.ts';

/** Of the whole process: the same profile compiles to the same program in every engine. */
const compiledFilters = new CompiledFilters();

/**
 * Resolves when the process runs; its state is durable then. EngineErrors in Docker's words: `not-modified` where it runs, `conflict` where it can't be
 * started, and what goes wrong on the way. Nothing of a failed start stays but its error in the container's state.
 */
export async function startContainer(
  engine: Engine,
  ref: string,
  from: StartFrom = {},
): Promise<StartReport> {
  const container = engine.containers.resolve(ref);
  const { checkpoint, checkpointDirectory } = from;
  if (checkpoint === undefined) return startResolved(engine, container);
  checkStartable(container);
  const path = await checkpointPath(engine, container, checkpoint, checkpointDirectory);
  return startResolved(engine, container, path);
}

export interface StartFrom {
  /** Name of a checkpoint to go on from. */
  checkpoint?: string;
  /** Where that is; undefined for the container's own directory. */
  checkpointDirectory?: string;
}

/** The user's start: what restart policies remember begins anew. */
export async function startResolved(
  engine: Engine,
  container: Container,
  restoreFrom?: string,
): Promise<StartReport> {
  checkStartable(container);
  return container.lock.run(() => {
    checkStartable(container);
    container.exitWanted = false;
    container.restartDelayMs = 0;
    return launch(engine, container, { restartCount: 0, stoppedByUser: false }, restoreFrom);
  });
}

function checkStartable({ id, state, removing }: Container): void {
  if (state.status === 'paused') {
    throw new EngineError('conflict', 'cannot start a paused container, try unpause instead');
  }
  if (isActive(state)) throw new EngineError('not-modified', `container ${id} is already started`);
  if (removing || state.status === 'removing' || state.status === 'dead') {
    throw new EngineError('conflict', 'container is marked for removal and cannot be started');
  }
}

/** The restart policy's start. Needs the container's lock. */
export async function relaunch(engine: Engine, container: Container): Promise<void> {
  await launch(engine, container, { restartCount: container.record.restartCount + 1 });
}

/** The start that a restart policy asks for when the daemon starts. Does nothing where someone was quicker. */
export async function startAgain(engine: Engine, container: Container): Promise<void> {
  await container.lock.run(async () => {
    const { status } = container.state;
    if (status !== 'exited' && status !== 'restarting') return;
    if (container.removing || engine.closing.aborted) return;
    container.exitWanted = false;
    await launch(engine, container, {});
  });
}

async function launch(
  engine: Engine,
  container: Container,
  changes: Partial<Pick<ContainerRecord, 'restartCount' | 'stoppedByUser'>>,
  restoreFrom?: string,
): Promise<StartReport> {
  await container.released;
  await settleViews(container);
  const undo = new Undo();
  const attempt = new AbortController();
  container.startAttempt = attempt;
  try {
    await engine.logs.prepare(container, changes.stoppedByUser === false, undo);
    const { process, report } = await takeSteps(engine, container, undo, restoreFrom, attempt.signal);
    const { pid, startedAt } = process;
    container.startReport = report;
    const health = healthAtStart(container);
    const alive = health === undefined ? changes : { ...changes, health };
    container.restartOnExit = false;
    engine.containers.setState(container, { status: 'running', pid, startedAt }, alive);
    engine.logs.started(container);
    publishContainerEvent(engine.events, container.record, 'start');
    watchExit(engine, container, process, relaunch);
    watchHealth(engine, container);
    await tellLinking(engine, container);
    return report;
  } catch (error) {
    container.process = undefined;
    await undo.run((err) =>
      engine.log.error({ err, container: container.id }, 'could not undo all of a start'),
    );
    recordFailedStart(engine, container, error);
    sweepParentCgroupSoon(engine);
    throw error;
  } finally {
    container.startAttempt = undefined;
  }
}

/** Those that link to it learn its address; whatever goes wrong there is not this container's trouble. */
async function tellLinking(engine: Engine, container: Container): Promise<void> {
  for (const other of linkingContainers(engine, container)) {
    await refreshHosts(engine, other).catch((err: unknown) =>
      engine.log.warn({ err, container: other.id }, 'could not tell a container the new address of a link'),
    );
  }
}

/** The way of a container, from its image to its output. */
async function takeSteps(
  engine: Engine,
  container: Container,
  undo: Undo,
  restoreFrom: string | undefined,
  signal: AbortSignal,
): Promise<{ process: SupervisedProcess; report: StartReport }> {
  const clock = new StepClock();
  const { record } = container;
  await clock.step('image', async () => [
    undefined,
    `${record.config.image} (${record.imageId.replace('sha256:', '').slice(0, 12)}) is here`,
  ]);
  const root = await clock.step('create', () => createRoot(engine, container, undo));
  const network = await clock.step('network', () => connectNetwork(engine, container, undo));
  const { shim, files } = await clock.step('address', () =>
    giveAddress(engine, container, { root, network, restoreFrom }, undo),
  );
  const process = await clock.step('process', () =>
    execute(engine, container, { root, network, shim, files, signal }, undo),
  );
  await clock.step('output', () => catchOutput(engine, container, process));
  shareTimes(clock, shim.timings());
  return { process, report: clock.report(container.id) };
}

interface Given {
  root: Root;
  network: ContainerNetwork;
  /** Directory of a checkpoint. */
  restoreFrom: string | undefined;
}

type Shim = PreparedProcess & { timings(): StartTimings };

/** The shim makes namespace, interface and mounts, while the files that tell the container its name and address are written. */
async function giveAddress(
  engine: Engine,
  container: Container,
  given: Given,
  undo: Undo,
): Promise<[{ shim: Shim; files: ContainerFiles }, detail: string]> {
  const { endpoints } = given.network;
  const preparing = engine.runtime.prepare(processRequest(engine, container, given)).then((shim) => {
    undo.add(() => shim.cancel());
    return shim;
  });
  const [prepared, written] = await Promise.allSettled([
    preparing,
    writeNetworkFiles(engine, container, given.network),
  ]);
  if (prepared.status === 'rejected') throw prepared.reason;
  if (written.status === 'rejected') throw written.reason;
  if (endpoints.length > 0)
    await engine.networks.serveInside(container.id, `/proc/${prepared.value.shimPid}/ns/net`);
  const addresses = endpoints.map(mainAddress);
  const address = addresses.length === 0 ? 'no address of its own' : addresses.join(', ');
  return [
    { shim: prepared.value, files: written.value },
    `${address}, name ${container.record.config.hostname}`,
  ];
}

function processRequest(
  engine: Engine,
  { id, record }: Container,
  { root, network, restoreFrom }: Given,
): StartProcess {
  const { config, hostConfig } = record;
  const oomFile = oomFileOf(engine.host.cgroups, cgroupsPath(engine, record));
  const log = logTarget(engine.config, record);
  const [rows, columns] = hostConfig.consoleSize;
  return {
    containerId: id,
    processId: id,
    kind: {
      kind: 'container',
      bundle: root.bundle,
      root: root.mount,
      network: network.namespace,
      ...(oomFile === undefined ? {} : { oomFile }),
      ...(restoreFrom === undefined ? {} : { restoreFrom }),
    },
    runtime: runtimeProgram(engine.config, engine.host, hostConfig.runtime),
    terminal: config.tty,
    ...(rows > 0 && columns > 0 ? { size: { rows, columns } } : {}),
    openStdin: config.openStdin,
    stdinOnce: config.stdinOnce && !config.tty,
    ...(log === undefined ? {} : { log }),
  };
}

/** Clients that wait are attached first: they miss nothing of what the process writes. */
async function execute(
  engine: Engine,
  container: Container,
  given: {
    root: Root;
    network: ContainerNetwork;
    shim: Shim;
    files: ContainerFiles;
    /** Gives up the start. */
    signal: AbortSignal;
  },
  undo: Undo,
): Promise<[SupervisedProcess, detail: string]> {
  const { shim, root, signal } = given;
  const spec = await containerSpec(engine, container, given);
  const runtime = runtimeProgram(engine.config, engine.host, container.record.hostConfig.runtime);
  const config = encodeRuntimeSpec(compiledFilters.apply(spec, runtime));
  await Promise.all([
    writeFile(bundleFiles(engine.config, container.id).config, config),
    connectWaiting(container, shim),
  ]);
  const process = await shim.start(signal);
  undo.add(() => process.kill(9));
  void compiledFilters.learn(spec, runtime, container.id);
  await root.volumes.close();
  publishVolumeUse(engine.events, container.record, 'mount');
  return [process, `${[container.record.path, ...container.record.args].join(' ')}, pid ${process.pid}`];
}

async function connectWaiting(container: Container, shim: Pick<Shim, 'attach'>): Promise<void> {
  const sessions = [...container.waitingSessions];
  container.waitingSessions.clear();
  await Promise.all(sessions.map(async (session) => session.connect(await shim.attach(session.options))));
}

/** The shim has both ends of the output by now: the log, and whoever is attached. Clients that came during the start join here. */
async function catchOutput(
  engine: Engine,
  container: Container,
  process: SupervisedProcess,
): Promise<[undefined, detail: string]> {
  container.process = process;
  await connectWaiting(container, process);
  const log = logTarget(engine.config, container.record);
  const kept = log === undefined ? 'no log' : `${container.record.hostConfig.logConfig.type} log`;
  return [undefined, `${container.record.config.tty ? 'terminal' : 'pipes'}, ${kept}`];
}

/** The shim does its part of "create" and "network" in one go, during "address". */
function shareTimes(clock: StepClock, { mountMs, networkMs }: StartTimings): void {
  clock.move('address', 'create', mountMs);
  clock.move('address', 'network', networkMs);
}
