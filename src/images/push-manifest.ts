/** Which manifest an image is pushed with: the one that it came with, or one made of what is known of it. */
import { digestOf } from '../oci/digest.ts';
import { type Manifest, parseManifest } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { BlobStore } from '../store/blob-store.ts';
import type { ImageParts } from './image-parts.ts';
import type { BlobRecord, ImageRecord } from './image-records.ts';

export interface OutgoingManifest {
  digest: string;
  mediaType: string;
  data: Buffer;
  config: BlobRecord;
  /** Base layer first. */
  layers: BlobRecord[];
}

type Compression = 'gzip' | 'zstd' | 'none';

/** By what a layer's media type says. */
export function compressionOf(mediaType: string): Compression {
  const suffix = /[.+](gzip|zstd)$/.exec(mediaType)?.[1];
  return suffix === 'gzip' || suffix === 'zstd' ? suffix : 'none';
}

/**
 * The manifest that the image came with, byte for byte, where all that it names is here. One over plain tars counts only where some registry
 * has it: archives hold layers that way, and nobody wants to push them so. Undefined where a manifest has to be made.
 */
export async function originalManifest(
  { table, blobs }: Pick<ImageParts, 'table' | 'blobs'>,
  imageId: string,
  record: ImageRecord,
): Promise<OutgoingManifest | undefined> {
  const known = new Set(table.referencesTo(imageId).map(({ digest }) => digest));
  const isInRegistry = record.manifestDigests.some((digest) => known.has(digest));
  for (const { data, digest, document } of await manifestsOf(blobs, record)) {
    const isWhole = [document.config, ...document.layers].every((blob) => blobs.has(blob.digest));
    const isPlain = document.layers.some(({ mediaType }) => compressionOf(mediaType) === 'none');
    if (document.config.digest !== imageId || !isWhole || (isPlain && !isInRegistry)) continue;
    const { mediaType, config, layers } = document;
    return { digest, mediaType, data, config: blobOf(config), layers: layers.map(blobOf) };
  }
  return undefined;
}

function blobOf({ digest, mediaType, size }: BlobRecord): BlobRecord {
  return { digest, mediaType, size };
}

/** The image's own manifest stands behind the index that led to it. */
async function manifestsOf(
  blobs: BlobStore,
  { manifestDigests }: ImageRecord,
): Promise<Array<{ digest: string; data: Buffer; document: Manifest }>> {
  const found: Array<{ digest: string; data: Buffer; document: Manifest }> = [];
  for (const digest of manifestDigests.toReversed()) {
    if (!blobs.has(digest)) continue;
    const data = await blobs.read(digest);
    const document = parseManifest(data);
    if (document.kind === 'manifest') found.push({ digest, data, document });
  }
  return found;
}

/** Docker's schema 2 knows no zstd, and what came as OCI goes as OCI. */
export async function wantsOci(blobs: BlobStore, record: ImageRecord): Promise<boolean> {
  if (record.layers.some(({ blob }) => compressionOf(blob.mediaType) === 'zstd')) return true;
  const manifests = await manifestsOf(blobs, record);
  return manifests.some(({ document }) => document.mediaType === mediaTypes.ociManifest);
}

const layerTypes = {
  oci: { gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd, none: mediaTypes.ociLayer },
  docker: { gzip: mediaTypes.dockerLayerGzip, zstd: mediaTypes.ociLayerZstd, none: mediaTypes.dockerLayer },
} as const;

/** The same image gives the same bytes each time: they are laid out as Docker lays them out. */
export function makeManifest(
  config: { digest: string; size: number },
  layers: readonly BlobRecord[],
  isOci: boolean,
): OutgoingManifest {
  const types = layerTypes[isOci ? 'oci' : 'docker'];
  const mediaType = isOci ? mediaTypes.ociManifest : mediaTypes.dockerManifest;
  const configType = isOci ? mediaTypes.ociConfig : mediaTypes.dockerConfig;
  const blobs = layers.map((layer) => ({ ...layer, mediaType: types[compressionOf(layer.mediaType)] }));
  const describe = (blob: BlobRecord): BlobRecord => ({
    mediaType: blob.mediaType,
    size: blob.size,
    digest: blob.digest,
  });
  const ownConfig = { mediaType: configType, size: config.size, digest: config.digest };
  const document = { schemaVersion: 2, mediaType, config: ownConfig, layers: blobs.map(describe) };
  const data = Buffer.from(JSON.stringify(document, null, 3));
  return { digest: digestOf(data), mediaType, data, config: ownConfig, layers: blobs };
}
