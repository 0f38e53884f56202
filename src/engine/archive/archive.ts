/** Copying files into and out of a container, whether it runs or not. */
import type { Readable } from 'node:stream';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import { plainArchive } from '../../images/archive-plain.ts';
import { lookUpUser } from '../container-spec.ts';
import type { Container } from '../container-table.ts';
import type { Engine } from '../engine.ts';
import { publishContainerEvent } from '../events.ts';
import { touchSizes } from '../sizes/sizes.ts';
import { type ContainerView, openContainerView } from './container-view.ts';
import type { PathStat, ViewJob } from './view-messages.ts';
import { ViewThread } from './view-thread.ts';

export type { PathStat } from './view-messages.ts';

export interface ArchiveWrite {
  /** A directory, in the end of all links. */
  path: string;
  noOverwriteDirNonDir: boolean;
  /** All that is written is the container's user's. */
  copyUidGid: boolean;
}

interface Opened {
  container: Container;
  view: ContainerView;
  thread: ViewThread;
}

/** What stands at `path`; a link at its end is not followed. EngineErrors `not-found` "Could not find the file X in container Y", `invalid-argument`. */
export async function statInContainer(engine: Engine, ref: string, path: string): Promise<PathStat> {
  const opened = await openThread(engine, ref, { kind: 'stat', path });
  try {
    return await opened.thread.stat;
  } catch (error) {
    throw worded(error, ref, path);
  } finally {
    await closeAll(opened);
  }
}

/** The same, with a tar of it: members begin with the last name of `path`. The stream must be read or destroyed. */
export async function readFromContainer(
  engine: Engine,
  ref: string,
  path: string,
): Promise<{ stat: PathStat; tar: Readable }> {
  const opened = await openThread(engine, ref, { kind: 'read', path });
  const { thread, container } = opened;
  try {
    const { tar } = thread;
    const stat = await thread.stat;
    tar.once('close', () => closeQuietly(engine, opened));
    publishContainerEvent(engine.events, container.record, 'archive-path');
    return { stat, tar };
  } catch (error) {
    await closeAll(opened);
    throw worded(error, ref, path);
  }
}

/**
 * Extracts `archive` (plain, gzip, bzip2, xz or zstd) in a directory. What was extracted before an error stays. EngineErrors as above, `forbidden` for what
 * is read-only, `invalid-argument` for a bad archive or a path that is no directory.
 */
export async function writeToContainer(
  engine: Engine,
  ref: string,
  archive: Readable,
  { path, noOverwriteDirNonDir, copyUidGid }: ArchiveWrite,
): Promise<void> {
  const { record } = engine.containers.resolve(ref);
  const owner = copyUidGid ? ownerOf(engine, record) : undefined;
  const job: ViewJob = {
    kind: 'write',
    path,
    noOverwriteDirNonDir,
    mounts: record.mounts.map(({ destination, readWrite }) => ({ destination, readOnly: !readWrite })),
    readOnlyRoot: record.hostConfig.readonlyRootfs,
    ...(owner === undefined ? {} : { owner }),
  };
  const opened = await openThread(engine, ref, job);
  try {
    await opened.thread.ready;
    await opened.thread.write(plainArchive(archive, engine.snapshots.maxExpansion));
    publishContainerEvent(engine.events, record, 'extract-to-dir');
  } catch (error) {
    throw worded(error, ref, path);
  } finally {
    archive.destroy();
    await closeAll(opened);
    touchSizes(engine, record);
  }
}

function ownerOf(engine: Engine, record: Container['record']): { uid: number; gid: number } | undefined {
  if (record.config.user === '') return undefined;
  const { uid, gid } = lookUpUser(engine, record, record.config.user);
  return { uid, gid };
}

async function openThread(engine: Engine, ref: string, job: ViewJob): Promise<Opened> {
  const container = engine.containers.resolve(ref);
  const view = await openContainerView(engine, container);
  const thread = new ViewThread({
    launcher: engine.launcher,
    root: view.root,
    job,
    onProgress: view.touch,
    verify: () => checkStillThere(engine, container),
  });
  view.onEnd = (error) => thread.fail(error);
  return { container, view, thread };
}

async function closeAll({ thread, view }: Opened): Promise<void> {
  await thread.close();
  await view.close();
}

function closeQuietly(engine: Engine, opened: Opened): void {
  closeAll(opened).catch((err: unknown) => engine.log.warn({ err }, 'could not close a view of a container'));
}

/** Whose files were removed while they were copied has not got them. */
function checkStillThere(engine: Engine, container: Container): void {
  if (engine.containers.has(container.id) && !container.removing) return;
  throw new EngineError('conflict', `container ${container.id} was removed while its files were copied`);
}

function worded(error: unknown, ref: string, path: string): unknown {
  if (!isEngineError(error, 'not-found')) return error;
  return new EngineError('not-found', `Could not find the file ${path} in container ${ref}`, {
    cause: error,
  });
}
