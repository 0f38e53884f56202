/** Unpacks a tar that is a file: plain ones and gzip by a thread that reads them itself, others through the daemon. */
import { EngineError } from '../../errors/engine-error.ts';
import type { GzipHelper } from '../../host/gzip-helper.ts';
import type { UnpackJob } from './files-messages.ts';
import type { FilesParts } from './files-parts.ts';
import { type ArchiveFile, unpack } from './unpack-archive.ts';

type Place = Pick<UnpackJob, 'target' | 'destination' | 'owner'>;

/** The destination is a directory. EngineErrors as of `unpack`, and `data-loss` for a broken compression. */
export async function unpackFile(
  parts: FilesParts,
  file: ArchiveFile,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  const compression = file.compression();
  const { pool, gzip, launcher } = parts;
  if (compression === 'none') {
    const limit = Number.POSITIVE_INFINITY;
    await pool.run({ kind: 'unpack', ...place, descriptor: file.descriptor, isPipe: false, limit }, signal);
    return;
  }
  if (compression === 'gzip' && gzip !== undefined && (await gzip.isUsable())) {
    await unpackGzip(parts, gzip, file, place, signal);
    return;
  }
  const { target, destination, owner } = place;
  const options = { launcher, root: target, path: destination };
  await unpack(file.plain(), owner === undefined ? options : { ...options, owner }, signal);
}

async function unpackGzip(
  { pool }: FilesParts,
  gzip: GzipHelper,
  file: ArchiveFile,
  place: Place,
  signal: AbortSignal,
): Promise<void> {
  const stream = await gzip.start('decompress', `/proc/${process.pid}/fd/${file.descriptor}`, signal);
  // A thread that waits for bytes ends only once there are none to come.
  const onAbort = (): void => void stream.stop();
  signal.addEventListener('abort', onAbort, { once: true });
  const job = {
    kind: 'unpack',
    ...place,
    descriptor: stream.output.fd,
    isPipe: true,
    limit: file.limit,
  } as const;
  try {
    await pool.run(job, signal);
    if (stream.failure !== undefined) throw stream.failure;
  } catch (error) {
    // The tar is cut off where the compression broke.
    if (stream.failure !== undefined && error instanceof EngineError && error.code === 'invalid-argument')
      throw stream.failure;
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await stream.stop();
    await stream.close();
  }
}
