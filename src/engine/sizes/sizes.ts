/** How much room volumes and read-write layers take: by the file system's quota where they have one, else counted where something changed. */
import { dirname } from 'node:path';
import { isEngineError } from '../../errors/engine-error.ts';
import { volumeBacking, volumeSize } from '../../volumes/volume-options.ts';
import type { Volume } from '../../volumes/volume-types.ts';
import type { Engine } from '../engine.ts';
import type { ContainerRecord } from '../model.ts';
import { hasProcess } from '../state.ts';
import { layerLimit } from '../storage-options.ts';
import type { Sizes } from './sizes-types.ts';

export type SizedEngine = Pick<Engine, 'containers'> & { readonly sizes: Sizes };
export type LayerEngine = SizedEngine & { readonly snapshots: Pick<Engine['snapshots'], 'mount'> };

/** Bytes in each of `volumes`, in order; -1 where nobody knows. */
export async function volumeSizes(engine: SizedEngine, volumes: readonly Volume[]): Promise<number[]> {
  const limited = volumes.filter(({ options }) => volumeSize(options) > 0);
  const uses = await engine.sizes.quotas.uses(limited.map(({ mountpoint }) => dirname(mountpoint)));
  const known = new Map(limited.map(({ name }, index) => [name, uses[index]?.used]));
  const changes = changesOf(engine);
  return Promise.all(
    volumes.map(async (volume) => known.get(volume.name) ?? (await counted(engine, volume, changes))),
  );
}

async function counted(
  { sizes }: SizedEngine,
  volume: Volume,
  changes: Map<string, number>,
): Promise<number> {
  if (isElsewhere(volume)) return -1;
  return sizes.trees.size(keyOfVolume(volume), volume.mountpoint, changes.get(volume.name) ?? 0);
}

/** A server that is gone would hold up whoever counts. */
function isElsewhere({ options }: Volume): boolean {
  const backing = volumeBacking(options);
  if (backing.kind !== 'filesystem') return false;
  return /^(nfs4?|cifs|smb3|9p|ceph|glusterfs|fuse\b.*)$/.test(backing.filesystem.type);
}

/** Bytes in the read-write layer of a container; 0 where it has none. */
export async function layerSize(engine: LayerEngine, id: string): Promise<number> {
  const record = engine.containers.find(id)?.record;
  const upper = upperOf(engine, id);
  if (record === undefined || upper === undefined) return 0;
  if (layerLimit(record.hostConfig.storageOpt) > 0) {
    const [use] = await engine.sizes.quotas.uses([dirname(upper)]);
    if (use !== undefined) return use.used;
  }
  return engine.sizes.trees.size(keyOfLayer(id), upper, lastChange(record));
}

function upperOf({ snapshots }: LayerEngine, id: string): string | undefined {
  try {
    return snapshots.mount(id).upper;
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}

/** A container's files, and those of its volumes, were written to: its run has ended, or somebody copied into it. */
export function touchSizes(engine: SizedEngine & Pick<Engine, 'volumes'>, record: ContainerRecord): void {
  engine.sizes.trees.touch(keyOfLayer(record.id));
  for (const { name } of record.mounts) {
    const volume = name === undefined ? undefined : engine.volumes.find(name);
    if (volume !== undefined) engine.sizes.trees.touch(keyOfVolume(volume));
  }
}

/** By volume: when the containers that have it may have written to it last. */
function changesOf({ containers }: SizedEngine): Map<string, number> {
  const changes = new Map<string, number>();
  for (const { record } of containers.list()) {
    const last = record.mounts.length === 0 ? 0 : lastChange(record);
    for (const { name } of record.mounts)
      if (name !== undefined) changes.set(name, Math.max(last, changes.get(name) ?? 0));
  }
  return changes;
}

/** Milliseconds since the epoch; Infinity while it runs. The making of a container fills its volumes. */
function lastChange({ createdAt, state }: ContainerRecord): number {
  if (hasProcess(state)) return Number.POSITIVE_INFINITY;
  return Math.max(createdAt, 'finishedAt' in state ? (state.finishedAt ?? 0) : 0);
}

/** One that is made again has another. */
function keyOfVolume({ name, createdAt }: Volume): string {
  return `volume ${name} ${createdAt}`;
}

function keyOfLayer(id: string): string {
  return `layer ${id}`;
}
