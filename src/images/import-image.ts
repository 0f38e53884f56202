/** Makes an image of one layer from a root file system's tar: `docker import`. */
import type { Readable } from 'node:stream';
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import type { ImageConfig } from '../oci/image-config.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { hostPlatform, parsePlatform } from '../oci/platform.ts';
import { parseReference, withDefaultTag } from '../oci/reference.ts';
import { plainArchive } from './archive-plain.ts';
import { destroyOnAbort, spoolFile } from './archive-spool.ts';
import { applyChanges } from './image-changes.ts';
import type { ImageParts } from './image-parts.ts';
import type { Lease } from './leases.ts';
import { storedReference } from './resolve-image.ts';
import { unpackBlob } from './unpack-blob.ts';

export interface ImportOptions {
  reference?: string;
  message?: string;
  changes: readonly string[];
  platform?: string;
}

/** Returns the image's ID. Rejects with EngineError; nothing is left then. */
export async function importImage(
  parts: ImageParts,
  tar: Readable,
  options: ImportOptions,
  signal?: AbortSignal,
): Promise<string> {
  // All that the user wrote is looked at before the first byte.
  const name = options.reference ? storedReference(withoutDigest(options.reference)) : undefined;
  const platform = options.platform ? parsePlatform(options.platform) : hostPlatform();
  const process = applyChanges({}, options.changes);
  const lease = parts.collector.lease();
  try {
    const diffId = await spool(parts, tar, lease, signal);
    await unpackBlob(parts, { chainId: diffId, diffId, digest: diffId }, () => undefined, signal);
    const created = new Date().toISOString();
    const config: ImageConfig = {
      architecture: platform.architecture,
      ...(platform.variant === undefined ? {} : { variant: platform.variant }),
      os: platform.os,
      created,
      config: process,
      rootfs: { type: 'layers', diff_ids: [diffId] },
      history: [{ created, comment: options.message ?? 'Imported from -' }],
    };
    const imageId = await parts.blobs.put(Buffer.from(JSON.stringify(config)));
    lease.add(imageId);
    const blob = { digest: diffId, mediaType: mediaTypes.ociLayer, size: parts.blobs.size(diffId) };
    const layers = [{ diffId, chainId: diffId, blob: parts.table.blobOf(diffId) ?? blob }];
    parts.table.put(imageId, { config, layers, manifestDigests: [] }, name === undefined ? [] : [name]);
    return imageId;
  } finally {
    await parts.collector.releaseAndCollect(lease);
  }
}

function withoutDigest(text: string): ReturnType<typeof parseReference> {
  const reference = withDefaultTag(parseReference(text));
  if (reference.digest === undefined) return reference;
  throw new EngineError('invalid-argument', 'cannot import digest reference', { hint: 'name it by a tag' });
}

/** Stores the tar as it is without compression, so that its digest is the diff ID and a push can send it. */
async function spool(parts: ImageParts, tar: Readable, lease: Lease, signal?: AbortSignal): Promise<string> {
  const stopListening = destroyOnAbort(tar, signal);
  try {
    return await spoolFile(plainArchive(tar, parts.snapshots.maxExpansion), parts.blobs, lease);
  } catch (error) {
    if (isEngineError(error)) throw error;
    throw new EngineError('invalid-argument', `cannot read the archive: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    stopListening();
  }
}
