/** Beginning a blob upload (distribution-spec, end-4a, end-4b and end-11): a session, all of it at once, or a mount. */

import { isDigest } from '../../oci/digest.ts';
import type { StoredBlob } from '../registry-types.ts';
import { emitEvent } from './emit-event.ts';
import { type Exchange, send } from './exchange.ts';
import { checkDigest, isRepositoryName } from './names.ts';
import { announcedLength } from './receive-body.ts';
import {
  announcedChunk,
  answerCreated,
  checkOrder,
  commitUpload,
  endQuietly,
  receiveChunk,
  uploadHeaders,
} from './upload-parts.ts';

/** Repositories that are searched for a blob whose mount names none. */
const searchedRepositories = 200;
const octets = 'application/octet-stream';

/** `POST /v2/<name>/blobs/uploads/`. */
export async function beginUpload(exchange: Exchange): Promise<void> {
  const { query } = exchange.route;
  const wanted = query.get('mount');
  if (wanted !== null && (await mount(exchange, wanted, query.get('from')))) return;
  const digest = query.get('digest');
  if (digest === null) await beginSession(exchange);
  else await uploadAtOnce(exchange, checkDigest(digest));
}

async function beginSession(exchange: Exchange): Promise<void> {
  const { context, route, request } = exchange;
  await context.parts.policy?.checkPush(route.repository, 0);
  const upload = await context.turns.begin(route.repository, request);
  await upload.suspend();
  const headers = uploadHeaders(exchange, upload.id, 0);
  const { minimumChunk } = context.storage;
  if (minimumChunk !== undefined) headers.push('OCI-Chunk-Min-Length', String(minimumChunk));
  send(exchange, 202, headers);
}

/** Nobody knows of this upload but the request: where that fails, nothing is kept. */
async function uploadAtOnce(exchange: Exchange, digest: string): Promise<void> {
  const { context, route, request } = exchange;
  const chunk = announcedChunk(exchange);
  await context.parts.policy?.checkPush(route.repository, announcedLength(request) ?? 0);
  const upload = await context.turns.begin(route.repository, request);
  try {
    checkOrder(exchange, chunk, upload);
    await receiveChunk(exchange, upload, chunk);
  } catch (error) {
    await endQuietly(upload.cancel());
    throw error;
  }
  const size = await commitUpload(upload, digest);
  answerCreated(exchange, digest);
  emitEvent(exchange, { action: 'push', digest, mediaType: octets, size });
}

/** False where the blob must be uploaded: it is not here, or not for this client to know of. */
async function mount(exchange: Exchange, digest: string, from: string | null): Promise<boolean> {
  if (!isDigest(digest)) return false;
  const blob = await (from === null ? linkKnown(exchange, digest) : mountFrom(exchange, digest, from));
  if (blob === undefined) return false;
  answerCreated(exchange, digest);
  const mounted = { action: 'mount', digest, mediaType: octets, size: blob.size } as const;
  emitEvent(exchange, from === null ? mounted : { ...mounted, fromRepository: from });
  return true;
}

async function mountFrom(exchange: Exchange, digest: string, from: string): Promise<StoredBlob | undefined> {
  const { context, route, principal } = exchange;
  const { storage, parts } = context;
  if (!isRepositoryName(from) || !(await parts.access.mayPull(principal, from))) return undefined;
  if (parts.policy !== undefined) {
    const blob = await storage.blob(from, digest);
    if (blob === undefined) return undefined;
    await parts.policy.checkPush(route.repository, blob.size, from);
  }
  return await storage.mount(route.repository, digest, from);
}

/** Without `from`: wherever this client may pull it from, as far as that is found quickly. */
async function linkKnown(exchange: Exchange, digest: string): Promise<StoredBlob | undefined> {
  const { storage, parts } = exchange.context;
  const own = await storage.blob(exchange.route.repository, digest);
  if (own !== undefined) return own;
  if (parts.settings.mountsAnywhere === true && parts.policy === undefined)
    return await storage.mount(exchange.route.repository, digest, undefined);
  for (const name of await storage.repositories({ limit: searchedRepositories })) {
    const blob = await mountFrom(exchange, digest, name);
    if (blob !== undefined) return blob;
  }
  return undefined;
}
