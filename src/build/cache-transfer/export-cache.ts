/** Writes a build's cache to a registry or an OCI layout: a manifest over the steps' layers, with the cache's configuration. */
import { Readable } from 'node:stream';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import type { BuildLease } from '../../images/image-builds.ts';
import type { BlobRecord, LayerOfImage } from '../../images/image-records.ts';
import type { ImageTransfers } from '../../images/image-types.ts';
import { digestOf } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import { parseReference } from '../../oci/reference.ts';
import type { Snapshotter } from '../../snapshots/snapshotter.ts';
import type { CacheReference } from '../build-types.ts';
import type { BuiltStep, OutputJob, StepReport } from '../built-image.ts';
import type { Document } from '../outputs/image-manifests.ts';
import { flagOf, formOf } from '../outputs/output-options.ts';
import {
  type CachedLayer,
  type CachedMount,
  type CachedStep,
  cacheConfig,
  cacheConfigType,
} from './cache-config.ts';
import { nameInIndex } from './layout-index.ts';

export interface CacheTransferParts {
  transfers: ImageTransfers;
  snapshots: Pick<Snapshotter, 'mergedTar'>;
}

interface ExportedCache {
  manifest: Document;
  blobs: readonly BlobRecord[];
}

/** Returns what the client is told: `cache.manifest`, a descriptor, for a layout. EngineErrors; none with `ignore-error`. */
export async function exportCache(
  parts: CacheTransferParts,
  lease: BuildLease,
  job: OutputJob,
  target: CacheReference,
): Promise<Record<string, string>> {
  const { type, attributes } = target;
  if (type === 'inline') return {};
  const name = type === 'registry' ? 'exporting cache to registry' : 'exporting cache to client directory';
  const mayFail = flagOf(attributes, 'ignore-error') === true;
  return await job.step(name, async (report) => {
    try {
      const cache = await makeCache(parts, lease, job, target);
      report.log(`writing cache manifest ${cache.manifest.digest}\n`);
      if (type === 'registry') await toRegistry(parts, job, target, cache, report);
      else await toLayout(parts, target, cache, job.signal);
      const { mediaType, digest, data } = cache.manifest;
      return type === 'registry'
        ? {}
        : { 'cache.manifest': JSON.stringify({ mediaType, digest, size: data.length }) };
    } catch (error) {
      if (!mayFail || job.signal.aborted) throw error;
      report.log(`exporting the cache failed: ${messageOf(error)}\n`);
      return {};
    }
  });
}

async function makeCache(
  { transfers, snapshots }: CacheTransferParts,
  lease: BuildLease,
  job: OutputJob,
  { attributes }: CacheReference,
): Promise<ExportedCache> {
  const form = formOf(attributes);
  const steps = stepsOf(job, attributes['mode'] ?? 'min');
  const blobs = new Map<string, BlobRecord>();
  const inForm = async (layer: LayerOfImage): Promise<CachedLayer> => {
    const blob = await transfers.inForm(lease, layer, form, job.signal);
    blobs.set(blob.digest, blob);
    return { diffId: layer.diffId, blob };
  };
  const layers = await inForms(steps, inForm);
  const cached = new Map<string, CachedStep>();
  for (const step of steps)
    cached.set(step.key, {
      layers: step.layers.flatMap(({ diffId }) => layers.get(diffId) ?? []),
      createdAt: step.createdAt,
    });
  const wanted = flagOf(attributes, 'mounts') === true ? mountsOf(job, steps) : [];
  const mounts: CachedMount[] = [];
  for (const { id, root } of wanted) {
    const tar = snapshots.mergedTar({ directory: root });
    const { digest, size } = await transfers.take(lease, tar, job.signal);
    const plain = { digest, size, mediaType: mediaTypes.ociLayer };
    mounts.push({ id, layer: await inForm({ diffId: digest, chainId: digest, blob: plain }) });
  }
  const config = Buffer.from(JSON.stringify(cacheConfig({ steps: cached, mounts })));
  const digest = await transfers.put(lease, config);
  const descriptor = { mediaType: cacheConfigType, digest, size: config.length };
  return { manifest: manifestOf(descriptor, [...blobs.values()]), blobs: [...blobs.values(), descriptor] };
}

/** Each layer once, side by side. */
async function inForms(
  steps: readonly BuiltStep[],
  form: (layer: LayerOfImage) => Promise<CachedLayer>,
): Promise<Map<string, CachedLayer>> {
  const unique = new Map(steps.flatMap(({ layers }) => layers).map((layer) => [layer.diffId, layer]));
  const made = await Promise.all([...unique.values()].map(form));
  return new Map(made.map((layer) => [layer.diffId, layer]));
}

/** `min`: what the target itself is made of; `max`: all that was run or found. */
function stepsOf({ images }: OutputJob, mode: string): BuiltStep[] {
  if (mode !== 'min' && mode !== 'max') {
    throw new EngineError('invalid-argument', `invalid cache mode ${JSON.stringify(mode)}`, {
      hint: 'choose min or max',
    });
  }
  const all = images.flatMap(({ steps }) => steps).filter(({ isOfTarget }) => mode === 'max' || isOfTarget);
  return [...new Map(all.map((step) => [step.key, step])).values()];
}

function mountsOf({ cacheMounts }: OutputJob, steps: readonly BuiltStep[]): OutputJob['cacheMounts'] {
  const used = new Set(steps.flatMap(({ cacheMounts: ids }) => ids));
  const wanted = cacheMounts.filter(({ id }) => used.has(id));
  return wanted.filter(({ id }, index) => wanted.findIndex((one) => one.id === id) === index);
}

function manifestOf(config: BlobRecord, layers: readonly BlobRecord[]): Document {
  const mediaType = mediaTypes.ociManifest;
  const data = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  return { mediaType, digest: digestOf(data), data };
}

async function toRegistry(
  { transfers }: CacheTransferParts,
  { request, signal }: OutputJob,
  { attributes }: CacheReference,
  { manifest, blobs }: ExportedCache,
  report: StepReport,
): Promise<void> {
  const reference = attributes['ref'] ?? '';
  if (reference === '') throw needs('ref', 'the name of a repository: ref=REGISTRY/NAME:TAG');
  const auth = await request.secrets.credentials(parseReference(reference).domain, signal);
  const isInsecure = flagOf(attributes, 'registry.insecure') === true;
  await transfers.push({ reference, auth, isInsecure, signal }, async (push) => {
    const outcomes = await Promise.allSettled(
      blobs.map(async (blob) => {
        const part = { id: blob.digest, name: `writing layer ${blob.digest}`, total: blob.size };
        const startedAt = Date.now();
        await push.blob(blob, (current) => report.progress({ ...part, current, startedAt }));
        report.progress({ ...part, current: blob.size, startedAt, completedAt: Date.now() });
      }),
    );
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await push.manifest(push.reference.tag ?? 'latest', manifest);
  });
}

async function toLayout(
  { transfers }: CacheTransferParts,
  { content, attributes }: CacheReference,
  { manifest, blobs }: ExportedCache,
  signal: AbortSignal,
): Promise<void> {
  if (content === undefined) throw needs('dest', 'a directory of the client: dest=PATH');
  for (const { digest, size } of blobs) {
    signal.throwIfAborted();
    await content.write(digest, size, await transfers.open(digest));
  }
  await content.write(manifest.digest, manifest.data.length, Readable.from([manifest.data]));
  if (content.hasIndex === true) await nameInIndex(content, manifest, attributes['tag']);
}

function needs(name: string, hint: string): EngineError {
  return new EngineError('invalid-argument', `the cache export needs ${name}`, { hint });
}
