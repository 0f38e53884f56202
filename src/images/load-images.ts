/** Loads the images of an archive: `docker load`. */
import type { Readable } from 'node:stream';
import { EngineError } from '../errors/engine-error.ts';
import { chainIdsOf, shortId } from '../oci/digest.ts';
import { parseImageConfig } from '../oci/parse-image-config.ts';
import { familiarReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import { type ArchivedImage, imagesOf } from './archive-images.ts';
import { ArchiveSpool } from './archive-spool.ts';
import type { ImageParts } from './image-parts.ts';
import type { LayerOfImage } from './image-records.ts';
import type { Progress } from './image-types.ts';
import type { Lease } from './leases.ts';
import { storedReference } from './resolve-image.ts';
import { meter } from './throttle.ts';
import { unpackBlob } from './unpack-blob.ts';

/** Returns the images' IDs. Rejects with EngineError; nothing of the archive is left then. */
export async function loadImages(
  parts: ImageParts,
  archive: Readable,
  progress: Progress,
  signal?: AbortSignal,
): Promise<string[]> {
  const lease = parts.collector.lease();
  try {
    const spool = new ArchiveSpool();
    await spool.fill(archive, parts.blobs, lease, signal);
    const images = await imagesOf(spool, parts.blobs);
    if (images.length === 0)
      throw new EngineError('invalid-argument', 'invalid image archive: it holds no image for this host');
    const ids: string[] = [];
    for (const image of images) ids.push(await loadImage(parts, image, { progress, lease, signal }));
    return ids;
  } finally {
    await parts.collector.releaseAndCollect(lease);
  }
}

interface Loading {
  progress: Progress;
  lease: Lease;
  signal: AbortSignal | undefined;
}

async function loadImage(parts: ImageParts, image: ArchivedImage, loading: Loading): Promise<string> {
  const { blobs, table } = parts;
  const imageId = image.configDigest;
  const names = image.names.map((name) => withDefaultTag(parseReference(name)));
  const config = parseImageConfig(await blobs.read(imageId));
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== image.layerDigests.length) {
    throw new EngineError('invalid-argument', 'invalid manifest, layers length mismatch', {
      hint: 'the archive is damaged: save it again',
    });
  }
  const chainIds = chainIdsOf(diffIds);
  const layers: LayerOfImage[] = [];
  for (const [index, diffId] of diffIds.entries()) {
    const digest = image.layerDigests[index] ?? '';
    const layer = {
      diffId,
      chainId: chainIds[index] ?? '',
      digest,
      mediaType: image.layerTypes[index] ?? '',
    };
    layers.push(await loadLayer(parts, layer, loading));
  }
  const known = table.record(imageId);
  const manifestDigests =
    image.manifestDigest === undefined ? (known?.manifestDigests ?? []) : [image.manifestDigest];
  table.put(imageId, known ?? { config, layers, manifestDigests }, names.map(storedReference));
  for (const name of names) loading.progress({ stream: `Loaded image: ${familiarReference(name)}\n` });
  if (names.length === 0) loading.progress({ stream: `Loaded image ID: ${imageId}\n` });
  return imageId;
}

async function loadLayer(
  parts: ImageParts,
  layer: { diffId: string; chainId: string; digest: string; mediaType: string },
  { progress, lease, signal }: Loading,
): Promise<LayerOfImage> {
  const { diffId, chainId, digest, mediaType } = layer;
  const known = parts.table.blobOf(diffId);
  const size = parts.blobs.size(digest);
  lease.add(chainId);
  const report = meter(progress, shortId(diffId), 'Loading layer', size);
  await unpackBlob(parts, { chainId, diffId, digest }, report, signal);
  return { diffId, chainId, blob: known ?? { digest, mediaType, size } };
}
