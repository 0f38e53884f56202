/** Volumes for users: who uses them is known from the containers, and what happens to them is told. */

import { errnoOf, isEngineError } from '../errors/engine-error.ts';
import { anonymousLabel } from '../volumes/volume-name.ts';
import type { Volume, VolumeRequest } from '../volumes/volume-types.ts';
import type { Engine } from './engine.ts';
import type { EventBus } from './events.ts';
import {
  booleanFilter,
  type Filters,
  matchesExactly,
  matchesLabelFilters,
  patternFilter,
  validateFilters,
} from './filters.ts';
import type { ContainerRecord } from './model.ts';
import { volumeSizes } from './sizes/sizes.ts';
import { beginVolumeUndo } from './undo-begin.ts';

type VolumeEngine = Pick<Engine, 'containers' | 'volumes' | 'events'> & Partial<Pick<Engine, 'undo'>>;
type PruneEngine = VolumeEngine & Pick<Engine, 'sizes'>;

/** A volume with how much is in it and how many containers have it. */
export interface VolumeView extends Volume {
  /** Only where disk usage was asked for: bytes (-1 where unknown), and containers. */
  usage?: { size: number; refCount: number };
}

const listFilters = new Set(['dangling', 'driver', 'label', 'name']);
const pruneFilters = new Set(['all', 'label', 'label!']);

/** Tells what happened to a volume. */
export function publishVolumeEvent(
  bus: EventBus,
  name: string,
  action: 'create' | 'destroy' | 'prune',
): void {
  bus.publish({ type: 'volume', action, actorId: name, attributes: { driver: 'local' } });
}

/** Tells that the volumes of a container came into use, or went out of it: once for each start and end. */
export function publishVolumeUse(
  bus: EventBus,
  record: Pick<ContainerRecord, 'id' | 'mounts'>,
  action: 'mount' | 'unmount',
): void {
  for (const { name, driver = 'local', destination, readWrite, propagation } of record.mounts) {
    if (name === undefined) continue;
    const where = { destination, 'read/write': String(readWrite), propagation };
    const attributes = { driver, container: record.id, ...(action === 'mount' ? where : {}) };
    bus.publish({ type: 'volume', action, actorId: name, attributes });
  }
}

/** By name. EngineError `invalid-argument` for an unknown filter. */
export function listVolumes(engine: VolumeEngine, filters: Filters): Volume[] {
  validateFilters(filters, listFilters);
  const users = volumeUsers(engine);
  const named = patternFilter(filters, 'name');
  const dangling = filters.has('dangling') ? booleanFilter(filters, 'dangling', false) : undefined;
  return engine.volumes
    .list()
    .filter(
      (volume) =>
        named(volume.name) &&
        matchesExactly(filters, 'driver', volume.driver) &&
        matchesLabelFilters(filters, volume.labels) &&
        (dangling === undefined || dangling !== users.has(volume.name)),
    );
}

/** EngineError `not-found`. */
export function inspectVolume(engine: VolumeEngine, name: string): Volume {
  return engine.volumes.get(name);
}

/** See `VolumeService.provide`. */
export async function createVolume(engine: VolumeEngine, request: VolumeRequest): Promise<Volume> {
  const { volume, created } = await engine.volumes.provide(request);
  if (created) publishVolumeEvent(engine.events, volume.name, 'create');
  return volume;
}

/** EngineError `not-found` (not with `force`), `conflict` while a container has it. */
export async function removeVolume(
  engine: VolumeEngine,
  name: string,
  options: { force: boolean; group?: string },
): Promise<void> {
  if (options.force && engine.volumes.find(name) === undefined) return;
  const users = volumeUsers(engine).get(name) ?? [];
  engine.volumes.checkRemovable(name, users);
  const kept = beginVolumeUndo(engine, engine.volumes.get(name), options.group);
  try {
    await engine.volumes.remove(name, users, kept?.place);
  } catch (error) {
    if (kept !== undefined) engine.undo?.drop(kept.id);
    if (kept === undefined || !isAnotherDisk(error)) throw error;
    await engine.volumes.remove(name, users);
  }
  engine.undo?.settle();
  publishVolumeEvent(engine.events, name, 'destroy');
}

/** Undone by a rename, which no other file system takes part in. */
function isAnotherDisk(error: unknown): boolean {
  return isEngineError(error) && errnoOf(error.cause) === 'EXDEV';
}

export interface PrunedVolumes {
  deleted: string[];
  /** Bytes. */
  spaceReclaimed: number;
}

/** Removes what no container has: anonymous volumes, or all with the filter `all=true`. */
export async function pruneVolumes(
  engine: PruneEngine,
  filters: Filters,
  signal?: AbortSignal,
): Promise<PrunedVolumes> {
  validateFilters(filters, pruneFilters);
  const all = booleanFilter(filters, 'all', false);
  const pruned: PrunedVolumes = { deleted: [], spaceReclaimed: 0 };
  for (const volume of engine.volumes.list()) {
    if (signal?.aborted === true) break;
    if (volume.isProtected === true || (!all && !isAnonymous(volume))) continue;
    if (!matchesLabelFilters(filters, volume.labels) || isUsed(engine, volume.name)) continue;
    const [size = -1] = await volumeSizes(engine, [volume]);
    if (isUsed(engine, volume.name) || engine.volumes.find(volume.name) === undefined) continue;
    await removeVolume(engine, volume.name, { force: true });
    pruned.deleted.push(volume.name);
    pruned.spaceReclaimed += Math.max(0, size);
  }
  engine.events.publish({
    type: 'volume',
    action: 'prune',
    actorId: '',
    attributes: { reclaimed: String(pruned.spaceReclaimed) },
  });
  return pruned;
}

/**
 * `rm -v`, and the end of `--rm`: takes away the volumes that were made for a container. One that another container has by now goes with that
 * one. Call once the container's record is gone.
 */
export async function removeBoundVolumes(engine: VolumeEngine, containerId: string): Promise<void> {
  for (const { name } of engine.volumes.boundTo(containerId)) {
    const heir = volumeUsers(engine).get(name)?.[0] ?? engine.volumes.holders(name)[0];
    const isProtected = engine.volumes.find(name)?.isProtected === true;
    if (heir !== undefined || isProtected) engine.volumes.bind(name, heir);
    else await removeVolume(engine, name, { force: true, group: containerId });
  }
}

/** `rm` without `-v`: its volumes stay when the container goes. Call before its removal begins. */
export function keepBoundVolumes(engine: Pick<Engine, 'volumes'>, containerId: string): void {
  for (const { name } of engine.volumes.boundTo(containerId)) engine.volumes.bind(name, undefined);
}

/** At the start of the daemon: volumes of containers whose making or removal was cut short. */
export async function sweepVolumes(engine: VolumeEngine): Promise<void> {
  for (const { boundTo } of engine.volumes.list()) {
    if (boundTo !== undefined && !engine.containers.has(boundTo)) await removeBoundVolumes(engine, boundTo);
  }
}

function isAnonymous(volume: Volume): boolean {
  return Object.hasOwn(volume.labels, anonymousLabel);
}

function isUsed(engine: VolumeEngine, name: string): boolean {
  return volumeUsers(engine).has(name) || engine.volumes.holders(name).length > 0;
}

/** IDs of the containers that have a volume, by the volume's name. */
export function volumeUsers(engine: Pick<Engine, 'containers'>): Map<string, string[]> {
  const users = new Map<string, string[]>();
  for (const { id, record } of engine.containers.list()) {
    for (const { name } of record.mounts) {
      if (name !== undefined) users.set(name, [...(users.get(name) ?? []), id]);
    }
  }
  return users;
}
