/** Compresses a layer that is here as a plain tar, for a push: outside the event loop, and once only. */
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { GzipHelper } from '../host/gzip-helper.ts';
import { mediaTypes } from '../oci/media-types.ts';
import type { BlobIngest } from '../store/blob-ingest.ts';
import type { GrowingFile } from '../util/growing-file.ts';
import type { ImageParts } from './image-parts.ts';
import type { BlobRecord } from './image-records.ts';
import type { Lease } from './leases.ts';

const chunkSize = 1024 * 1024;
/** zlib's fastest, where the helper is not there: a push waits for nothing longer. */
const zlibLevel = 1;
/** How much smaller layers get, for the progress bar: the helper does not tell how far it has read. */
const usualRatio = 2.5;

const gzipTypes: Readonly<Record<string, string>> = {
  [mediaTypes.ociLayer]: mediaTypes.ociLayerGzip,
  [mediaTypes.dockerLayer]: mediaTypes.dockerLayerGzip,
};

/**
 * The gzip form of a blob whose media type is a plain tar, stored as a blob of its own that `lease` holds; `blob` itself where it is compressed already.
 * `onBegin` gets what is written while it is. `report` hears how many bytes of the plain blob are done. The caller lets images name the result from then on.
 */
export async function compressBlob(
  parts: Pick<ImageParts, 'blobs' | 'gzip'>,
  blob: BlobRecord,
  lease: Lease,
  report: (current: number) => void,
  signal?: AbortSignal,
  onBegin: (file: GrowingFile) => void = () => undefined,
): Promise<BlobRecord> {
  const mediaType = gzipTypes[blob.mediaType];
  if (mediaType === undefined) return blob;
  const path = parts.blobs.path(blob.digest);
  const ingest = await parts.blobs.ingest(undefined);
  if (ingest.growth !== undefined) onBegin(ingest.growth);
  try {
    if (parts.gzip !== undefined && (await parts.gzip.isUsable()))
      await byHelper(parts.gzip, path, ingest, (bytes) => report(Math.min(blob.size, bytes)), signal);
    else await byZlib(path, ingest, report, signal);
    report(blob.size);
    const size = ingest.offset;
    const digest = await ingest.commit(undefined, (known) => lease.add(known));
    return { digest, mediaType, size };
  } catch (error) {
    await ingest.discard();
    throw error;
  }
}

async function byHelper(
  helper: GzipHelper,
  path: string,
  ingest: BlobIngest,
  report: (current: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stream = await helper.start('compress', path, signal);
  try {
    await copy(stream.output, ingest, report);
    if (stream.failure !== undefined) throw stream.failure;
  } finally {
    await stream.stop();
    await stream.close();
  }
}

async function copy(
  output: FileHandle,
  ingest: BlobIngest,
  report: (current: number) => void,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(chunkSize);
  for (;;) {
    const { bytesRead } = await output.read(buffer, 0, chunkSize, null);
    if (bytesRead === 0) return;
    await ingest.write(buffer.subarray(0, bytesRead));
    report(ingest.offset * usualRatio);
  }
}

async function byZlib(
  path: string,
  ingest: BlobIngest,
  report: (current: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = createReadStream(path, { highWaterMark: chunkSize });
  const gzip = createGzip({ level: zlibLevel, chunkSize });
  file.on('error', (error) => gzip.destroy(error));
  const onAbort = (): void => void gzip.destroy(new EngineError('cancelled', 'the operation was cancelled'));
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  try {
    for await (const chunk of file.pipe(gzip) as Readable) {
      await ingest.write(chunk);
      report(file.bytesRead);
    }
  } catch (error) {
    if (isEngineError(error)) throw error;
    throw new EngineError('unavailable', 'cannot read the layer', { cause: error });
  } finally {
    signal?.removeEventListener('abort', onAbort);
    file.destroy();
  }
}
