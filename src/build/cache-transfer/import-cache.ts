/** Reads caches of other builds, from registries and OCI layouts: what they have is known at once, layers are brought when a step wants them. */
import type { Readable } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import type { BuildLease } from '../../images/image-builds.ts';
import type { LayerSource } from '../../images/transfer-types.ts';
import { parseBoundedJson } from '../../oci/bounded-json.ts';
import { digestOf } from '../../oci/digest.ts';
import { type Descriptor, type Manifest, parseManifest } from '../../oci/manifest.ts';
import { parseReference } from '../../oci/reference.ts';
import type { BuildRequest, CacheReference } from '../build-types.ts';
import type { CacheMountPlaces, ImportedCache, ImportedStep } from '../built-image.ts';
import { Progress } from '../machine/progress.ts';
import { flagOf } from '../outputs/output-options.ts';
import { asObject, type CacheContent, cacheConfigType, parseCacheConfig } from './cache-config.ts';
import type { CacheTransferParts } from './export-cache.ts';
import { fillMount, type MountParts } from './import-mounts.ts';
import { inlineCacheOf } from './inline-cache.ts';
import { findInIndex } from './layout-index.ts';

export type ImportParts = CacheTransferParts & MountParts;

/** Bytes of a configuration: a hundred thousand steps. */
const maxConfig = 32 * 1024 * 1024;

interface OpenedCache {
  source: LayerSource;
  content: CacheContent;
}

/** Where documents and layers of one cache are read. */
interface CacheSource extends LayerSource {
  document(digest: string): Promise<Buffer>;
}

/** A cache that can't be read is told of as a step that failed, and is empty. Rejects only where `signal` aborts. */
export async function importCaches(
  parts: ImportParts,
  request: BuildRequest,
  signal: AbortSignal,
  places: CacheMountPlaces | undefined,
): Promise<ImportedCache> {
  const progress = new Progress(request.onEvent);
  const lease = parts.transfers.lease();
  const open = async (from: CacheReference): Promise<OpenedCache[]> => {
    const name = `importing cache manifest from ${from.attributes['ref'] ?? from.attributes['src'] ?? from.type}`;
    try {
      return [
        await progress.step({ name }, () => openCache(parts, request, from, { lease, places, signal })),
      ];
    } catch {
      signal.throwIfAborted();
      return [];
    }
  };
  const opened = (await Promise.all(request.cacheFrom.map(open))).flat();
  return {
    find: (key) => stepOf(parts, lease, opened, key),
    close: () => parts.transfers.release(lease),
  };
}

function stepOf(
  { transfers }: ImportParts,
  lease: BuildLease,
  caches: readonly OpenedCache[],
  key: string,
): ImportedStep | undefined {
  for (const { source, content } of caches) {
    const step = content.steps.get(key);
    if (step === undefined) continue;
    return {
      createdAt: step.createdAt,
      diffIds: step.layers.map(({ diffId }) => diffId),
      fetch: (signal) => transfers.layers(lease, source, step.layers, signal),
    };
  }
  return undefined;
}

interface Opening {
  lease: BuildLease;
  places: CacheMountPlaces | undefined;
  signal: AbortSignal;
}

async function openCache(
  parts: ImportParts,
  request: BuildRequest,
  from: CacheReference,
  { lease, places, signal }: Opening,
): Promise<OpenedCache> {
  const { source, data, mediaType } =
    from.type === 'registry' || from.type === 'inline'
      ? await fromRegistry(parts, request, from, signal)
      : await fromLayout(from);
  const content = await contentOf(source, data, mediaType);
  if (places !== undefined && flagOf(from.attributes, 'mounts') === true)
    for (const mount of content.mounts) await fillMount(parts, lease, source, mount, places, signal);
  return { source, content };
}

interface OpenedManifest {
  source: CacheSource;
  data: Buffer;
  mediaType: string;
}

async function fromRegistry(
  { transfers }: ImportParts,
  request: BuildRequest,
  { attributes }: CacheReference,
  signal: AbortSignal,
): Promise<OpenedManifest> {
  const reference = attributes['ref'] ?? '';
  if (reference === '') throw new EngineError('invalid-argument', 'the cache import needs ref');
  const auth = await request.secrets.credentials(parseReference(reference).domain, signal);
  const isInsecure = flagOf(attributes, 'registry.insecure') === true;
  const { client, answer } = await transfers.fetch({ reference, auth, isInsecure, signal });
  const source: CacheSource = {
    blob: (digest, offset, own) => client.blob(digest, offset, own),
    document: async (digest) => {
      try {
        return (await client.manifest(digest, signal)).data;
      } catch {
        return await whole((await client.blob(digest, 0, signal)).body, digest);
      }
    },
  };
  return { source, data: answer.data, mediaType: answer.mediaType };
}

async function fromLayout({ attributes, content }: CacheReference): Promise<OpenedManifest> {
  const digest =
    attributes['digest'] ??
    (content?.hasIndex === true ? await findInIndex(content, attributes['tag']) : undefined);
  if (content === undefined || digest === undefined) {
    throw new EngineError('invalid-argument', 'the cache import needs src', {
      hint: 'name a directory that a cache was exported to: src=PATH',
    });
  }
  const document = async (name: string): Promise<Buffer> => await whole(await content.read(name), name);
  const blob: LayerSource['blob'] = async (name) => ({ body: await content.read(name), offset: 0 });
  return { source: { blob, document }, data: await document(digest), mediaType: '' };
}

/** A cache's own manifest, or images with a cache in their configuration. */
async function contentOf(source: CacheSource, data: Buffer, mediaType: string): Promise<CacheContent> {
  const document = parseManifest(data, mediaType);
  if (document.kind === 'manifest') return await contentOfManifest(source, document);
  const contents: CacheContent[] = [];
  for (const { digest } of document.manifests.filter(isImage)) {
    const inner = parseManifest(await source.document(digest));
    if (inner.kind === 'manifest') contents.push(await contentOfManifest(source, inner));
  }
  return {
    steps: new Map(contents.flatMap(({ steps }) => [...steps])),
    mounts: contents.flatMap(({ mounts }) => mounts),
  };
}

/** Attestations have a platform that nothing runs on; caches that BuildKit writes as an index have layers in it. */
function isImage({ mediaType, platform }: Descriptor): boolean {
  return mediaType.includes('manifest') && platform?.os !== 'unknown';
}

async function contentOfManifest(source: CacheSource, { config, layers }: Manifest): Promise<CacheContent> {
  const data = await whole((await source.blob(config.digest, 0)).body, config.digest);
  if (config.mediaType === cacheConfigType) return parseCacheConfig(data);
  const image = asObject(parseBoundedJson(data.toString('utf8'), 'invalid image configuration'));
  const blobs = layers.map(({ digest, mediaType, size }) => ({ digest, mediaType, size }));
  return { steps: inlineCacheOf(image, blobs), mounts: [] };
}

/** Verified. */
async function whole(stream: Readable, digest: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(Buffer.from(chunk));
    length += chunk.length;
    if (length > maxConfig)
      throw new EngineError('resource-exhausted', `the cache's document ${digest} is too large`);
  }
  const data = Buffer.concat(chunks);
  if (digestOf(data) === digest) return data;
  throw new EngineError('data-loss', `the cache's document ${digest} has other bytes than its name says`);
}
