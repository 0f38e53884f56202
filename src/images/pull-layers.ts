/** Brings the layers of an image here: downloaded side by side, unpacked as they come, each shared with whoever else needs it. */
import { EngineError } from '../errors/engine-error.ts';
import { chainIdsOf, shortId } from '../oci/digest.ts';
import type { ImageConfig } from '../oci/image-config.ts';
import type { Descriptor, Manifest } from '../oci/manifest.ts';
import { type BlobPhase, downloadBlob } from './download-blob.ts';
import { EarlyUnpack } from './early-unpack.ts';
import type { ImageParts } from './image-parts.ts';
import type { LayerOfImage } from './image-records.ts';
import type { Progress } from './image-types.ts';
import type { Lease } from './leases.ts';
import type { RegistryClient } from './registry/registry-client.ts';
import { meter } from './throttle.ts';
import { unpackBlob } from './unpack-blob.ts';

export interface LayerPull {
  client: Pick<RegistryClient, 'blob'>;
  progress: Progress;
  lease: Lease;
  signal: AbortSignal;
}

/** Pairs a manifest's layers with the config's diff IDs. EngineError `invalid-argument` where they do not fit. */
export function layersOf(manifest: Manifest, config: ImageConfig): LayerOfImage[] {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    throw new EngineError('invalid-argument', 'invalid rootfs in image configuration', {
      hint: 'the manifest and the configuration name different numbers of layers: the image is broken, build it again',
    });
  }
  const chainIds = chainIdsOf(diffIds);
  return manifest.layers.map(({ digest, mediaType, size }, index) => ({
    diffId: diffIds[index] ?? '',
    chainId: chainIds[index] ?? '',
    blob: { digest, mediaType, size },
  }));
}

/** Returns the layers as they are here: with the blob that is kept, where the layer came from another image. */
export async function pullLayers(
  parts: ImageParts,
  pull: LayerPull,
  layers: readonly LayerOfImage[],
): Promise<LayerOfImage[]> {
  const controller = new AbortController();
  const signal = AbortSignal.any([pull.signal, controller.signal]);
  const tasks = layers.map(async (layer) => {
    try {
      return await pullLayer(parts, { ...pull, signal }, layer);
    } catch (error) {
      // One that fails ends all, and is the one that is told of.
      controller.abort(error);
      throw error;
    }
  });
  const outcomes = await Promise.allSettled(tasks);
  const failure: unknown = controller.signal.reason;
  if (failure !== undefined) throw failure;
  return outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
}

async function pullLayer(parts: ImageParts, pull: LayerPull, layer: LayerOfImage): Promise<LayerOfImage> {
  const { blobs, snapshots, table } = parts;
  const { progress, lease } = pull;
  const id = shortId(layer.blob.digest);
  const known = blobs.has(layer.blob.digest) ? layer.blob : table.blobOf(layer.diffId);
  lease.add(layer.chainId, layer.blob.digest, ...(known === undefined ? [] : [known.digest]));
  if (snapshots.hasLayer(layer.chainId) && known !== undefined && blobs.has(known.digest)) {
    progress({ id, status: 'Already exists' });
    return { ...layer, blob: known };
  }
  progress({ id, status: 'Pulling fs layer' });
  const early = new EarlyUnpack(parts, layer, progress, pull.signal);
  try {
    await download(parts, pull, layer.blob, () => early.begin());
  } catch (error) {
    await early.abandon();
    throw error;
  }
  progress({ id, status: 'Download complete' });
  await early.end();
  const report = meter(progress, id, 'Extracting', layer.blob.size);
  await unpackBlob(parts, { ...layer, digest: layer.blob.digest }, report, pull.signal);
  progress({ id, status: 'Pull complete' });
  return layer;
}

async function download(
  parts: ImageParts,
  { client, progress, signal }: LayerPull,
  blob: Descriptor,
  onBytes: () => void,
): Promise<void> {
  const id = shortId(blob.digest);
  const downloading = meter(progress, id, 'Downloading', blob.size);
  const listener = (phase: BlobPhase | { phase: 'waiting' }): void => {
    if (phase.phase === 'downloading') {
      downloading(phase.current);
      onBytes();
    } else progress({ id, status: phase.phase === 'waiting' ? 'Waiting' : 'Verifying Checksum' });
  };
  const work = (report: typeof listener, workSignal: AbortSignal): Promise<void> =>
    parts.downloadSlots.run(
      () => downloadBlob(client, parts.blobs, blob, report, workSignal, parts.config.maxDownloadAttempts),
      () => report({ phase: 'waiting' }),
    );
  await parts.downloads.run(blob.digest, work, listener, signal);
}
