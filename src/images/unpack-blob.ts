/** Unpacks a layer's blob into the snapshots, whatever its compression, and tells how far it is. */
import { pipeline, Transform } from 'node:stream';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { Snapshotter } from '../snapshots/snapshotter.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { decompress } from './decompress.ts';

/** Docker's clients match on this beginning. */
const prefix = 'failed to register layer: ';

/** Does nothing where the layer is here. `report` gets the bytes of the blob that were read. Rejects with EngineError. */
export async function unpackBlob(
  parts: { blobs: BlobStore; snapshots: Snapshotter },
  layer: { chainId: string; diffId: string; digest: string },
  report: (current: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  if (parts.snapshots.hasLayer(layer.chainId)) return;
  let read = 0;
  const counter = new Transform({
    highWaterMark: 1024 * 1024,
    transform(chunk: Buffer, _encoding, done) {
      read += chunk.length;
      report(read);
      done(null, chunk);
    },
  });
  // An error on either side ends both; `unpack` gives the one that counts.
  pipeline(parts.blobs.open(layer.digest), counter, () => undefined);
  try {
    await parts.snapshots.unpack(layer, await decompress(counter), signal);
  } catch (error) {
    counter.destroy();
    if (!isEngineError(error) || error.code === 'cancelled') throw error;
    throw new EngineError(error.code, prefix + error.message, {
      cause: error,
      details: error.details,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
