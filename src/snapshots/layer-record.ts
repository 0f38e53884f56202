/** What is known of a layer beside its files: `layer.json` next to its directory, written once. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface LayerRecord {
  /** Bytes of file data. */
  size: number;
  /** Paths (bytes as `latin1`) of directories that hide what the layers below have in them. */
  opaque: string[];
}

export const layerRecordName = 'layer.json';

function isRecord(value: unknown): value is LayerRecord {
  if (typeof value !== 'object' || value === null || !('size' in value) || !('opaque' in value)) return false;
  const { size, opaque } = value;
  return (
    typeof size === 'number' && Array.isArray(opaque) && opaque.every((path) => typeof path === 'string')
  );
}

/** Reads the record in a layer's own directory; undefined where there is none, or it is broken. */
export function readLayerRecord(layerDirectory: string): LayerRecord | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(layerDirectory, layerRecordName), 'utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The opaque directories of a file tree: those recorded beside it, none where it is no layer's. */
export function opaqueDirectoriesOf(tree: string): ReadonlySet<string> {
  return new Set(readLayerRecord(dirname(tree))?.opaque);
}
