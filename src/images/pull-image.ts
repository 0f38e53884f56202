/** Pulls an image: manifest, configuration, layers, and only then its name. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { ImageConfig } from '../oci/image-config.ts';
import { parseImageConfig } from '../oci/parse-image-config.ts';
import { hostPlatform, parsePlatform } from '../oci/platform.ts';
import {
  canonicalReference,
  familiarReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/reference.ts';
import { downloadBlob } from './download-blob.ts';
import { fetchManifest, type ResolvedManifest } from './fetch-manifest.ts';
import type { ImageParts } from './image-parts.ts';
import type { PullRequest } from './image-types.ts';
import type { Lease } from './leases.ts';
import { layersOf, pullLayers } from './pull-layers.ts';
import { storedReference } from './resolve-image.ts';

export interface PulledImage {
  id: string;
  /** The name meant something else before. */
  isNew: boolean;
}

/** Returns the image's ID. Rejects with EngineError in Docker's words; a partial download is kept to go on with, unless the disk is full. */
export async function pullImage(parts: ImageParts, request: PullRequest): Promise<string> {
  const reference = withDefaultTag(parseReference(request.reference));
  const { id, isNew } = await pullReference(parts, reference, request);
  reportStatus(request, familiarReference(reference), isNew);
  return id;
}

/** The last line of a pull. */
export function reportStatus({ progress }: PullRequest, name: string, isNew: boolean): void {
  const status = isNew ? 'Downloaded newer image for' : 'Image is up to date for';
  progress({ status: `Status: ${status} ${name}` });
}

/** One image of a pull, up to the line that says its digest. */
export async function pullReference(
  parts: ImageParts,
  reference: Reference,
  request: PullRequest,
): Promise<PulledImage> {
  const platform = request.platform ? parsePlatform(request.platform) : hostPlatform();
  const { transport, config, collector } = parts;
  const { auth, signal } = request;
  const resolved = await fetchManifest({ transport, config, reference, platform, auth, signal });
  request.progress({ status: `Pulling from ${reference.path}`, id: reference.digest ?? reference.tag ?? '' });
  const lease = collector.lease();
  try {
    const id = await bringHere(parts, request, resolved, lease);
    const isNew = nameImage(parts, reference, resolved, id);
    request.progress({ status: `Digest: ${resolved.documents[0]?.digest ?? ''}` });
    collector.release(lease);
    return { id, isNew };
  } catch (error) {
    if (isEngineError(error, 'resource-exhausted')) await forget(parts, lease);
    else collector.release(lease);
    throw error;
  }
}

/** Fetches all that is missing and stores the image, without a name as yet. */
async function bringHere(
  parts: ImageParts,
  request: PullRequest,
  { client, manifest, documents }: ResolvedManifest,
  lease: Lease,
): Promise<string> {
  const { blobs, table } = parts;
  const imageId = manifest.config.digest;
  const manifestDigests = documents.map(({ digest }) => digest);
  lease.add(imageId, ...manifestDigests);
  const record = table.record(imageId);
  const isWhole = record?.layers.every(({ chainId }) => parts.snapshots.hasLayer(chainId)) === true;
  const known = isWhole ? record : undefined;
  if (known === undefined) {
    const work = (_: unknown, signal: AbortSignal): Promise<void> =>
      downloadBlob(client, blobs, manifest.config, () => undefined, signal);
    await parts.downloads.run(imageId, work, () => undefined, request.signal);
  }
  const config = known?.config ?? checkSystem(parseImageConfig(await blobs.read(imageId)));
  const layers =
    known?.layers ??
    (await pullLayers(
      parts,
      { client, progress: request.progress, lease, signal: request.signal ?? new AbortController().signal },
      layersOf(manifest, config),
    ));
  for (const document of documents) await blobs.put(document.data);
  table.put(imageId, { config, layers, manifestDigests }, []);
  return imageId;
}

/** On a full disk, nothing of a failed pull may stay. */
async function forget({ collector, blobs }: ImageParts, lease: Lease): Promise<void> {
  await collector.releaseAndCollect(lease);
  for (const digest of lease.held) await blobs.discardIngest(digest);
}

function checkSystem(config: ImageConfig): ImageConfig {
  if (config.os === 'linux') return config;
  throw new EngineError(
    'invalid-argument',
    `image operating system "${config.os}" cannot be used on this platform`,
    {
      hint: 'Gantry runs images for Linux',
    },
  );
}

/** Gives the image the name it was pulled by, and its repository's digest. True where the name meant something else before. */
function nameImage(
  parts: ImageParts,
  reference: Reference,
  { documents }: ResolvedManifest,
  imageId: string,
): boolean {
  const { table } = parts;
  const { domain, path } = reference;
  const digest = documents[0]?.digest;
  const stored = storedReference(reference);
  const isNew = table.referenced(stored) !== imageId;
  const references = [
    stored,
    ...(digest === undefined ? [] : [canonicalReference({ domain, path, digest })]),
  ];
  const record = table.record(imageId);
  if (record !== undefined)
    table.put(
      imageId,
      record,
      isNew ? references : references.filter((name) => table.referenced(name) !== imageId),
    );
  return isNew;
}
