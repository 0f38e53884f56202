/** Copies what an image has at a volume's place into the volume, where that is still empty: Docker does so when the container is made. */
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { copyLayeredTree } from '../snapshots/layered-files.ts';
import { KeyedMutex } from '../util/mutex.ts';
import { checkDirectory } from '../volumes/volume-files.ts';
import type { Engine } from './engine.ts';
import type { MountPoint } from './model.ts';
import { hasProcess } from './state.ts';

type PopulateEngine = Pick<Engine, 'snapshots' | 'launcher' | 'containers'>;

const filling = new KeyedMutex();

/** Call after `snapshots.create(containerId, …)`, before the container can start. */
export async function populateVolumes(
  engine: PopulateEngine,
  containerId: string,
  mounts: readonly MountPoint[],
): Promise<void> {
  const fresh = mounts.filter(takesImageFiles);
  if (fresh.length === 0) return;
  const { lower } = engine.snapshots.mount(containerId);
  for (const mount of fresh) await filling.run(mount.source, () => populate(engine, lower, mount));
}

function takesImageFiles(mount: MountPoint): boolean {
  const plain = mount.filesystem === undefined && mount.subpath === undefined;
  return mount.type === 'volume' && plain && mount.noCopy !== true;
}

async function populate(engine: PopulateEngine, lower: readonly string[], mount: MountPoint): Promise<void> {
  try {
    if (basename(mount.source) === '_data') checkDirectory(mount.source, mount.name ?? '');
    /* Another directory of the host, which may be there when the container starts. */ else if (
      !existsSync(mount.source)
    )
      return;
    if (!(await isEmpty(mount.source))) return;
    if (basename(mount.source) === '_data') await fillAside(engine, lower, mount);
    else if (!isInUse(engine, mount)) {
      await copyLayeredTree(lower, mount.destination, mount.source, engine.launcher);
    }
  } catch (error) {
    throw new EngineError(
      'internal',
      `failed to copy the image's ${mount.destination} into the volume ${mount.name}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

async function isEmpty(directory: string): Promise<boolean> {
  return (await readdir(directory)).length === 0;
}

/**
 * Copies to a directory beside the volume's own and moves the result in: a container that has the volume already
 * can't put a link in the copy's way, and never sees half of it.
 */
async function fillAside(engine: PopulateEngine, lower: readonly string[], mount: MountPoint): Promise<void> {
  const aside = join(dirname(mount.source), '_fill');
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { mode: 0o700 });
  try {
    if (!(await copyLayeredTree(lower, mount.destination, aside, engine.launcher))) return;
    const { uid, gid, mode, atime, mtime } = await stat(aside);
    for (const name of await readdir(aside)) await rename(join(aside, name), join(mount.source, name));
    await chown(mount.source, uid, gid);
    await chmod(mount.source, mode & 0o7777);
    await utimes(mount.source, atime, mtime);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** A volume that is another directory of the host, and in a running container's hands, is left as it is. */
function isInUse({ containers }: PopulateEngine, { source }: MountPoint): boolean {
  return containers
    .list()
    .some(({ state, record }) => hasProcess(state) && record.mounts.some((mount) => mount.source === source));
}
