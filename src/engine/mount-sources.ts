/** What mounts lead to on the host, at the moment of a start: directories that are made, and subpaths that can't be led astray. */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import type { MountPoint } from './model.ts';

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
 * For each start: makes sources of `-v` again, checks the others, and opens subpaths of volumes, whose `source` is then
 * a descriptor of this process (`/proc/PID/fd/N`), so that nobody can put a link in their place any more.
 */
export async function prepareMounts(mounts: readonly MountPoint[]): Promise<PreparedMounts> {
  const handles: FileHandle[] = [];
  const close = async (): Promise<void> => {
    for (const handle of handles.splice(0)) await handle.close();
  };
  try {
    const prepared: MountPoint[] = [];
    for (const mount of mounts) prepared.push(await prepareMount(mount, handles));
    return { mounts: prepared, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function prepareMount(mount: MountPoint, handles: FileHandle[]): Promise<MountPoint> {
  if (mount.type === 'tmpfs' || mount.filesystem !== undefined) return mount;
  if (mount.createSource === true) await makeBindSource(mount.source);
  else if (!(await exists(mount.source))) throw missing(mount);
  if (mount.subpath === undefined) return mount;
  const handle = await openBelow(mount.source, mount.subpath, mount.name ?? '');
  handles.push(handle);
  return { ...mount, source: `/proc/${process.pid}/fd/${handle.fd}` };
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

/** O_PATH of open(2), which Node.js doesn't name: any kind of file can be opened so, and a FIFO doesn't block. */
const pathOnly = 0o10000000;

/** Opens `subpath` step by step, following no link: what is opened is inside `root`. */
async function openBelow(root: string, subpath: string, volume: string): Promise<FileHandle> {
  let handle = await open(root, pathOnly | constants.O_DIRECTORY);
  for (const part of subpath.split('/').filter((one) => one !== '' && one !== '.')) {
    try {
      const next = await openPart(handle, part);
      await handle.close();
      handle = next;
    } catch (error) {
      await handle.close();
      throw new EngineError(
        'invalid-argument',
        `cannot access subpath "${subpath}" of volume ${volume}: ${messageOf(error)}`,
        {
          cause: error,
          hint: 'make it in the volume first; links are not followed',
        },
      );
    }
  }
  return handle;
}

async function openPart(parent: FileHandle, part: string): Promise<FileHandle> {
  if (part === '..') throw new Error('it leads out of the volume');
  const next = await open(`/proc/self/fd/${parent.fd}/${part}`, pathOnly | constants.O_NOFOLLOW);
  if (!(await next.stat()).isSymbolicLink()) return next;
  await next.close();
  throw new Error(`${part} is a link`);
}
