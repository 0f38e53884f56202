/** Unpacks again what a power cut took: layers that images, or the build cache, need, and whose archives are here. */
import type { ImageParts } from './image-parts.ts';
import { unpackBlob } from './unpack-blob.ts';

/** Returns the chain IDs of what was unpacked. A layer whose archive is missing or broken stays missing: a pull brings it back. */
export async function repairLayers({ table, blobs, snapshots }: ImageParts): Promise<string[]> {
  const repaired: string[] = [];
  const layers = [...table.records().flatMap((record) => record.layers), ...table.holds.layers()];
  for (const { chainId, diffId, blob } of layers) {
    if (snapshots.hasLayer(chainId) || !blobs.has(blob.digest)) continue;
    try {
      await unpackBlob({ blobs, snapshots }, { chainId, diffId, digest: blob.digest }, () => undefined);
      repaired.push(chainId);
    } catch {
      // What cannot be had back must not keep the daemon from starting.
    }
  }
  return repaired;
}
