/** What mounts lead to on the host, at the moment of a start: directories that are made, and subpaths that can't be led astray. */
import { randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import { checkDirectory } from '../volumes/volume-files.ts';
import { volumeBacking } from '../volumes/volume-options.ts';
import type { Engine } from './engine.ts';
import { mountImage } from './image-mounts.ts';
import type { MountPoint } from './model.ts';
import { checkPropagation } from './mount-propagation.ts';
import { mountSubpath, type SubpathEngine, unmountSubpath } from './subpath.ts';
import { type MountedEngine, mountVolume, releaseMounted } from './volumes-mounted.ts';

export type MountSourcesEngine = SubpathEngine &
  MountedEngine & { readonly snapshots: Pick<Engine['snapshots'], 'mount'> };

/** Mounts whose sources are there. Call `close` once the container's process has started, or failed to. */
export interface PreparedMounts {
  mounts: MountPoint[];
  close(): Promise<void>;
}

/** Makes the directory that `-v` binds, where nothing is there. */
export async function makeBindSource(path: string): Promise<void> {
  try {
    if (await exists(path)) return;
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new EngineError(
      'internal',
      `error while creating mount source path '${path}': ${messageOf(error)}`,
      {
        cause: error,
        hint: 'choose a directory that can be made, or make it yourself',
      },
    );
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * For each start: makes sources of `-v` again, checks the others, and gives subpaths of volumes a place of their own on the host,
 * where nobody can put a link in their way any more. Volumes that are file systems are mounted: for `containerId` until `releaseMounted`, else until
 * `close`.
 */
export async function prepareMounts(
  engine: MountSourcesEngine,
  mounts: readonly MountPoint[],
  containerId?: string,
): Promise<PreparedMounts> {
  const places: string[] = [];
  const holder = containerId ?? `view-${randomBytes(8).toString('hex')}`;
  const close = async (): Promise<void> => {
    for (const place of places.splice(0).reverse()) await unmountSubpath(engine, place);
    if (containerId === undefined) await releaseMounted(engine, holder);
  };
  try {
    const prepared: MountPoint[] = [];
    for (const mount of mounts) prepared.push(await prepareMount(engine, mount, { places, holder }));
    return { mounts: prepared, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Hold {
  /** Taken away by `close`. */
  places: string[];
  holder: string;
}

async function prepareMount(engine: MountSourcesEngine, mount: MountPoint, hold: Hold): Promise<MountPoint> {
  if (mount.type === 'tmpfs' || isOwnFilesystem(mount)) return mount;
  const { subpath, filesystem: _, ...whole } = mount;
  const source = await sourceOf(engine, mount, hold);
  if (isReadOnlyVolume(engine, mount)) whole.readWrite = false;
  if (subpath === undefined) return { ...whole, source };
  const place = await mountSubpath(engine, source, subpath, ownerOf(mount));
  hold.places.push(place);
  return { ...whole, source: place };
}

/** A builder's: mounted as it is. */
function isOwnFilesystem({ type, filesystem }: MountPoint): boolean {
  return type === 'bind' && filesystem !== undefined;
}

/** A directory of the host that the volume's own options make read-only, whatever the container wants. */
function isReadOnlyVolume({ volumes }: MountedEngine, { name }: MountPoint): boolean {
  const options = name === undefined ? undefined : volumes.find(name)?.options;
  return (
    options !== undefined &&
    volumeBacking(options).kind === 'bind' &&
    /(?:^|,)ro(?:,|$)/.test(options['o'] ?? '')
  );
}

function ownerOf({ type, name, source }: MountPoint): string {
  return `${type} ${name ?? source}`;
}

/** Where the whole of what is mounted is on the host. */
async function sourceOf(
  engine: MountSourcesEngine,
  mount: MountPoint,
  { places, holder }: Hold,
): Promise<string> {
  if (mount.type === 'image') {
    const place = await mountImage(engine, mount);
    places.push(place);
    return place;
  }
  if (mount.filesystem !== undefined) return mountVolume(engine, mount.name ?? '', holder);
  if (mount.name !== undefined) await engine.volumes.enforce(mount.name);
  if (mount.createSource === true) await makeBindSource(mount.source);
  else if (!(await exists(mount.source))) throw missing(engine, mount);
  checkPropagation(mount);
  if (mount.name !== undefined && basename(mount.source) === '_data')
    checkDirectory(mount.source, mount.name);
  return mount.source;
}

function missing({ volumes }: MountedEngine, mount: MountPoint): EngineError {
  if (mount.type === 'volume' && basename(mount.source) !== '_data')
    return new EngineError(
      'failed-precondition',
      `error while mounting volume '${volumes.find(mount.name ?? '')?.mountpoint}': failed to mount local volume: mount ${mount.source}: no such file or directory`,
      { hint: 'make the directory that is the device of the volume' },
    );
  const what = mount.type === 'volume' ? `volume ${mount.name}: directory` : 'bind source path';
  return new EngineError(
    'invalid-argument',
    `invalid mount config for type "${mount.type}": ${what} does not exist: ${mount.source}`,
    {
      hint: 'make it again, or remove the container',
    },
  );
}
