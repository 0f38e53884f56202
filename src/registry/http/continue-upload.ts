/** Going on with a blob upload (distribution-spec, end-5, end-6, end-13 and end-14): chunks, the end, the state, and giving up. */
import { emitEvent } from './emit-event.ts';
import { type Exchange, send } from './exchange.ts';
import { checkDigest } from './names.ts';
import { registryError } from './registry-error.ts';
import {
  announcedChunk,
  answerCreated,
  checkOrder,
  commitUpload,
  endQuietly,
  receiveChunk,
  uploadHeaders,
} from './upload-parts.ts';
import type { HeldUpload } from './upload-turns.ts';

/** Takes the request's chunk. Whatever goes wrong, what came is kept for the next request. */
async function takeChunk(exchange: Exchange): Promise<HeldUpload> {
  const { context, route, request } = exchange;
  const chunk = announcedChunk(exchange);
  const upload = await context.turns.resume(route.repository, route.reference, request);
  try {
    checkOrder(exchange, chunk, upload);
    await receiveChunk(exchange, upload, chunk);
    return upload;
  } catch (error) {
    await endQuietly(upload.suspend());
    throw error;
  }
}

/** `PATCH <location>`: a chunk, or, without `Content-Range`, whatever comes, which is how Docker streams a layer. */
export async function patchUpload(exchange: Exchange): Promise<void> {
  const upload = await takeChunk(exchange);
  await upload.suspend();
  send(exchange, 202, uploadHeaders(exchange, upload.id, upload.offset));
}

/** `PUT <location>?digest=<digest>`, with the last chunk or without a body. */
export async function putUpload(exchange: Exchange): Promise<void> {
  const digest = checkDigest(exchange.route.query.get('digest') ?? '');
  const upload = await takeChunk(exchange);
  const size = await commitUpload(upload, digest);
  answerCreated(exchange, digest);
  emitEvent(exchange, { action: 'push', digest, mediaType: 'application/octet-stream', size });
}

/** `GET <location>`. */
export async function getUpload(exchange: Exchange): Promise<void> {
  const { context, route } = exchange;
  const status = await context.storage.uploadStatus(route.repository, route.reference);
  if (status === undefined)
    throw registryError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: route.reference.slice(0, 100) } });
  send(exchange, 204, uploadHeaders(exchange, status.id, status.offset));
}

/** `DELETE <location>`. */
export async function deleteUpload(exchange: Exchange): Promise<void> {
  const { context, route, request } = exchange;
  const upload = await context.turns.resume(route.repository, route.reference, request);
  await upload.cancel();
  send(exchange, 204, ['Docker-Upload-UUID', upload.id]);
}
