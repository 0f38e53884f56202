/** Pushes the layers of an image side by side, and tells of each what Docker tells. */
import { EngineError } from '../errors/engine-error.ts';
import { shortId } from '../oci/digest.ts';
import { canonicalReference, type Reference } from '../oci/reference.ts';
import { compressBlob } from './compress-blob.ts';
import { EarlyUpload } from './early-upload.ts';
import type { ImageParts } from './image-parts.ts';
import type { BlobRecord } from './image-records.ts';
import type { Progress } from './image-types.ts';
import type { Lease } from './leases.ts';
import { type BlobOutcome, type BlobPush, pushBlob, smallSize } from './push-blob.ts';
import { compressionOf, originalManifest } from './push-manifest.ts';
import type { RegistryPusher } from './registry/registry-pusher.ts';
import { meter } from './throttle.ts';

export interface LayerPush {
  pusher: RegistryPusher;
  reference: Reference;
  progress: Progress;
  lease: Lease;
  signal: AbortSignal;
  /** Of the layers' tasks: one that fails ends all. */
  fail: (error: unknown) => void;
  /** Send layers as they are, plain ones too: the manifest names them so. */
  isFixed: boolean;
}

export interface OutgoingLayer {
  diffId: string;
  blob: BlobRecord;
}

/** Returns the layers' blobs as they were pushed, base first. Rejects with the first failure once all have ended. */
export async function pushLayers(
  parts: ImageParts,
  push: LayerPush,
  layers: readonly OutgoingLayer[],
): Promise<BlobRecord[]> {
  const tasks = new Map<string, Promise<BlobRecord>>();
  const unique = new Map(layers.map((layer) => [layer.blob.digest, layer]));
  // The topmost first, as Docker has them.
  const ordered = [...unique.values()].toReversed();
  for (const { diffId } of ordered) push.progress({ id: shortId(diffId), status: 'Preparing' });
  for (const layer of ordered) {
    const task = pushLayer(parts, push, layer);
    task.catch(push.fail);
    tasks.set(layer.blob.digest, task);
  }
  await Promise.allSettled(tasks.values());
  const failure: unknown = push.signal.reason;
  if (push.signal.aborted) throw failure;
  return await Promise.all(layers.map(async ({ blob }) => (await tasks.get(blob.digest)) ?? blob));
}

async function pushLayer(parts: ImageParts, push: LayerPush, layer: OutgoingLayer): Promise<BlobRecord> {
  const { progress, pusher, reference, signal } = push;
  const id = shortId(layer.diffId);
  const work = async (): Promise<BlobRecord> => {
    signal.throwIfAborted();
    const early = new EarlyUpload(pusher);
    const blob = push.isFixed ? layer.blob : await compressed(parts, push, layer, early);
    const report = meter(progress, id, 'Pushing', blob.size);
    const outcome = await pushOne(parts, { pusher, reference, signal, early }, blob, report);
    progress({ id, status: describe(outcome) });
    return blob;
  };
  return await parts.uploadSlots.run(work, () => progress({ id, status: 'Waiting' }));
}

/** One blob of an image: a layer or the configuration. */
export function pushOne(
  parts: ImageParts,
  push: Pick<LayerPush, 'pusher' | 'reference' | 'signal'> & Pick<BlobPush, 'early'>,
  blob: BlobRecord,
  report: (current: number) => void,
): Promise<BlobOutcome> {
  const { pusher, reference, signal, early } = push;
  const mountable = mountableFrom(parts, reference, blob.digest);
  const { blobs, uploads } = parts;
  return uploads.using(digestReference(reference, blob.digest), (place) =>
    pushBlob({ pusher, blobs, blob, place, mountable, early, report, signal }),
  );
}

function describe(outcome: BlobOutcome): string {
  if (outcome.kind === 'exists') return 'Layer already exists';
  return outcome.kind === 'pushed' ? 'Pushed' : `Mounted from ${outcome.from}`;
}

/** The layer's blob, compressed where it is not; images name that one from then on, so that it is done once. */
async function compressed(
  parts: ImageParts,
  push: LayerPush,
  layer: OutgoingLayer,
  early: EarlyUpload,
): Promise<BlobRecord> {
  const { blob } = layer;
  if (!parts.blobs.has(blob.digest)) throw missing(blob.digest);
  if (compressionOf(blob.mediaType) !== 'none') return blob;
  const report = meter(push.progress, shortId(layer.diffId), 'Compressing', blob.size);
  const result = await compressBlob(parts, blob, push.lease, report, push.signal, (file) => {
    // A small one goes with the request that ends its upload.
    if (blob.size > smallSize) early.begin(file);
  });
  push.lease.add(result.digest);
  await adoptCompressed(parts, blob.digest, result);
  return result;
}

function missing(digest: string): EngineError {
  return new EngineError('data-loss', `the layer ${digest} of the image is not here any more`, {
    hint: 'remove the image, and pull or build it again',
  });
}

/** Images whose own manifest names the plain blob keep it: theirs goes out as it came. */
export async function adoptCompressed(
  parts: Pick<ImageParts, 'table' | 'blobs'>,
  plain: string,
  result: BlobRecord,
): Promise<void> {
  const { table } = parts;
  for (const id of table.ids()) {
    const before = table.record(id);
    if (before === undefined || !before.layers.some(({ blob }) => blob.digest === plain)) continue;
    const original = await originalManifest(parts, id, before);
    // It may have been removed meanwhile.
    const record = table.record(id);
    if (original !== undefined || record === undefined) continue;
    const layers = record.layers.map((layer) =>
      layer.blob.digest === plain ? { ...layer, blob: result } : layer,
    );
    table.put(id, { ...record, layers }, []);
  }
}

/** Repositories of the same registry that an image with this blob was pulled from or pushed to, the most alike first. */
function mountableFrom({ table }: Pick<ImageParts, 'table'>, reference: Reference, digest: string): string[] {
  const paths = new Set<string>();
  for (const id of table.ids()) {
    const record = table.record(id);
    if (record === undefined || !record.layers.some(({ blob }) => blob.digest === digest)) continue;
    for (const known of table.referencesTo(id)) {
      const isThere = known.digest !== undefined && known.domain === reference.domain;
      if (isThere && known.path !== reference.path) paths.add(known.path);
    }
  }
  return [...paths].toSorted((a, b) => likeness(b, reference.path) - likeness(a, reference.path));
}

/** Parts of the path that are the same, from the left: the same owner's repository is likely to be ours to read. */
function likeness(path: string, target: string): number {
  const parts = target.split('/');
  const differs = path.split('/').findIndex((part, index) => part !== parts[index]);
  return differs === -1 ? parts.length : differs;
}

/** The name by which a repository knows a manifest. */
export function digestReference({ domain, path }: Reference, digest: string): string {
  return canonicalReference({ domain, path, digest });
}
