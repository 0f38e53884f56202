/** Writes images into one archive: `docker save`. */
import { finished, Readable } from 'node:stream';
import { EngineError } from '../errors/engine-error.ts';
import { digestHex } from '../oci/digest.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { endOfArchive, memberHeader, paddingOf } from '../util/tar/tar-writer.ts';
import { destroyOnAbort } from './archive-spool.ts';
import type { ImageParts } from './image-parts.ts';
import { planSave } from './save-plan.ts';
import type { SavePlan } from './transfer-types.ts';

/**
 * An OCI image layout that is a Docker archive too, as Docker 25 and later write it. Blobs go out as they are kept, compressed or not; each
 * of them once. What is in it is kept from being removed until the stream is closed.
 */
export async function saveImages(
  parts: ImageParts,
  names: readonly string[],
  options: { platform?: string },
  signal?: AbortSignal,
): Promise<Readable> {
  if (names.length === 0) throw new EngineError('invalid-argument', 'no images to save were named');
  const lease = parts.collector.lease();
  try {
    const plan = await planSave(parts, names, options.platform, lease);
    const tar = Readable.from(archive(parts.blobs, plan), { objectMode: false });
    const stopListening = destroyOnAbort(tar, signal);
    finished(tar, () => {
      stopListening();
      // What was removed meanwhile goes now. Garbage that cannot go yet is met again by the next collection.
      parts.collector.releaseAndCollect(lease).catch(() => undefined);
    });
    return tar;
  } catch (error) {
    parts.collector.release(lease);
    throw error;
  }
}

/** Blobs by digest, then documents. */
export async function* archive(blobs: BlobStore, plan: SavePlan): AsyncGenerator<Uint8Array> {
  yield header('blobs/', 0);
  yield header('blobs/sha256/', 0);
  for (const [digest, data] of [...plan.blobs].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    const name = `blobs/sha256/${digestHex(digest)}`;
    if (data === undefined) yield* blobMember(blobs, name, digest);
    else yield* member(name, data);
  }
  for (const [name, data] of plan.documents) yield* member(name, data);
  yield endOfArchive;
}

function header(name: string, size: number): Buffer {
  const isDirectory = name.endsWith('/');
  return memberHeader({
    name: Buffer.from(name),
    type: isDirectory ? 'directory' : 'file',
    link: Buffer.alloc(0),
    mode: isDirectory ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    size,
    // The same images make the same archive.
    mtime: { seconds: 0, nanoseconds: 0 },
    major: 0,
    minor: 0,
    xattrs: new Map(),
  });
}

function* member(name: string, data: Buffer): Generator<Buffer> {
  yield header(name, data.length);
  yield data;
  yield Buffer.alloc(paddingOf(data.length));
}

async function* blobMember(blobs: BlobStore, name: string, digest: string): AsyncGenerator<Buffer> {
  const size = blobs.size(digest);
  yield header(name, size);
  let sent = 0;
  for await (const chunk of blobs.open(digest)) {
    sent += chunk.length;
    yield chunk;
  }
  if (sent !== size) throw new EngineError('data-loss', `blob ${digest} is damaged on disk`);
  yield Buffer.alloc(paddingOf(size));
}
