/** Compresses a layer that is here as a plain tar, for a push: outside the event loop, and once only. */
import { EngineError } from '../errors/engine-error.ts';
import type { ImageParts } from './image-parts.ts';
import type { BlobRecord } from './image-records.ts';
import type { Lease } from './leases.ts';

/**
 * The gzip form of a blob whose media type is a plain tar, stored as a blob of its own that `lease` holds; `blob` itself where it is compressed already.
 * `report` hears how many bytes of the plain blob are done. The caller lets images name the result from then on.
 */
export function compressBlob(
  _parts: ImageParts,
  _blob: BlobRecord,
  _lease: Lease,
  _report: (current: number) => void,
  _signal?: AbortSignal,
): Promise<BlobRecord> {
  return Promise.reject(new EngineError('not-implemented', 'not yet'));
}
