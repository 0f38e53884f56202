/**
 * What a cache that was exported is made of: BuildKit's cache configuration (`application/vnd.buildkit.cacheconfig.v0`), a forest of layers and records of what they
 * are results of. A record's digest is the key of a step as Gantry computes it, which covers all its inputs: records name none. One field is Gantry's own: `mounts`.
 */
import { EngineError } from '../../errors/engine-error.ts';
import type { BlobRecord } from '../../images/image-records.ts';
import { parseBoundedJson } from '../../oci/bounded-json.ts';
import { isDigest } from '../../oci/digest.ts';
import { isLayerType } from '../../oci/media-types.ts';

export const cacheConfigType = 'application/vnd.buildkit.cacheconfig.v0';

/** Layers above each other, more than any image can have. */
const maxDepth = 500;

export interface CachedLayer {
  diffId: string;
  blob: BlobRecord;
}

export interface CachedStep {
  /** Base layer first. */
  layers: readonly CachedLayer[];
  /** Milliseconds since 1970. */
  createdAt: number;
}

export interface CachedMount {
  id: string;
  layer: CachedLayer;
}

export interface CacheContent {
  /** By key. */
  steps: ReadonlyMap<string, CachedStep>;
  mounts: readonly CachedMount[];
}

interface StoredLayer {
  blob: string;
  /** Index of the layer below; -1 for none. */
  parent: number;
  annotations: { mediaType: string; diffID: string; size: number };
}

export function cacheConfig({ steps, mounts }: CacheContent): object {
  const layers: StoredLayer[] = [];
  const indexes = new Map<string, number>();
  const indexOf = (chain: readonly CachedLayer[]): number => {
    let parent = -1;
    for (const layer of chain) {
      const place = `${parent} ${layer.blob.digest}`;
      const known = indexes.get(place);
      if (known === undefined) layers.push(stored(layer, parent));
      parent = known ?? layers.length - 1;
      indexes.set(place, parent);
    }
    return parent;
  };
  const records = [...steps].flatMap(([digest, { layers: chain, createdAt }]) =>
    chain.length === 0
      ? []
      : [{ digest, results: [{ layer: indexOf(chain), createdAt: new Date(createdAt).toISOString() }] }],
  );
  const own = mounts.map(({ id, layer }) => ({ id, layer: stored(layer, -1) }));
  return { layers, records, ...(own.length === 0 ? {} : { mounts: own }) };
}

function stored({ diffId, blob }: CachedLayer, parent: number): StoredLayer {
  const annotations = { mediaType: blob.mediaType, diffID: diffId, size: blob.size };
  return { blob: blob.digest, parent, annotations };
}

/** EngineError `invalid-argument`. Records that Gantry can't use (BuildKit's own have inputs) are left out. */
export function parseCacheConfig(data: Uint8Array): CacheContent {
  const document = asObject(
    parseBoundedJson(Buffer.from(data).toString('utf8'), 'invalid cache configuration'),
  );
  const layers = asList(document['layers']).map(asObject);
  const steps = new Map<string, CachedStep>();
  for (const record of asList(document['records']).map(asObject)) {
    const { digest, inputs } = record;
    const step = asList(record['results']).map(asObject)[0];
    if (!isDigest(digest) || step === undefined || asList(inputs).length > 0) continue;
    const chain = chainTo(layers, step['layer']);
    if (chain !== undefined) steps.set(digest, { layers: chain, createdAt: timeOf(step['createdAt']) });
  }
  const mounts = asList(document['mounts']).map(asObject).flatMap(parseMount);
  return { steps, mounts };
}

function parseMount({ id, layer }: Record<string, unknown>): CachedMount[] {
  const parsed = layerOf(asObject(layer));
  return typeof id !== 'string' || parsed === undefined ? [] : [{ id, layer: parsed }];
}

/** Undefined where it is broken. */
function chainTo(
  layers: ReadonlyArray<Record<string, unknown>>,
  top: unknown,
): readonly CachedLayer[] | undefined {
  const chain: CachedLayer[] = [];
  for (let index = top; index !== -1; ) {
    const stored = typeof index === 'number' ? layers[index] : undefined;
    const layer = stored && layerOf(stored);
    if (stored === undefined || layer === undefined || chain.length === maxDepth) return undefined;
    chain.push(layer);
    index = stored['parent'] ?? -1;
  }
  return chain.length === 0 ? undefined : chain.toReversed();
}

function layerOf({ blob, annotations }: Record<string, unknown>): CachedLayer | undefined {
  const { mediaType, diffID, size } = asObject(annotations);
  if (!isDigest(blob) || !isDigest(diffID) || typeof mediaType !== 'string' || !isLayerType(mediaType))
    return undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return undefined;
  return { diffId: diffID, blob: { digest: blob, mediaType, size } };
}

/** Milliseconds since 1970; now where it is not known. */
export function timeOf(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(time) ? Date.now() : time;
}

export function asObject(value: unknown): Record<string, unknown> {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new EngineError('invalid-argument', 'invalid cache configuration: not an object');
}

export function asList(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new EngineError('invalid-argument', 'invalid cache configuration: not a list');
}
