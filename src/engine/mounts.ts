/** Which mounts a new container gets: binds, volumes and tmpfs, as asked for, as inherited, and as the image wants them. */
import { existsSync } from 'node:fs';
import { EngineError } from '../errors/engine-error.ts';
import { validateVolumeName } from '../volumes/volume-name.ts';
import { validateVolumeOptions, volumeBacking } from '../volumes/volume-options.ts';
import type { Volume } from '../volumes/volume-types.ts';
import type { Engine } from './engine.ts';
import type { ContainerConfig, HostConfig, MountPoint } from './model.ts';
import { makeBindSource } from './mount-sources.ts';
import {
  anonymousVolume,
  clean,
  invalidMode,
  isMountMode,
  type MountSpec,
  parseBind,
  parseMountRequest,
} from './mount-spec.ts';
import { publishVolumeEvent } from './volumes.ts';

type MountEngine = Pick<Engine, 'containers' | 'volumes' | 'events' | 'log'> & {
  readonly images: Pick<Engine['images'], 'get'>;
};

export interface MountQuestion {
  /** The new container's; it holds the volumes until `release` or `rollBack`. */
  containerId: string;
  /** With the image's own volumes merged in. */
  config: Pick<ContainerConfig, 'volumes'>;
  hostConfig: Pick<HostConfig, 'binds' | 'mounts' | 'tmpfs' | 'volumesFrom' | 'volumeDriver'>;
}

/** The mounts of a container that is being made. Call `release` once its record is written, `rollBack` where that failed. */
export interface MountReservation {
  /** Shallow destinations first. */
  mounts: MountPoint[];
  release(): void;
  /** Removes the volumes that were made for it, and releases. */
  rollBack(): Promise<void>;
}

/** A place in the container, and what is to be there. */
type Planned = { kind: 'inherited'; mount: MountPoint } | { kind: 'asked'; spec: MountSpec };

/**
 * Checks all that was asked for, and only then makes missing volumes and bind sources. EngineErrors in Docker's words: `invalid-argument`
 * ("Duplicate mount point: /x", …), `not-found` for an unknown container of `volumesFrom` or a volume driver.
 */
export async function resolveMounts(engine: MountEngine, question: MountQuestion): Promise<MountReservation> {
  const planned = plan(engine, question);
  const made: Volume[] = [];
  const release = (): void => engine.volumes.release(question.containerId);
  const rollBack = async (): Promise<void> => {
    release();
    for (const { name } of made) await removeUnused(engine, name);
  };
  try {
    const mounts: MountPoint[] = [];
    for (const one of planned) {
      if (one.kind === 'inherited') mounts.push(holdVolume(engine, one.mount, question.containerId));
      else mounts.push(await realize(engine, one.spec, question.containerId, made));
    }
    return { mounts, release, rollBack };
  } catch (error) {
    await rollBack();
    throw error;
  }
}

async function removeUnused(engine: MountEngine, name: string): Promise<void> {
  const used = engine.containers
    .list()
    .filter((container) => container.record.mounts.some((mount) => mount.name === name));
  if (used.length > 0 || engine.volumes.holders(name).length > 0 || engine.volumes.find(name) === undefined)
    return;
  await engine.volumes
    .remove(name, [])
    .catch((error: unknown) =>
      engine.log.warn({ err: error, volume: name }, 'a volume could not be removed'),
    );
  publishVolumeEvent(engine.events, name, 'destroy');
}

/** Later kinds take the places of earlier ones, except that what the user asked for himself may not be asked for twice. */
function plan(engine: MountEngine, { config, hostConfig }: MountQuestion): Planned[] {
  const places = new Map<string, Planned>();
  for (const mount of hostConfig.volumesFrom.flatMap((text) => inheritedMounts(engine, text))) {
    places.set(mount.destination, { kind: 'inherited', mount });
  }
  const temporary = new Set(Object.keys(hostConfig.tmpfs).map(clean));
  for (const spec of askedFor(engine, hostConfig)) {
    const before = places.get(spec.destination);
    if (before?.kind === 'asked' || temporary.has(spec.destination)) throw duplicate(spec.destination);
    places.set(spec.destination, { kind: 'asked', spec });
  }
  for (const path of config.volumes) {
    const spec = anonymousVolume(path, hostConfig.volumeDriver);
    const taken = places.has(spec.destination) || temporary.has(spec.destination);
    if (!taken) places.set(spec.destination, { kind: 'asked', spec });
  }
  return [...places]
    .sort(([one], [other]) => depth(one) - depth(other) || (one < other ? -1 : 1))
    .map(([, planned]) => planned);
}

function depth(path: string): number {
  return path.split('/').length;
}

function duplicate(destination: string): EngineError {
  return new EngineError('invalid-argument', `Duplicate mount point: ${destination}`, {
    hint: 'name each place in the container once',
  });
}

/** `CONTAINER[:ro|:rw]`: its mounts, for another. */
function inheritedMounts(engine: MountEngine, text: string): MountPoint[] {
  const [name = '', ...rest] = text.split(':');
  const mode = rest.join(':');
  if (name === '') throw new EngineError('invalid-argument', `invalid volumes-from specification: '${text}'`);
  if (!/^((ro|rw|z|Z)(,(ro|rw|z|Z))?)?$/.test(mode) || !isMountMode(mode)) throw invalidMode(mode);
  const readOnly = mode.split(',').includes('ro');
  return engine.containers.resolve(name).record.mounts.map((mount) => ({
    ...mount,
    readWrite: mount.readWrite && !readOnly,
    mode: '',
    noCopy: true,
  }));
}

function askedFor(engine: MountEngine, hostConfig: MountQuestion['hostConfig']): MountSpec[] {
  const binds = hostConfig.binds.map((text) => parseBind(text, hostConfig.volumeDriver));
  const mounts = hostConfig.mounts.map((request) => parseMountRequest(request));
  const all = [...binds, ...mounts];
  for (const spec of all) check(engine, spec);
  return all;
}

/** What can be found out without making anything. */
function check(engine: MountEngine, spec: MountSpec): void {
  if (spec.type === 'image') {
    engine.images.get(spec.source);
    return;
  }
  if (spec.type === 'bind' && !spec.createSource && !existsSync(spec.source)) {
    throw new EngineError(
      'invalid-argument',
      `invalid mount config for type "bind": bind source path does not exist: ${spec.source}`,
      {
        hint: 'make the directory first, or use -v, which makes it',
      },
    );
  }
  if (spec.type !== 'volume' || spec.source === '' || engine.volumes.find(spec.source) !== undefined) return;
  validateVolumeName(spec.source);
  validateVolumeOptions(spec.source, spec.driverOpts);
}

function holdVolume(engine: MountEngine, mount: MountPoint, holder: string): MountPoint {
  if (mount.name !== undefined) engine.volumes.hold(mount.name, holder);
  return mount;
}

async function realize(
  engine: MountEngine,
  spec: MountSpec,
  holder: string,
  made: Volume[],
): Promise<MountPoint> {
  if (spec.type === 'volume') return volumeMount(spec, await takeVolume(engine, spec, holder, made));
  if (spec.type === 'image') return imageMount(spec, engine.images.get(spec.source).id);
  if (spec.type === 'bind' && spec.createSource) await makeBindSource(spec.source);
  return {
    type: spec.type,
    source: spec.source,
    destination: spec.destination,
    mode: spec.mode,
    readWrite: !spec.readOnly,
    propagation: spec.propagation,
    ...(spec.type === 'tmpfs' ? { tmpfsOptions: spec.tmpfsOptions } : {}),
    ...(spec.nonRecursive ? { nonRecursive: true } : {}),
    ...(spec.createSource ? { createSource: true } : {}),
  };
}

/** Nothing can be written into an image. */
function imageMount({ source, destination, subpath }: MountSpec, imageId: string): MountPoint {
  const place = { source, destination, imageId, ...(subpath === '' ? {} : { subpath }) };
  return { type: 'image', ...place, mode: '', readWrite: false, propagation: '' };
}

/** The volume that is named, made where it is missing, and held. */
async function takeVolume(
  engine: MountEngine,
  spec: MountSpec,
  holder: string,
  made: Volume[],
): Promise<Volume> {
  const existing = engine.volumes.find(spec.source);
  if (existing !== undefined) {
    engine.volumes.hold(existing.name, holder);
    return existing;
  }
  const { volume, created } = await engine.volumes.provide({
    name: spec.source,
    driver: spec.driver,
    driverOpts: spec.driverOpts,
    labels: spec.labels,
    holder,
    ...(spec.source === '' ? { boundTo: holder } : {}),
  });
  if (!created) return volume;
  made.push(volume);
  publishVolumeEvent(engine.events, volume.name, 'create');
  return volume;
}

function volumeMount(spec: MountSpec, volume: Volume): MountPoint {
  const backing = volumeBacking(volume.options);
  return {
    type: 'volume',
    name: volume.name,
    source: backing.kind === 'bind' ? backing.path : volume.mountpoint,
    destination: spec.destination,
    driver: volume.driver,
    mode: spec.mode === '' && spec.source !== '' ? 'z' : spec.mode,
    readWrite: !spec.readOnly,
    propagation: '',
    ...(spec.noCopy ? { noCopy: true } : {}),
    ...(spec.subpath === '' ? {} : { subpath: spec.subpath }),
    ...(backing.kind === 'filesystem' ? { filesystem: backing.filesystem } : {}),
  };
}
