/** A cache within an image's configuration (BuildKit's field `moby.buildkit.cache.v0`): records whose layers are the image's own, by their place. */
import type { BlobRecord } from '../../images/image-records.ts';
import { parseBoundedJson } from '../../oci/bounded-json.ts';
import { isDigest } from '../../oci/digest.ts';
import { isLayerType } from '../../oci/media-types.ts';
import type { BuiltImage } from '../built-image.ts';
import { asList, asObject, type CachedStep, timeOf } from './cache-config.ts';

const field = 'moby.buildkit.cache.v0';

/** The image with a record of each step that it is made of. `original` is the image whose layers the steps name. */
export function withInlineCache(image: BuiltImage, original: BuiltImage): BuiltImage {
  const records = new Map<string, object>();
  for (const { key, layers, createdAt } of image.steps) {
    const index = layers.length - 1;
    const top = layers[index];
    if (top === undefined || original.layers[index]?.chainId !== top.chainId) continue;
    const time = image.config.created ?? new Date(createdAt).toISOString();
    records.set(key, { digest: key, results: [{ layer: index, createdAt: time }] });
  }
  // In an order of their own: which step ended first is no part of the image.
  const sorted = [...records].toSorted(([one], [other]) => (one < other ? -1 : 1));
  const text = Buffer.from(JSON.stringify(sorted.map(([, record]) => record))).toString('base64');
  const config = { ...image.config, [field]: text };
  return { ...image, config };
}

/** Steps by key; none where the image brings no cache. EngineError `invalid-argument`. */
export function inlineCacheOf(config: object, blobs: readonly BlobRecord[]): Map<string, CachedStep> {
  const steps = new Map<string, CachedStep>();
  const document = asObject(config);
  const text = document[field];
  const diffIds = asList(asObject(document['rootfs'])['diff_ids']);
  if (typeof text !== 'string' || diffIds.length !== blobs.length) return steps;
  const layers = blobs.map((blob, index) => ({ diffId: String(diffIds[index]), blob }));
  if (!layers.every(({ diffId, blob }) => isDigest(diffId) && isLayerType(blob.mediaType))) return steps;
  const data = Buffer.from(text, 'base64').toString('utf8');
  for (const record of asList(parseBoundedJson(data, 'invalid inline cache')).map(asObject)) {
    const result = asList(record['results']).map(asObject)[0];
    const index = result?.['layer'];
    const { digest, inputs } = record;
    if (!isDigest(digest) || asList(inputs).length > 0) continue;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= layers.length)
      continue;
    steps.set(digest, { layers: layers.slice(0, index + 1), createdAt: timeOf(result?.['createdAt']) });
  }
  return steps;
}
