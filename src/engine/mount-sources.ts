/** What mounts lead to on the host, at the moment of a start: directories that are made, and subpaths that can't be led astray. */
import { mkdir, stat } from 'node:fs/promises';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import type { MountPoint } from './model.ts';
import { mountSubpath, type SubpathEngine, unmountSubpath } from './subpath.ts';

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
 * where nobody can put a link in their way any more.
 */
export async function prepareMounts(
  engine: SubpathEngine,
  mounts: readonly MountPoint[],
): Promise<PreparedMounts> {
  const places: string[] = [];
  const close = async (): Promise<void> => {
    for (const place of places.splice(0)) await unmountSubpath(engine, place);
  };
  try {
    const prepared: MountPoint[] = [];
    for (const mount of mounts) prepared.push(await prepareMount(engine, mount, places));
    return { mounts: prepared, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function prepareMount(engine: SubpathEngine, mount: MountPoint, places: string[]): Promise<MountPoint> {
  if (mount.type === 'tmpfs' || mount.filesystem !== undefined) return mount;
  if (mount.createSource === true) await makeBindSource(mount.source);
  else if (!(await exists(mount.source))) throw missing(mount);
  if (mount.subpath === undefined) return mount;
  const source = await mountSubpath(engine, mount.source, mount.subpath, mount.name ?? '');
  places.push(source);
  return { ...mount, source };
}

function missing(mount: MountPoint): EngineError {
  const what = mount.type === 'volume' ? `volume ${mount.name}: directory` : 'bind source path';
  return new EngineError(
    'invalid-argument',
    `invalid mount config for type "${mount.type}": ${what} does not exist: ${mount.source}`,
    {
      hint: 'make it again, or remove the container',
    },
  );
}
