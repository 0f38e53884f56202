/** Undoing removals: what `rm`, `prune` and `volume rm` took is moved aside, and moved back while that can be done. */
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { EngineError, errnoOf, isEngineError } from '../errors/engine-error.ts';
import type { Volume } from '../volumes/volume-types.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { keepImages } from './image-mounts.ts';
import type { ContainerRecord, ContainerState } from './model.ts';
import { containerFiles } from './paths.ts';
import type { UndoEntry } from './undo-store.ts';
import { publishVolumeEvent } from './volumes.ts';

export type { UndoEntry } from './undo-store.ts';

type VolumeEntry = Extract<UndoEntry, { kind: 'volume' }>;
type ContainerEntry = Extract<UndoEntry, { kind: 'container' }>;

/** Newest first, with when each is gone for good (milliseconds since the epoch). */
export function listUndo({ undo }: Pick<Engine, 'undo'>): Array<UndoEntry & { expiresAt: number }> {
  return undo.list().map((entry) => ({ ...entry, expiresAt: undo.expiresAt(entry) }));
}

/**
 * Restores what was removed last, or what `ref` names: an entry's ID or the beginning of one, or the name of a container or volume (the one removed
 * last). What was removed together comes back together. EngineErrors `not-found`, `conflict` where a name is taken by now, `failed-precondition` where
 * something that it needs is gone.
 */
export async function restoreRemoved(engine: Engine, ref?: string): Promise<UndoEntry[]> {
  const chosen = choose(engine, ref);
  const group = engine.undo.list().filter((entry) => entry.group === chosen.group);
  const volumes = group.filter((entry) => entry.kind === 'volume');
  const containers = group.filter((entry) => entry.kind === 'container');
  const wanted = [...volumes, ...containers].filter(
    (entry) => entry.id === chosen.id || chosen.kind === 'container',
  );
  for (const entry of wanted) checkFree(engine, entry);
  for (const entry of wanted) {
    if (entry.kind === 'volume') restoreVolume(engine, entry, chosen.kind === 'container');
    else await restoreContainer(engine, entry);
  }
  return wanted;
}

/** Gives up what could be restored: one entry, or all. EngineError `not-found`. */
export function dropRemoved(engine: Pick<Engine, 'undo'>, ref?: string): UndoEntry[] {
  const dropped = ref === undefined ? engine.undo.list() : [choose(engine, ref)];
  for (const { id } of dropped) engine.undo.drop(id);
  return dropped;
}

function choose({ undo }: Pick<Engine, 'undo'>, ref: string | undefined): UndoEntry {
  const entries = undo.list();
  const found =
    ref === undefined
      ? (entries.find((entry) => entry.kind === 'container' || entry.group === entry.id) ?? entries[0])
      : (entries.find(({ id, name }) => id === ref || name === ref) ??
        entries.find(({ id }) => /^[0-9a-f]{4,}$/.test(ref) && id.startsWith(ref)));
  if (found !== undefined) return found;
  const what =
    ref === undefined ? 'nothing was removed that could be restored' : `nothing removed is named ${ref}`;
  throw new EngineError('not-found', what, {
    hint: undo.isOn
      ? 'see what there is with "gantry undo --list"; what is older, or larger, is gone'
      : 'let the daemon keep what is removed: undo-retention in daemon.json',
  });
}

function checkFree(engine: Engine, entry: UndoEntry): void {
  const { name } = entry;
  const taken = entry.kind === 'volume' ? engine.volumes.find(name) : engine.containers.ownerOf(name);
  if (taken === undefined) return;
  throw new EngineError('conflict', `cannot restore ${entry.kind} ${name}: its name is taken by now`, {
    hint: `rename or remove the ${entry.kind} ${name} that is there, then undo again`,
  });
}

/** `isBound`: with the container that it was made for. */
function restoreVolume(engine: Engine, { id, volume }: VolumeEntry, isBound: boolean): void {
  const { boundTo, ...kept } = volume;
  const bound = isBound && boundTo !== undefined ? { boundTo } : {};
  engine.volumes.putBack({ ...kept, ...bound }, engine.undo.place(id, 'volume'));
  engine.undo.forget(id);
  publishVolumeEvent(engine.events, volume.name, 'create');
}

/** Moves what a container has on disk aside. False where nothing is kept, or it could not be moved: it is to be removed then. */
export async function keepContainer(engine: Engine, record: ContainerRecord): Promise<boolean> {
  const { undo } = engine;
  const { id, name } = record;
  if (!undo.isOn || record.hostConfig.autoRemove) return false;
  const container = { ...record, state: stateBefore(record.state) };
  try {
    undo.begin({ id, kind: 'container', name, group: id, removedAt: Date.now(), container });
    await engine.snapshots.setAside(id, undo.place(id, 'layer'));
    await moveFiles(containerFiles(engine.config, id).directory, undo.place(id, 'files'));
  } catch (err) {
    engine.log.warn({ err, container: id }, 'a container that is removed could not be kept');
    undo.drop(id);
    return false;
  }
  undo.settle();
  return true;
}

/** In this order: with a document of its own, start-up does not take away what is back already. */
async function restoreContainer(engine: Engine, entry: ContainerEntry): Promise<void> {
  const { undo, containers } = engine;
  const { id, container } = entry;
  checkNeeds(engine, container);
  containers.reserveName(container.name, id);
  try {
    const mounts = await keepImages(engine, id, container.mounts);
    await engine.snapshots.putBack(id, undo.place(id, 'layer'));
    await moveFiles(undo.place(id, 'files'), containerFiles(engine.config, id).directory);
    const restored = containers.add({ ...container, mounts });
    undo.forget(id);
    engine.logs.resume(restored);
    publishContainerEvent(engine.events, restored.record, 'create');
  } catch (error) {
    containers.releaseName(container.name, id);
    await retreat(engine, entry);
    if (!isEngineError(error, 'not-found')) throw error;
    throw imageGone(container);
  }
}

function checkNeeds(engine: Engine, { name, mounts, imageId, config }: ContainerRecord): void {
  if (engine.images.find(imageId) === undefined) throw imageGone({ name, config });
  const lost = mounts.find(
    (mount) => mount.name !== undefined && engine.volumes.find(mount.name) === undefined,
  );
  if (lost === undefined) return;
  throw new EngineError(
    'failed-precondition',
    `cannot restore container ${name}: its volume ${lost.name} is gone`,
    {
      hint: `restore the volume first ("gantry undo ${lost.name}"), or create an empty one of that name`,
    },
  );
}

function imageGone({ name, config }: Pick<ContainerRecord, 'name' | 'config'>): EngineError {
  return new EngineError(
    'failed-precondition',
    `cannot restore container ${name}: its image ${config.image} is gone`,
    {
      hint: 'pull or load the same image again, then undo again',
    },
  );
}

/**
 * At the start of the daemon, before anything is swept: a restoration that was cut short is taken back, so that it can be asked for again; what came
 * back whole is forgotten; a removal that was cut short is ended.
 */
export async function repairUndo(engine: Engine): Promise<void> {
  for (const entry of engine.undo.list()) {
    if (entry.kind === 'volume') repairVolume(engine, entry.id, entry.volume);
    else await repairContainer(engine, entry);
  }
}

function repairVolume({ undo, volumes, log }: Engine, id: string, { name, createdAt }: Volume): void {
  if (!existsSync(undo.place(id, 'volume'))) {
    undo.forget(id);
    return;
  }
  if (volumes.find(name)?.createdAt !== createdAt) return;
  volumes
    .remove(name, [])
    .catch((err: unknown) => log.warn({ err, volume: name }, 'a removal could not be ended'));
}

async function repairContainer(engine: Engine, entry: ContainerEntry): Promise<void> {
  const container = engine.containers.find(entry.id);
  if (container === undefined) await retreat(engine, entry);
  else if (container.state.status !== 'removing' && container.state.status !== 'dead')
    engine.undo.forget(entry.id);
}

async function retreat(engine: Engine, { id }: ContainerEntry): Promise<void> {
  const [layer, files] = [engine.undo.place(id, 'layer'), engine.undo.place(id, 'files')];
  if (!existsSync(layer)) await engine.snapshots.setAside(id, layer);
  if (!existsSync(files)) await moveFiles(containerFiles(engine.config, id).directory, files);
}

async function moveFiles(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

function stateBefore(state: ContainerState): ContainerState {
  if (state.status === 'created') return state;
  if (state.status === 'removing' && state.previous === 'created') return { status: 'created' };
  const startedAt = 'startedAt' in state ? (state.startedAt ?? 0) : 0;
  const finishedAt = 'finishedAt' in state ? (state.finishedAt ?? Date.now()) : Date.now();
  const exitCode = 'exitCode' in state ? (state.exitCode ?? 0) : 0;
  return { status: 'exited', startedAt, finishedAt, exitCode, oomKilled: false };
}
