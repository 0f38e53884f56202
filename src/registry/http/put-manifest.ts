/** Pushing manifests (distribution-spec, end-7): checked, stored byte for byte, and tagged. */
import { finished } from 'node:stream/promises';
import { isEngineError } from '../../errors/engine-error.ts';
import { digestOf } from '../../oci/digest.ts';
import type { Descriptor } from '../../oci/manifest.ts';
import { locationOf } from './client-address.ts';
import { emitEvent } from './emit-event.ts';
import { type Exchange, send } from './exchange.ts';
import { type PushedManifest, readPushedManifest } from './manifest-document.ts';
import { checkDigest, isTag } from './names.ts';
import { receiveDocument } from './receive-body.ts';
import { registryError } from './registry-error.ts';
import { upstreamOf } from './upstream.ts';

/** Bytes of a manifest at most. */
const maxManifest = 4 * 1024 * 1024;
/** Tags that one push by digest may set. */
const maxTags = 100;

/** What the path and `?tag=` name. */
interface Target {
  /** Where the path names one. */
  digest?: string;
  tags: string[];
}

function targetOf({ route }: Exchange): Target {
  const { reference, query } = route;
  const more = query.getAll('tag');
  const target = reference.includes(':')
    ? { digest: checkDigest(reference), tags: more }
    : { tags: [reference, ...more] };
  const bad = target.tags.find((tag) => !isTag(tag));
  if (bad === undefined && target.tags.length <= maxTags) return target;
  throw registryError('MANIFEST_INVALID', {
    message: bad === undefined ? `more than ${maxTags} tags` : 'invalid tag',
    ...(bad === undefined ? {} : { detail: { tag: bad.slice(0, 200) } }),
    hint: 'use 1 to 128 letters, digits, and _ . - (not . or - at the beginning)',
  });
}

async function receive(exchange: Exchange): Promise<Buffer> {
  return await receiveDocument(exchange.request, maxManifest, () =>
    registryError('MANIFEST_INVALID', {
      status: 413,
      message: `manifests may have at most ${maxManifest} bytes`,
      hint: 'push what is large as a blob, and name it in the manifest',
    }),
  );
}

async function checkPolicy(exchange: Exchange, digest: string, size: number, tags: string[]): Promise<void> {
  const { policy } = exchange.context.parts;
  if (policy === undefined) return;
  const { repository } = exchange.route;
  await policy.checkPush(repository, size);
  await policy.checkManifest?.(repository, digest);
  for (const tag of tags) await policy.checkTag(repository, tag, digest);
}

/** Foreign layers need not be here, but those that are must stay. */
async function referencesOf(exchange: Exchange, { required, foreign }: PushedManifest): Promise<string[]> {
  const { context, route } = exchange;
  const references = new Set(required.map(({ digest }) => digest));
  for (const { digest } of foreign)
    if ((await context.storage.blob(route.repository, digest)) !== undefined) references.add(digest);
  return [...references];
}

async function store(
  exchange: Exchange,
  pushed: PushedManifest,
  digest: string,
  data: Buffer,
  tags: string[],
): Promise<void> {
  const { context, route } = exchange;
  const { mediaType, subject, artifactType, annotations } = pushed;
  const manifest = {
    digest,
    mediaType,
    references: await referencesOf(exchange, pushed),
    ...(subject === undefined ? {} : { subject }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
  };
  // Each blob that is missing is waited for once.
  for (let left = manifest.references.length; ; left -= 1) {
    try {
      await context.storage.putManifest(route.repository, manifest, data, tags);
      return;
    } catch (error) {
      if (!isEngineError(error, 'not-found')) throw error;
      const missing = error.details['digest'];
      if (left > 0 && typeof missing === 'string' && (await isOnItsWay(exchange, missing))) continue;
      throw registryError('MANIFEST_BLOB_UNKNOWN', {
        ...(missing === undefined ? {} : { detail: { digest: missing } }),
        cause: error,
      });
    }
  }
}

/** Clients don't send what they were told is there: an upstream's blob, which may be still coming. Waits for it; false where there is none. */
async function isOnItsWay(exchange: Exchange, digest: string): Promise<boolean> {
  const brought = await upstreamOf(exchange)?.bringBlob(digest);
  if (brought === undefined) return false;
  await finished(brought.body.resume(), { writable: false });
  return true;
}

/** `PUT /v2/<name>/manifests/<reference>`; `?tag=` sets more tags. */
export async function putManifest(exchange: Exchange): Promise<void> {
  const { context, request, route } = exchange;
  const target = targetOf(exchange);
  const data = await receive(exchange);
  const digest = digestOf(data);
  if (target.digest !== undefined && target.digest !== digest)
    throw registryError('DIGEST_INVALID', { detail: { expected: target.digest, actual: digest } });
  const { foreignUrls } = context.parts.settings;
  const pushed = readPushedManifest(data, request.headers['content-type'], foreignUrls);
  await checkPolicy(exchange, digest, data.length, target.tags);
  await store(exchange, pushed, digest, data, target.tags);
  const location = locationOf(exchange, `/v2/${route.repository}/manifests/${digest}`);
  const headers = ['Location', location, 'Docker-Content-Digest', digest];
  if (pushed.subject !== undefined) headers.push('OCI-Subject', pushed.subject);
  for (const tag of route.query.getAll('tag')) headers.push('OCI-Tag', tag);
  send(exchange, 201, headers);
  tell(exchange, pushed, digest, data.length, target.tags);
}

function tell(
  exchange: Exchange,
  pushed: PushedManifest,
  digest: string,
  size: number,
  tags: string[],
): void {
  const references = [...pushed.required, ...pushed.foreign].map(describe);
  const facts = { action: 'push', digest, mediaType: pushed.mediaType, size, references } as const;
  if (tags.length === 0) emitEvent(exchange, facts);
  for (const tag of tags) emitEvent(exchange, { ...facts, tag });
}

function describe({ mediaType, digest, size }: Descriptor): {
  mediaType: string;
  digest: string;
  size: number;
} {
  return { mediaType, digest, size };
}
