/** What is done to built images before they are stored: times cut off at SOURCE_DATE_EPOCH, and an inline cache. */
import type { BuildLease } from '../../images/image-builds.ts';
import type { LayerOfImage } from '../../images/image-records.ts';
import type { ImageTransfers } from '../../images/image-types.ts';
import type { Snapshotter } from '../../snapshots/snapshotter.ts';
import type { BuiltImage, OutputJob } from '../built-image.ts';
import { withInlineCache } from '../cache-transfer/inline-cache.ts';
import { flagOf } from './output-options.ts';

export async function prepareImages(
  { transfers, snapshots }: { transfers: ImageTransfers; snapshots: Pick<Snapshotter, 'trees'> },
  lease: BuildLease,
  job: OutputJob,
): Promise<readonly BuiltImage[]> {
  const { request, images, signal } = job;
  const inline = request.cacheTo.find(({ type }) => type === 'inline');
  const epoch = clampsTimes(request) ? request.sourceDateEpoch : undefined;
  const prepare = async (image: BuiltImage): Promise<BuiltImage> => {
    const clamped = epoch === undefined ? image : await clampImage(image, epoch);
    return inline === undefined ? clamped : withInlineCache(clamped, image);
  };
  const clampImage = async (image: BuiltImage, latest: number): Promise<BuiltImage> => {
    const layers: LayerOfImage[] = image.layers.slice(0, image.baseLayers);
    for (const layer of image.layers.slice(image.baseLayers))
      layers.push(await transfers.clamped(lease, layer, layers, latest, signal));
    const rootfs = { type: 'layers' as const, diff_ids: layers.map(({ diffId }) => diffId) };
    return {
      ...image,
      layers,
      config: { ...image.config, rootfs },
      trees: snapshots.trees(layers.map(({ chainId }) => chainId)),
    };
  };
  if (epoch === undefined) return await Promise.all(images.map(prepare));
  const name = `rewriting layers with source-date-epoch ${epoch}`;
  return await job.step(name, () => Promise.all(images.map(prepare)));
}

/** Unless an output says `rewrite-timestamp=false`. */
function clampsTimes({ sourceDateEpoch, outputs }: OutputJob['request']): boolean {
  if (sourceDateEpoch === undefined) return false;
  return outputs.every(
    (output) => output.kind === 'none' || flagOf(output.attributes ?? {}, 'rewrite-timestamp') !== false,
  );
}
