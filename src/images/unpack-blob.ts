/** Unpacks a layer's blob into the snapshots, whatever its compression, and tells how far it is. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { Snapshotter } from '../snapshots/snapshotter.ts';
import type { BlobStore } from '../store/blob-store.ts';

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
  const file = { path: parts.blobs.path(layer.digest), onRead: report };
  try {
    await parts.snapshots.unpack(layer, file, signal);
  } catch (error) {
    if (!isEngineError(error) || error.code === 'cancelled') throw error;
    throw new EngineError(error.code, prefix + error.message, {
      cause: error,
      details: error.details,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
