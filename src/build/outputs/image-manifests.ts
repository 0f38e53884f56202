/** Manifests, and an index of several, for built images: the same image gives the same bytes each time. */
import { EngineError } from '../../errors/engine-error.ts';
import type { BuildLease } from '../../images/image-builds.ts';
import type { BlobRecord } from '../../images/image-records.ts';
import type { ImageTransfers } from '../../images/image-types.ts';
import { compressionOf, makeManifest } from '../../images/push-manifest.ts';
import type { LayerForm } from '../../images/transfer-types.ts';
import { digestOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { checkImageConfig } from '../../oci/parse-image-config.ts';
import { formatPlatform, type Platform } from '../../oci/platform.ts';
import type { BuiltImage } from '../built-image.ts';
import type { ImageAnnotations } from './output-options.ts';

export interface Document {
  digest: string;
  mediaType: string;
  data: Buffer;
}

export interface WrittenImage {
  platform: Platform;
  /** In the blob store, held by the lease. */
  config: BlobRecord;
  /** Base layer first; in the blob store, held by the lease. */
  layers: readonly BlobRecord[];
  manifest: Document;
  /** What an index says of it. */
  annotations: Record<string, string>;
}

export interface WriteOptions {
  form: LayerForm;
  /** Docker's media types where false; what the content needs where undefined. */
  isOci: boolean | undefined;
  annotations: ImageAnnotations;
}

/** All images with their layers in the form that is asked for, made side by side. */
export async function writeImages(
  transfers: ImageTransfers,
  lease: BuildLease,
  images: readonly BuiltImage[],
  options: WriteOptions,
  signal: AbortSignal,
): Promise<WrittenImage[]> {
  return await Promise.all(images.map((image) => writeImage(transfers, lease, image, options, signal)));
}

async function writeImage(
  transfers: ImageTransfers,
  lease: BuildLease,
  { platform, config, layers }: BuiltImage,
  { form, isOci, annotations }: WriteOptions,
  signal: AbortSignal,
): Promise<WrittenImage> {
  const data = configBytes(config);
  const digest = await transfers.put(lease, data);
  const blobs = await Promise.all(layers.map((layer) => transfers.inForm(lease, layer, form, signal)));
  const name = formatPlatform(platform);
  const own = annotations.of('manifest', name);
  const needsOci =
    Object.keys(own).length > 0 || blobs.some(({ mediaType }) => compressionOf(mediaType) === 'zstd');
  if (needsOci && isOci === false) {
    throw new EngineError('invalid-argument', 'annotations and zstd need OCI media types', {
      hint: 'leave oci-mediatypes=false out',
    });
  }
  const manifest = makeManifest({ digest, size: data.length }, blobs, isOci ?? needsOci);
  return {
    platform,
    config: manifest.config,
    layers: manifest.layers,
    manifest: annotated(manifest, own),
    annotations: annotations.of('manifest-descriptor', name),
  };
}

/** The bytes by which the image store knows the image, too. */
export function configBytes(config: BuiltImage['config']): Buffer {
  return Buffer.from(JSON.stringify(checkImageConfig(config)));
}

function annotated({ digest, mediaType, data }: Document, annotations: Record<string, string>): Document {
  if (Object.keys(annotations).length === 0) return { digest, mediaType, data };
  const changed = Buffer.from(JSON.stringify({ ...JSON.parse(data.toString()), annotations }, null, 3));
  return { digest: digestOf(changed), mediaType, data: changed };
}

export function descriptorOf({ platform, manifest, annotations }: WrittenImage): object {
  return {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.data.length,
    platform,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

/** Docker's list, where all manifests are Docker's and nothing is said of them. */
export function indexOf(images: readonly WrittenImage[], annotations: Record<string, string>): Document {
  const isAnnotated = [annotations, ...images.map((image) => image.annotations)].some(
    (one) => Object.keys(one).length > 0,
  );
  const isOci = isAnnotated || images.some(({ manifest }) => manifest.mediaType === mediaTypes.ociManifest);
  const mediaType = isOci ? mediaTypes.ociIndex : mediaTypes.dockerManifestList;
  const document = {
    schemaVersion: 2,
    mediaType,
    manifests: images.map(descriptorOf),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  const data = Buffer.from(JSON.stringify(document, null, 3));
  return { digest: digestOf(data), mediaType, data };
}

/** As buildx writes it with `--metadata-file`. */
export function metadataOf(images: readonly WrittenImage[], top: Document): Record<string, string> {
  const { mediaType, digest, data } = top;
  const descriptor = { mediaType, digest, size: data.length };
  const only = images.length === 1 ? images[0] : undefined;
  return {
    'containerimage.digest': digest,
    'containerimage.descriptor': Buffer.from(JSON.stringify(descriptor)).toString('base64'),
    ...(only === undefined ? {} : { 'containerimage.config.digest': only.config.digest }),
  };
}
