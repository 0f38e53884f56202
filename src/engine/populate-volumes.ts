/** Copies what an image has at a volume's place into the volume, where that is still empty: Docker does so when the container is made. */
import { readdir } from 'node:fs/promises';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { copyLayeredTree } from '../snapshots/layered-files.ts';
import type { Snapshotter } from '../snapshots/snapshotter.ts';
import type { MountPoint } from './model.ts';

/** Call after `snapshots.create(containerId, …)`, before the container can start. */
export async function populateVolumes(
  snapshots: Pick<Snapshotter, 'mount'>,
  containerId: string,
  mounts: readonly MountPoint[],
): Promise<void> {
  const fresh = mounts.filter(takesImageFiles);
  if (fresh.length === 0) return;
  const { lower } = snapshots.mount(containerId);
  for (const mount of fresh) {
    if (await isEmpty(mount.source)) await populate(lower, mount);
  }
}

function takesImageFiles(mount: MountPoint): boolean {
  const plain = mount.filesystem === undefined && mount.subpath === undefined;
  return mount.type === 'volume' && plain && mount.noCopy !== true;
}

async function isEmpty(directory: string): Promise<boolean> {
  return (await readdir(directory)).length === 0;
}

async function populate(lower: readonly string[], mount: MountPoint): Promise<void> {
  try {
    await copyLayeredTree(lower, mount.destination, mount.source);
  } catch (error) {
    throw new EngineError(
      'internal',
      `failed to copy the image's ${mount.destination} into the volume ${mount.name}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}
