/** Pushes an image: layers, configuration, and only then the manifest under its tag. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { formatPlatform, parsePlatform, platformMatches } from '../oci/platform.ts';
import {
  canonicalName,
  canonicalReference,
  familiarName,
  familiarReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/reference.ts';
import { firstOwnEndpoint } from './fetch-manifest.ts';
import type { ImageParts } from './image-parts.ts';
import type { ImageRecord } from './image-records.ts';
import type { PushRequest } from './image-types.ts';
import type { Lease } from './leases.ts';
import { digestReference, type LayerPush, pushLayers, pushOne } from './push-layers.ts';
import { makeManifest, type OutgoingManifest, originalManifest, wantsOci } from './push-manifest.ts';
import { RegistryPusher } from './registry/registry-pusher.ts';

/** A reference by tag. */
type Tagged = Reference & { tag: string };

/** EngineErrors in Docker's words: `not-found` where there is no such tag here, `unauthorized`, `forbidden`, `unavailable`. */
export async function pushImage(parts: ImageParts, request: PushRequest): Promise<void> {
  const reference = parseReference(request.reference);
  if (reference.digest !== undefined)
    throw new EngineError('invalid-argument', 'cannot push a digest reference', { hint: 'push it by a tag' });
  request.progress({ status: `The push refers to repository [${canonicalName(reference)}]` });
  const tagged = referencesToPush(parts, reference, request.allTags);
  const controller = new AbortController();
  const signal = AbortSignal.any([
    controller.signal,
    ...(request.signal === undefined ? [] : [request.signal]),
  ]);
  try {
    const pusher = await connect(parts, reference, request, signal);
    for (const one of tagged)
      await pushTagged(parts, request, one, { pusher, signal, fail: (error) => controller.abort(error) });
  } catch (error) {
    if (request.signal?.aborted !== true || isEngineError(error, 'cancelled')) throw error;
    throw new EngineError('cancelled', 'the push was cancelled', { cause: error });
  }
}

/** EngineError `not-found`, in the two ways in which Docker says it. */
function referencesToPush({ table }: ImageParts, reference: Reference, allTags: boolean): Tagged[] {
  const name = canonicalName(reference);
  const known = table
    .ids()
    .flatMap((id) => table.referencesTo(id))
    .filter((one): one is Tagged => one.tag !== undefined && canonicalName(one) === name);
  if (known.length === 0) {
    throw new EngineError(
      'not-found',
      `An image does not exist locally with the tag: ${familiarName(reference)}`,
      { hint: 'tag an image with this name first' },
    );
  }
  if (allTags) return known.toSorted((a, b) => (a.tag < b.tag ? -1 : 1));
  const wanted = withDefaultTag(reference);
  const found = known.find(({ tag }) => tag === wanted.tag);
  if (found !== undefined) return [found];
  throw new EngineError('not-found', `tag does not exist: ${familiarReference(wanted)}`, {
    hint: `push one of the tags that exist: ${known.map(({ tag }) => tag).join(', ')}`,
  });
}

function connect(
  { transport, config }: ImageParts,
  reference: Reference,
  { auth }: PushRequest,
  signal: AbortSignal,
): Promise<RegistryPusher> {
  return firstOwnEndpoint(reference.domain, config, async (endpoint) => {
    const pusher = new RegistryPusher(transport, endpoint, reference, auth, signal);
    await pusher.ping();
    return pusher;
  });
}

type Connection = Pick<LayerPush, 'pusher' | 'signal' | 'fail'>;

async function pushTagged(
  parts: ImageParts,
  request: PushRequest,
  reference: Tagged,
  connection: Connection,
): Promise<void> {
  const { table, collector } = parts;
  const imageId = table.referenced(canonicalReference(reference)) ?? '';
  const record = table.record(imageId);
  if (record === undefined)
    throw new EngineError('not-found', `tag does not exist: ${familiarReference(reference)}`);
  checkPlatform(record, request.platform, reference);
  const lease = collector.lease();
  lease.add(imageId, ...record.manifestDigests, ...record.layers.map(({ blob }) => blob.digest));
  try {
    const manifest = await pushContent(parts, request, { ...connection, reference, lease }, imageId);
    await connection.pusher.putManifest(reference.tag, manifest);
    await remember(parts, reference, imageId, manifest, lease);
    const { digest, data } = manifest;
    request.progress({ status: `${reference.tag}: digest: ${digest} size: ${data.length}` });
    request.onPushed?.({ tag: reference.tag, digest, size: data.length });
  } finally {
    await collector.releaseAndCollect(lease);
  }
}

/** All that the manifest names is there when this returns. */
async function pushContent(
  parts: ImageParts,
  { progress }: PushRequest,
  push: Connection & { reference: Tagged; lease: Lease },
  imageId: string,
): Promise<OutgoingManifest> {
  const record = parts.table.record(imageId);
  if (record === undefined) throw new EngineError('not-found', `No such image: ${imageId}`);
  const original = await originalManifest(parts, imageId, record);
  push.lease.add(...(original?.layers.map(({ digest }) => digest) ?? []));
  const layers = record.layers.map(({ diffId, blob }, index) => ({
    diffId,
    blob: original?.layers[index] ?? blob,
  }));
  const pushed = await pushLayers(parts, { ...push, progress, isFixed: original !== undefined }, layers);
  const isOci = original === undefined && (await wantsOci(parts.blobs, record));
  const config = { digest: imageId, size: parts.blobs.size(imageId) };
  const manifest = original ?? makeManifest(config, pushed, isOci);
  await pushOne(parts, push, manifest.config, () => undefined);
  return manifest;
}

/** The image has a digest in this repository now, and the manifest is kept: the next push sends the same bytes. */
async function remember(
  { table, blobs }: ImageParts,
  reference: Reference,
  imageId: string,
  { digest, data }: OutgoingManifest,
  lease: Lease,
): Promise<void> {
  lease.add(digest);
  await blobs.put(data);
  // It may have been removed while it was pushed.
  const record = table.record(imageId);
  if (record === undefined) return;
  const isKnown = record.manifestDigests.includes(digest);
  const manifestDigests = isKnown ? record.manifestDigests : [digest];
  const name = digestReference(reference, digest);
  table.put(imageId, { ...record, manifestDigests }, table.referenced(name) === imageId ? [] : [name]);
}

function checkPlatform({ config }: ImageRecord, wanted: string | undefined, reference: Reference): void {
  if (wanted === undefined || platformMatches(parsePlatform(wanted), config)) return;
  throw new EngineError(
    'not-found',
    `image with reference ${familiarReference(reference)} was found but its platform (${formatPlatform(config)}) does not match the specified platform (${formatPlatform(parsePlatform(wanted))})`,
    { hint: 'pull or build the image for that platform first' },
  );
}
