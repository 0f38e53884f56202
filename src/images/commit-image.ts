/** Makes an image of a container's changes: the parent's layers and one more. */
import { EngineError } from '../errors/engine-error.ts';
import { chainIdsOf, digestOf } from '../oci/digest.ts';
import type { HistoryEntry, ImageConfig } from '../oci/image-config.ts';
import { mediaTypes } from '../oci/media-types.ts';
import { checkImageConfig } from '../oci/parse-image-config.ts';
import { parseReference, withDefaultTag } from '../oci/reference.ts';
import { destroyOnAbort, spoolFile } from './archive-spool.ts';
import { applyChanges } from './image-changes.ts';
import type { ImageParts } from './image-parts.ts';
import type { LayerOfImage } from './image-records.ts';
import type { CommitRequest } from './image-types.ts';
import type { Lease } from './leases.ts';
import { noSuchImage, storedReference } from './resolve-image.ts';
import { unpackBlob } from './unpack-blob.ts';

/** A tar of nothing: such a layer is none, as in Docker. */
const emptyLayer = digestOf(Buffer.alloc(1024));

/** Returns the image's ID. Rejects with EngineError; nothing is left then. */
export async function commitImage(
  parts: ImageParts,
  request: CommitRequest,
  signal?: AbortSignal,
): Promise<string> {
  const lease = parts.collector.lease();
  try {
    // All that the user wrote is looked at before the first byte.
    const references = request.reference === undefined ? [] : [nameOf(request.reference)];
    const process = applyChanges(request.process, request.changes);
    const parent = parts.table.record(request.parent.id);
    if (parent === undefined) throw noSuchImage(request.parent.id);
    lease.add(request.parent.id, ...parent.layers.flatMap(({ chainId, blob }) => [chainId, blob.digest]));
    const layer = await addLayer(parts, request, parent.layers, lease, signal);
    const layers = layer === undefined ? parent.layers : [...parent.layers, layer];
    const config = checkImageConfig({
      ...configOf(parent.config, request, layer === undefined),
      config: process,
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    });
    const imageId = await parts.blobs.put(Buffer.from(JSON.stringify(config)));
    lease.add(imageId);
    parts.table.put(imageId, { config, layers, manifestDigests: [], parent: request.parent.id }, references);
    return imageId;
  } finally {
    request.layer.destroy();
    await parts.collector.releaseAndCollect(lease);
  }
}

function nameOf(text: string): string {
  const reference = withDefaultTag(parseReference(text));
  if (reference.digest === undefined) return storedReference(reference);
  throw new EngineError('invalid-argument', 'refusing to create a tag with a digest reference', {
    hint: 'name it by a tag',
  });
}

/** Takes in the layer as it comes, then unpacks it. Undefined where it is empty. */
async function addLayer(
  parts: ImageParts,
  { layer }: CommitRequest,
  below: readonly LayerOfImage[],
  lease: Lease,
  signal?: AbortSignal,
): Promise<LayerOfImage | undefined> {
  const stopListening = destroyOnAbort(layer, signal);
  try {
    const diffId = await spoolFile(layer, parts.blobs, lease);
    if (diffId === emptyLayer) return undefined;
    const chainId = chainIdsOf([...below.map((one) => one.diffId), diffId]).at(-1) ?? diffId;
    lease.add(chainId);
    await unpackBlob(parts, { chainId, diffId, digest: diffId }, () => undefined, signal);
    const own = { digest: diffId, mediaType: mediaTypes.ociLayer, size: parts.blobs.size(diffId) };
    return { diffId, chainId, blob: parts.table.blobOf(diffId) ?? own };
  } finally {
    stopListening();
  }
}

function configOf(
  parent: ImageConfig,
  { author, comment, createdBy }: CommitRequest,
  isEmpty: boolean,
): Omit<ImageConfig, 'rootfs' | 'config'> {
  const { architecture, os, variant } = parent;
  const created = new Date().toISOString();
  const step: HistoryEntry = {
    created,
    created_by: createdBy,
    ...(author ? { author } : {}),
    ...(comment ? { comment } : {}),
    ...(isEmpty ? { empty_layer: true } : {}),
  };
  const osVersion = parent['os.version'];
  return {
    created,
    ...(author ? { author } : {}),
    architecture,
    ...(variant === undefined ? {} : { variant }),
    os,
    ...(osVersion === undefined ? {} : { 'os.version': osVersion }),
    history: [...(parent.history ?? []), step],
  };
}
