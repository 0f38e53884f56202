/** Other forms of a layer's blob: compressed in one way or another, plain, or with its times cut off. Each is a blob of its own. */
import { createReadStream } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { constants, createGzip, createZstdCompress } from 'node:zlib';
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { decompress } from '../snapshots/decompress.ts';
import { clampTimes } from '../util/tar/tar-times.ts';
import { compressBlob } from './compress-blob.ts';
import type { BuildLease } from './image-builds.ts';
import type { ImageParts } from './image-parts.ts';
import type { BlobRecord, LayerOfImage } from './image-records.ts';
import { compressionOf } from './push-manifest.ts';
import type { LayerForm } from './transfer-types.ts';

type FormParts = Pick<ImageParts, 'blobs' | 'gzip' | 'table'>;

const chunkSize = 1024 * 1024;
const typeOfForm = {
  gzip: mediaTypes.ociLayerGzip,
  zstd: mediaTypes.ociLayerZstd,
  uncompressed: mediaTypes.ociLayer,
} as const;

/** The layer's blob in that form, which `lease` holds; as it is where it may stay so. EngineErrors `cancelled`, `data-loss`, `resource-exhausted`. */
export async function layerInForm(
  parts: FormParts,
  layer: Pick<LayerOfImage, 'diffId' | 'blob'>,
  form: LayerForm,
  lease: BuildLease,
  signal: AbortSignal,
): Promise<BlobRecord> {
  signal.throwIfAborted();
  const wanted = form.compression === 'uncompressed' ? 'none' : form.compression;
  const fits = ({ mediaType }: BlobRecord): boolean => {
    const has = compressionOf(mediaType);
    return has === wanted || (!form.isForced && has !== 'none');
  };
  const isAnyLevel = form.level === undefined || !form.isForced;
  if (fits(layer.blob) && (isAnyLevel || wanted === 'none')) return layer.blob;
  const known = parts.table.blobOf(layer.diffId);
  if (
    known !== undefined &&
    isAnyLevel &&
    parts.blobs.has(known.digest) &&
    compressionOf(known.mediaType) === wanted
  ) {
    lease.add(known.digest);
    return known;
  }
  const isPlain = compressionOf(layer.blob.mediaType) === 'none';
  if (isPlain && wanted === 'gzip' && form.level === undefined)
    return await compressBlob(parts, layer.blob, lease, () => undefined, signal);
  return await converted(parts, layer.blob, form, lease, signal);
}

async function converted(
  { blobs }: FormParts,
  blob: BlobRecord,
  { compression, level }: LayerForm,
  lease: BuildLease,
  signal: AbortSignal,
): Promise<BlobRecord> {
  const plain = await decompress(createReadStream(blobs.path(blob.digest), { highWaterMark: chunkSize }));
  const stream = compression === 'uncompressed' ? plain : squeezed(plain, compression, level);
  const { digest, size } = await takeBlob(blobs, stream, lease, signal);
  return { digest, size, mediaType: typeOfForm[compression] };
}

function squeezed(plain: Readable, compression: 'gzip' | 'zstd', level: number | undefined): Readable {
  const squeezer =
    compression === 'gzip'
      ? createGzip({ chunkSize, ...(level === undefined ? {} : { level: Math.min(9, level) }) })
      : createZstdCompress({
          chunkSize,
          params: { [constants.ZSTD_c_compressionLevel]: level ?? 3, [constants.ZSTD_c_checksumFlag]: 1 },
        });
  return pipeline(plain, squeezer, () => undefined);
}

/** Stores what a stream gives; `lease` holds it. */
export async function takeBlob(
  blobs: ImageParts['blobs'],
  source: Readable,
  lease: BuildLease,
  signal: AbortSignal,
): Promise<{ digest: string; size: number }> {
  const ingest = await blobs.ingest(undefined);
  const stop = (): void => void source.destroy(new EngineError('cancelled', 'the operation was cancelled'));
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of source) await ingest.write(chunk);
    const size = ingest.offset;
    const digest = await ingest.commit(undefined, (known) => lease.add(known));
    return { digest, size };
  } catch (error) {
    await ingest.discard();
    if (isEngineError(error)) throw error;
    if (signal.aborted) throw new EngineError('cancelled', 'the operation was cancelled', { cause: error });
    throw new EngineError('unavailable', `cannot read the layer: ${messageOf(error)}`, { cause: error });
  } finally {
    signal.removeEventListener('abort', stop);
    source.destroy();
  }
}

/** The same layer as a plain tar in which no file is younger than `latest` (seconds since 1970). */
export async function clampedBlob(
  { blobs }: FormParts,
  blob: BlobRecord,
  latest: number,
  lease: BuildLease,
  signal: AbortSignal,
): Promise<BlobRecord> {
  const plain = await decompress(createReadStream(blobs.path(blob.digest), { highWaterMark: chunkSize }));
  const clamped = Readable.from(clampTimes(plain, latest), { objectMode: false });
  const { digest, size } = await takeBlob(blobs, clamped, lease, signal);
  return { digest, size, mediaType: mediaTypes.ociLayer };
}
