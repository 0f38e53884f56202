/** How an image came to be, step by step: `docker history`. */
import { chainIdsOf } from '../oci/digest.ts';
import type { ImageConfig } from '../oci/image-config.ts';
import type { Image, ImageHistoryEntry } from './image-types.ts';

type Named = Pick<Image, 'id' | 'repoTags'> & { config: ImageConfig };

/**
 * Newest step first. Layers that the configuration's history does not name come without a description. `parents` are the images that it was made
 * from on this host, nearest first: the steps that ended in them have their IDs.
 */
export function historyOf(
  image: Named,
  layerSize: (chainId: string) => number,
  parents: readonly Named[] = [],
): ImageHistoryEntry[] {
  const chainIds = chainIdsOf(image.config.rootfs.diff_ids);
  const steps = image.config.history ?? [];
  let next = 0;
  const entries = steps.map((step): ImageHistoryEntry => {
    const chainId = step.empty_layer === true ? undefined : chainIds[next++];
    const created = Date.parse(step.created ?? '');
    return {
      id: '<missing>',
      created: Number.isNaN(created) ? undefined : created,
      createdBy: step.created_by ?? '',
      tags: [],
      size: chainId === undefined ? 0 : layerSize(chainId),
      comment: step.comment ?? '',
    };
  });
  for (const chainId of chainIds.slice(next)) {
    entries.push({
      id: '<missing>',
      created: undefined,
      createdBy: '',
      tags: [],
      size: layerSize(chainId),
      comment: '',
    });
  }
  const known = new Map([...parents, image].map((one) => [stepsOf(one), one] as const));
  return entries.toReversed().map((entry, index) => {
    const named = known.get(entries.length - index);
    return named === undefined ? entry : { ...entry, id: named.id, tags: [...named.repoTags] };
  });
}

/** Steps in which an image came to be. */
function stepsOf({ config }: Named): number {
  const steps = config.history ?? [];
  const withLayers = steps.filter((step) => step.empty_layer !== true).length;
  return steps.length + Math.max(0, config.rootfs.diff_ids.length - withLayers);
}
