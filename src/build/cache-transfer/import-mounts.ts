/** Fills cache mounts that are empty here with what another build had in them. */
import type { Launcher } from '../../host/launcher-types.ts';
import type { BuildLease } from '../../images/image-builds.ts';
import type { ImageTransfers } from '../../images/image-types.ts';
import type { LayerSource } from '../../images/transfer-types.ts';
import { copyLayeredTree } from '../../snapshots/layered-files.ts';
import type { Snapshotter } from '../../snapshots/snapshotter.ts';
import type { CacheMountPlaces } from '../built-image.ts';
import type { CachedMount } from './cache-config.ts';

/** Leaves a mount alone that is here already. */
export async function fillMount(
  parts: {
    transfers: ImageTransfers;
    snapshots: Pick<Snapshotter, 'trees'>;
    launcher: Pick<Launcher, 'fileOperations'>;
  },
  lease: BuildLease,
  source: LayerSource,
  { id, layer }: CachedMount,
  places: CacheMountPlaces,
  signal: AbortSignal,
): Promise<void> {
  const place = await places.open(id, 'locked', signal);
  try {
    if (!place.isNew) return;
    const [unpacked] = await parts.transfers.layers(lease, source, [layer], signal);
    if (unpacked === undefined) return;
    await copyLayeredTree(parts.snapshots.trees([unpacked.chainId]), '/', place.root, parts.launcher);
  } finally {
    place.release();
  }
}
