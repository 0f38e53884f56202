/** Loads the images of an archive: `docker load`. */
import { open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { EngineError } from '../errors/engine-error.ts';
import { chainIdsOf, shortId } from '../oci/digest.ts';
import type { ImageConfig } from '../oci/image-config.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { parseImageConfig } from '../oci/parse-image-config.ts';
import { normalizePlatform, type Platform, parsePlatform, platformMatches } from '../oci/platform.ts';
import { familiarReference } from '../oci/reference.ts';
import { type Compression, detectCompression } from '../snapshots/decompress.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { type ArchivedImage, imagesOf, noPlatform } from './archive-images.ts';
import { ArchiveSpool } from './archive-spool.ts';
import type { ImageParts } from './image-parts.ts';
import type { LayerOfImage } from './image-records.ts';
import type { Progress } from './image-types.ts';
import type { Lease } from './leases.ts';
import { storedReference } from './resolve-image.ts';
import { meter } from './throttle.ts';
import { unpackBlob } from './unpack-blob.ts';

export interface LoadOptions {
  /** Load only what is for this one. */
  platform?: string;
}

/** Returns the images' IDs. Rejects with EngineError; nothing of the archive is left then, but images before the one that failed. */
export async function loadImages(
  parts: ImageParts,
  archive: Readable,
  options: LoadOptions,
  progress: Progress,
  signal?: AbortSignal,
): Promise<string[]> {
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
  const { blobs, snapshots, collector } = parts;
  const lease = collector.lease();
  try {
    const spool = new ArchiveSpool({ blobs, lease, maxExpansion: snapshots.maxExpansion });
    await spool.fill(archive, signal);
    const images = await readImages(blobs, await imagesOf({ spool, blobs, platform }), platform);
    const ids: string[] = [];
    for (const image of images) ids.push(await loadImage(parts, image, { progress, lease, signal }));
    return ids;
  } finally {
    await collector.releaseAndCollect(lease);
  }
}

/** An image of the archive that is in order, as far as its documents tell. */
interface ReadImage extends ArchivedImage {
  config: ImageConfig;
}

/** All are looked at before the first is loaded. */
async function readImages(
  blobs: BlobStore,
  archived: readonly ArchivedImage[],
  platform: Platform | undefined,
): Promise<ReadImage[]> {
  const images: ReadImage[] = [];
  for (const image of archived) {
    const config = parseImageConfig(await blobs.read(image.configDigest));
    if (config.rootfs.diff_ids.length !== image.layerDigests.length) {
      throw new EngineError('invalid-argument', 'invalid manifest, layers length mismatch', {
        hint: 'the archive is damaged: save it again',
      });
    }
    images.push({ ...image, config });
  }
  if (images.length === 0)
    throw new EngineError('invalid-argument', 'invalid image archive: it holds no image for this host');
  if (platform === undefined) return images;
  const wanted = images.filter(({ config }) => platformMatches(platform, platformOf(config)));
  if (wanted.length > 0) return wanted;
  throw noPlatform(
    platform,
    images.map(({ config }) => platformOf(config)),
  );
}

function platformOf({ os, architecture, variant }: ImageConfig): Platform {
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

interface Loading {
  progress: Progress;
  lease: Lease;
  signal: AbortSignal | undefined;
}

async function loadImage(parts: ImageParts, image: ReadImage, loading: Loading): Promise<string> {
  const { table } = parts;
  const { configDigest: imageId, config, layerDigests, names } = image;
  const diffIds = config.rootfs.diff_ids;
  const chainIds = chainIdsOf(diffIds);
  const loaded = await loadLayers(
    parts,
    diffIds.map((diffId, index) => ({
      diffId,
      chainId: chainIds[index] ?? '',
      digest: layerDigests[index] ?? '',
    })),
    loading,
  );
  // A manifest names its own blobs, and is pushed and saved with them. Otherwise, one that is here already will do.
  const layers =
    image.manifestDigest === undefined ? loaded.map((layer) => withKnownBlob(parts, layer)) : loaded;
  const known = table.record(imageId);
  const manifestDigests =
    image.manifestDigest === undefined ? (known?.manifestDigests ?? []) : [image.manifestDigest];
  for (const name of names) {
    const old = table.referenced(storedReference(name));
    if (old !== undefined && old !== imageId) {
      const stream = `The image ${familiarReference(name)} already exists, renaming the old one with ID ${old} to empty string\n`;
      loading.progress({ stream });
    }
  }
  table.put(imageId, known ?? { config, layers, manifestDigests }, names.map(storedReference));
  for (const name of names) loading.progress({ stream: `Loaded image: ${familiarReference(name)}\n` });
  if (names.length === 0) loading.progress({ stream: `Loaded image ID: ${imageId}\n` });
  return imageId;
}

interface ArchivedLayer {
  diffId: string;
  chainId: string;
  digest: string;
}

/** Side by side. The first that fails ends all, and is the one that is told of. */
async function loadLayers(
  parts: ImageParts,
  layers: readonly ArchivedLayer[],
  loading: Loading,
): Promise<LayerOfImage[]> {
  const controller = new AbortController();
  const signals = loading.signal === undefined ? [] : [loading.signal];
  const signal = AbortSignal.any([...signals, controller.signal]);
  const outcomes = await Promise.allSettled(
    layers.map(async (layer) => {
      try {
        return await loadLayer(parts, layer, { ...loading, signal });
      } catch (error) {
        controller.abort(error);
        throw error;
      }
    }),
  );
  if (controller.signal.aborted) throw controller.signal.reason;
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

async function loadLayer(
  parts: ImageParts,
  layer: ArchivedLayer,
  { progress, lease, signal }: Loading,
): Promise<LayerOfImage> {
  const { diffId, chainId, digest } = layer;
  const { blobs } = parts;
  const size = blobs.size(digest);
  lease.add(chainId);
  const report = meter(progress, shortId(diffId), 'Loading layer', size);
  await unpackBlob(parts, { chainId, diffId, digest }, report, signal);
  return { diffId, chainId, blob: { digest, mediaType: await layerTypeOf(blobs, digest), size } };
}

function withKnownBlob({ blobs, table }: ImageParts, layer: LayerOfImage): LayerOfImage {
  const known = table.blobOf(layer.diffId);
  return known !== undefined && blobs.has(known.digest) ? { ...layer, blob: known } : layer;
}

const typesByCompression: Readonly<Record<Compression, string>> = {
  none: mediaTypes.ociLayer,
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
};

/** What the bytes are: an archive's own word for it may be missing, or wrong. */
async function layerTypeOf(blobs: BlobStore, digest: string): Promise<string> {
  const file = await open(blobs.path(digest));
  try {
    const head = Buffer.alloc(6);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return typesByCompression[detectCompression(head.subarray(0, bytesRead))];
  } finally {
    await file.close();
  }
}
