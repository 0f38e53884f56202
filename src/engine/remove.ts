/** Removing containers, with all that belongs to them. */
import { rm } from 'node:fs/promises';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import type { Container } from './container-table.ts';
import { killNow } from './end-process.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { dropImages } from './image-mounts.ts';
import { removeLink } from './links.ts';
import type { ContainerState } from './model.ts';
import { containerFiles } from './paths.ts';
import { refreshHosts } from './start-network.ts';
import { exitCodeOf, isActive } from './state.ts';
import { keepContainer } from './undo.ts';
import { keepBoundVolumes, removeBoundVolumes } from './volumes.ts';

export interface RemoveOptions {
  /** End it first where it runs. */
  force: boolean;
  /** Its anonymous volumes too. */
  volumes: boolean;
  /** Remove the link of this name, not the container. */
  link: boolean;
}

/**
 * Durable when it resolves, and nothing of the container is left. EngineError `conflict` in Docker's words for one that runs (without `force`) or
 * is being removed already.
 */
export async function removeContainer(engine: Engine, ref: string, options: RemoveOptions): Promise<void> {
  if (options.link) {
    const parent = removeLink(engine, ref);
    if (parent.process !== undefined) await refreshHosts(engine, parent);
    return;
  }
  const container = engine.containers.resolve(ref);
  claim(container, ref);
  if (options.force) container.startAttempt?.abort();
  try {
    await container.lock.run(async () => {
      if (isActive(container.state)) await endFirst(engine, container, options.force);
      await discard(engine, container, options.volumes);
    });
  } finally {
    container.removing = false;
  }
}

function claim(container: Container, ref: string): void {
  if (container.removing) {
    throw new EngineError('conflict', `removal of container ${ref} is already in progress`);
  }
  container.removing = true;
}

async function endFirst(engine: Engine, container: Container, force: boolean): Promise<void> {
  const { status } = container.state;
  if (!force) {
    const how = status === 'paused' ? 'unpause and then stop the container' : 'stop the container';
    throw new EngineError(
      'conflict',
      `cannot remove container "/${container.name}": container is ${status}: ${how} before removing or force remove`,
    );
  }
  await killNow(engine, container);
}

/** Removes a container of `--rm` that ended; nothing to do where somebody else does. */
export async function removeEnded(engine: Engine, container: Container): Promise<void> {
  if (container.removing) return;
  container.removing = true;
  try {
    await container.lock.run(async () => {
      if (!isActive(container.state)) await discard(engine, container, true);
    });
  } finally {
    container.removing = false;
  }
}

/** Ends a removal that a crash or a failure cut short. */
export async function finishRemoval(engine: Engine, container: Container): Promise<void> {
  container.removing = true;
  try {
    await container.lock.run(() => discard(engine, container, true));
  } finally {
    container.removing = false;
  }
}

/** Needs the container's lock. A failure leaves it `dead`: its removal can be asked for again, and start-up tries by itself. */
async function discard(engine: Engine, container: Container, volumes: boolean): Promise<void> {
  if (!engine.containers.has(container.id)) return;
  if (!volumes) keepBoundVolumes(engine, container.id);
  markRemoving(engine, container);
  await engine.logs.forget(container);
  if (container.record.hostConfig.autoRemove && !holdsNamedThings(engine, container)) {
    engine.containers.delete(container);
    announceRemoval(engine, container);
    await container.released;
    await removeFiles(engine, container);
    await collectLayers(engine, container);
    return;
  }
  await container.released;
  if (await keepContainer(engine, container.record)) await dropImages(engine, container.id);
  else
    await removeFiles(engine, container).catch((error: unknown) => {
      engine.containers.setState(container, deadState(container.state));
      throw error;
    });
  engine.containers.delete(container);
  await removeVolumes(engine, container);
  announceRemoval(engine, container);
  await collectLayers(engine, container);
}

/**
 * Does it hold what another container may want at once: a host's port, or a volume?
 * All else of a container has its ID for a name: nobody who is told of its end needs to wait until that is gone, and start-up sweeps it.
 */
function holdsNamedThings(engine: Engine, { id, record }: Container): boolean {
  const ports = engine.networks.endpointsOf(id).flatMap((endpoint) => endpoint.ports);
  return ports.length > 0 || record.mounts.some(({ type }) => type === 'volume');
}

function announceRemoval(engine: Engine, container: Container): void {
  /* Without the error of a failed start, as in Docker: "run --rm" would tell it twice. */
  const notice = { exitCode: exitCodeOf(container.state) };
  for (const session of container.waitingSessions) session.cancel();
  for (const execId of container.execIds) engine.execs.delete(execId);
  publishContainerEvent(engine.events, container.record, 'destroy');
  container.removals.notify(notice);
}

/** Where its image is gone, nothing but the container held some of its layers. */
async function collectLayers(engine: Engine, { id, record }: Container): Promise<void> {
  if (engine.images.find(record.imageId) !== undefined) return;
  await engine.images.collectGarbage().catch((err: unknown) => {
    engine.log.warn({ err, container: id }, 'could not remove all layers that nothing needs');
  });
}

/** A container of `--rm` needs no note on disk: start-up removes it because it ended. */
function markRemoving(engine: Engine, container: Container): void {
  const { state } = container;
  if (state.status === 'removing') return;
  const next = removingState(state);
  if (container.record.hostConfig.autoRemove) engine.containers.noteState(container, next);
  else engine.containers.setState(container, next);
}

function removingState(state: ContainerState): ContainerState {
  const previous = state.status === 'exited' || state.status === 'dead' ? state.status : 'created';
  const times =
    'finishedAt' in state && state.finishedAt !== undefined ? { finishedAt: state.finishedAt } : {};
  const start = 'startedAt' in state && state.startedAt !== undefined ? { startedAt: state.startedAt } : {};
  return { status: 'removing', previous, exitCode: exitCodeOf(state), ...start, ...times };
}

async function removeFiles(engine: Engine, container: Container): Promise<void> {
  const { directory } = containerFiles(engine.config, container.id);
  try {
    await Promise.all([
      engine.snapshots.remove(container.id),
      dropImages(engine, container.id),
      rm(directory, { recursive: true, force: true }),
    ]);
  } catch (error) {
    throw new EngineError(
      'internal',
      `container ${container.id}: driver "overlay2" failed to remove root filesystem: ${messageOf(error)}`,
      { cause: error, hint: 'remove it again, or start the daemon anew' },
    );
  }
}

function deadState(state: ContainerState): ContainerState {
  const startedAt = 'startedAt' in state ? (state.startedAt ?? 0) : 0;
  const finishedAt = 'finishedAt' in state ? (state.finishedAt ?? Date.now()) : Date.now();
  return { status: 'dead', startedAt, finishedAt, exitCode: exitCodeOf(state), oomKilled: false };
}

/** One that can't be removed is left, with a word in the log: the container is gone all the same. */
async function removeVolumes(engine: Engine, container: Container): Promise<void> {
  await removeBoundVolumes(engine, container.id).catch((error: unknown) => {
    engine.log.warn({ err: error, container: container.id }, 'could not remove an anonymous volume');
  });
}
