/** Volumes as archives: out of one, into a new one, and from one into another. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { plainArchive } from '../images/archive-plain.ts';
import { anonymousLabel } from '../volumes/volume-name.ts';
import { volumeBacking } from '../volumes/volume-options.ts';
import type { Volume } from '../volumes/volume-types.ts';
import type { ViewJob } from './archive/view-messages.ts';
import { ViewThread } from './archive/view-thread.ts';
import type { Engine } from './engine.ts';
import { publishVolumeEvent, volumeUsers } from './volumes.ts';
import { mountVolume, releaseMounted } from './volumes-mounted.ts';

/**
 * A tar of all that is in a volume, with owners, extended attributes and hard links. It can't be removed meanwhile. The stream must be read or destroyed.
 * EngineError `not-found`.
 */
export async function exportVolume(engine: Engine, name: string): Promise<Readable> {
  engine.volumes.get(name);
  const holder = `export-${randomBytes(8).toString('hex')}`;
  engine.volumes.hold(name, holder);
  const release = async (): Promise<void> => {
    engine.volumes.release(holder);
    await releaseMounted(engine, holder);
  };
  try {
    const { thread, close } = await openThread(engine, await filesOf(engine, name, holder), {
      kind: 'read',
      path: '/.',
    });
    const { tar } = thread;
    tar.once('close', () => {
      Promise.all([close(), release()]).catch((err: unknown) =>
        engine.log.warn({ err }, 'could not close a volume'),
      );
    });
    await thread.stat;
    return tar;
  } catch (error) {
    await release();
    throw error;
  }
}

/** Makes a volume of an archive (plain, gzip, bzip2, xz or zstd): whole, or not at all. EngineErrors `conflict`, `invalid-argument`. */
export async function importVolume(
  engine: Engine,
  request: { name: string; labels: Record<string, string>; driverOpts?: Record<string, string> },
  archive: Readable,
): Promise<Volume> {
  try {
    const volume = await engine.volumes.createFilled(
      { driverOpts: {}, ...request, driver: 'local' },
      (directory) => fill(engine, directory, plainArchive(archive, engine.snapshots.maxExpansion)),
    );
    publishVolumeEvent(engine.events, volume.name, 'create');
    return volume;
  } finally {
    archive.destroy();
  }
}

/** Makes a volume with the same files, labels and limit, in a directory of its own. EngineErrors `not-found`, `conflict`, `invalid-argument`. */
export async function cloneVolume(engine: Engine, name: string, to: string): Promise<Volume> {
  const { labels: all, options } = engine.volumes.get(name);
  const { [anonymousLabel]: _, ...labels } = all;
  const { size } = options as { size?: string };
  const driverOpts = size === undefined ? {} : { size };
  return importVolume(engine, { name: to, labels, driverOpts }, await exportVolume(engine, name));
}

/** EngineErrors `not-found`, `conflict` for a volume in use or a name that is taken, `invalid-argument`. */
export function renameVolume(engine: Engine, name: string, to: string): Volume {
  const renamed = engine.volumes.rename(name, to, volumeUsers(engine).get(name) ?? []);
  publishVolumeEvent(engine.events, name, 'destroy');
  publishVolumeEvent(engine.events, to, 'create');
  return renamed;
}

/** EngineError `not-found`. */
export function protectVolume(engine: Engine, name: string, isProtected: boolean): void {
  engine.volumes.protect(name, isProtected);
}

async function filesOf(engine: Engine, name: string, holder: string): Promise<string> {
  const { mountpoint, options } = engine.volumes.get(name);
  const backing = volumeBacking(options);
  if (backing.kind === 'bind') return realpath(backing.path);
  return backing.kind === 'filesystem' ? mountVolume(engine, name, holder) : mountpoint;
}

async function fill(engine: Engine, directory: string, tar: AsyncIterable<Uint8Array>): Promise<void> {
  const { thread, close } = await openThread(engine, directory, {
    kind: 'write',
    path: '/',
    noOverwriteDirNonDir: false,
    mounts: [],
    readOnlyRoot: false,
  });
  try {
    await thread.ready;
    await thread.write(tar);
  } finally {
    await close();
  }
}

/** The directory is opened first: a link that takes its place leads nowhere. */
async function openThread(
  engine: Engine,
  directory: string,
  job: ViewJob,
): Promise<{ thread: ViewThread; close(): Promise<void> }> {
  const handle = await openDirectory(directory);
  const thread = new ViewThread({
    launcher: engine.launcher,
    root: `/proc/${process.pid}/fd/${handle.fd}`,
    job,
    onProgress: () => undefined,
    verify: () => undefined,
  });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= thread.close().then(() => handle.close());
    return closing;
  };
  return { thread, close };
}

async function openDirectory(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    throw new EngineError(
      'failed-precondition',
      `cannot open the directory of the volume: ${messageOf(error)}`,
      {
        cause: error,
        hint: `check what stands at ${path}`,
      },
    );
  }
}
