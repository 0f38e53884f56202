/** Fills cache mounts that are empty here with what another build had in them. */
import type { BuildLease } from '../../images/image-builds.ts';
import type { ImageTransfers } from '../../images/image-types.ts';
import type { LayerSource } from '../../images/transfer-types.ts';
import type { Snapshotter } from '../../snapshots/snapshotter.ts';
import type { CacheMountPlaces } from '../built-image.ts';
import type { Files } from '../files/files-types.ts';
import type { CachedMount } from './cache-config.ts';

export interface MountParts {
  transfers: ImageTransfers;
  snapshots: Pick<Snapshotter, 'trees' | 'drafts'>;
  files: Pick<Files, 'copy'>;
}

/** Leaves a mount alone that is here already. */
export async function fillMount(
  parts: MountParts,
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
    await copyInto(parts, unpacked.chainId, place.root, signal);
  } finally {
    place.release();
  }
}

async function copyInto(
  { snapshots, files }: MountParts,
  chainId: string,
  upper: string,
  signal: AbortSignal,
): Promise<void> {
  const draft = snapshots.drafts.begin();
  try {
    const tree = { kind: 'layers' as const, trees: snapshots.trees([chainId]) };
    const sources = [{ kind: 'files' as const, tree, patterns: ['/'] }];
    const target = { upper, work: draft.work, lower: [] };
    await files.copy({ keyword: 'COPY', sources, destination: '/', workdir: '/', target }, signal);
  } finally {
    await snapshots.drafts.drop(draft);
  }
}
