/** Pulling manifests (distribution-spec, end-3): by tag or digest, with the conditions and media types that the client names. */

import { mediaTypes } from '../../oci/media-types.ts';
import type { StoredManifest } from '../registry-types.ts';
import { accepts, isUnchanged } from './conditions.ts';
import { emitWhenSent } from './emit-event.ts';
import { type Exchange, send } from './exchange.ts';
import { defaultChild } from './manifest-document.ts';
import { checkDigest, isTag } from './names.ts';
import { registryError } from './registry-error.ts';
import { namespaceOf, upstreamOf } from './upstream.ts';

function unknownManifest(exchange: Exchange, message?: string): Error {
  const { repository, reference } = exchange.route;
  return registryError('MANIFEST_UNKNOWN', {
    ...(message === undefined ? {} : { message }),
    detail: { name: repository, reference: reference.slice(0, 200) },
  });
}

/** The digest that the reference names. A reference that could be neither tag nor digest names nothing that is here. */
async function resolve(exchange: Exchange): Promise<string> {
  const { repository, reference } = exchange.route;
  if (reference.includes(':')) return checkDigest(reference);
  const tag = isTag(reference) ? await exchange.context.storage.tag(repository, reference) : undefined;
  if (tag === undefined) throw unknownManifest(exchange);
  return tag.digest;
}

async function find(exchange: Exchange, digest: string): Promise<StoredManifest> {
  const manifest = await exchange.context.storage.manifest(exchange.route.repository, digest);
  if (manifest === undefined) throw unknownManifest(exchange);
  return manifest;
}

/**
 * Clients that do not accept what is here get what distribution gives them: no OCI documents, for a Docker manifest list by tag its part for
 * linux/amd64, and other Docker manifests as they are.
 */
async function negotiate(exchange: Exchange, manifest: StoredManifest): Promise<StoredManifest> {
  const { mediaType, digest } = manifest;
  if (accepts(exchange.request.headers.accept, mediaType)) return manifest;
  if (mediaType === mediaTypes.ociManifest)
    throw unknownManifest(exchange, 'OCI manifest found, but accept header does not support OCI manifests');
  if (mediaType === mediaTypes.ociIndex)
    throw unknownManifest(exchange, 'OCI index found, but accept header does not support OCI indexes');
  if (mediaType !== mediaTypes.dockerManifestList || exchange.route.reference.includes(':')) return manifest;
  const child = defaultChild(await exchange.context.hot.read(digest));
  await upstreamOf(exchange)?.bringManifest(child);
  return await find(exchange, child);
}

function headersOf({ digest, mediaType }: StoredManifest, exchange: Exchange): string[] {
  const etag = `"${digest}"`;
  const headers = [
    'Content-Type',
    mediaType,
    'Docker-Content-Digest',
    digest,
    'Etag',
    etag,
    'Vary',
    'Accept',
  ];
  return [...headers, ...namespaceOf(exchange)];
}

/** `GET` and `HEAD /v2/<name>/manifests/<reference>`. */
export async function getManifest(exchange: Exchange): Promise<void> {
  const { context, route, request, method } = exchange;
  const upstream = upstreamOf(exchange);
  if (upstream !== undefined && (route.reference.includes(':') || isTag(route.reference)))
    await upstream.bringManifest(route.reference);
  const manifest = await negotiate(exchange, await find(exchange, await resolve(exchange)));
  const { digest, mediaType, size } = manifest;
  context.storage.notePull(route.repository, digest);
  const headers = headersOf(manifest, exchange);
  if (isUnchanged(request.headers['if-none-match'], digest)) {
    send(exchange, 304, headers);
    return;
  }
  const data = context.hot.get(digest) ?? (await context.hot.read(digest));
  if (method === 'GET')
    emitWhenSent(exchange, {
      action: 'pull',
      digest,
      mediaType,
      size,
      ...(route.reference.includes(':') ? {} : { tag: route.reference }),
    });
  send(exchange, 200, headers, data);
}
