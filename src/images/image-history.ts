/** How an image came to be, step by step: `docker history`. */
import { chainIdsOf } from '../oci/digest.ts';
import type { ImageConfig } from '../oci/image-config.ts';
import type { ImageHistoryEntry } from './image-types.ts';

/** Newest step first. Layers that the configuration's history does not name come without a description. */
export function historyOf(
  image: { id: string; config: ImageConfig; repoTags: readonly string[] },
  layerSize: (chainId: string) => number,
): ImageHistoryEntry[] {
  const chainIds = chainIdsOf(image.config.rootfs.diff_ids);
  const steps = image.config.history ?? [];
  let next = 0;
  const entries = steps.map((step): ImageHistoryEntry => {
    const chainId = step.empty_layer === true ? undefined : chainIds[next++];
    const created = Date.parse(step.created ?? '');
    return {
      id: '<missing>',
      created: Number.isNaN(created) ? 0 : created,
      createdBy: step.created_by ?? '',
      tags: [],
      size: chainId === undefined ? 0 : layerSize(chainId),
      comment: step.comment ?? '',
    };
  });
  for (const chainId of chainIds.slice(next)) {
    entries.push({
      id: '<missing>',
      created: 0,
      createdBy: '',
      tags: [],
      size: layerSize(chainId),
      comment: '',
    });
  }
  const newest = entries.at(-1);
  if (newest !== undefined)
    entries[entries.length - 1] = { ...newest, id: image.id, tags: [...image.repoTags] };
  return entries.toReversed();
}
