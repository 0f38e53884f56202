/** What the endpoints of uploads share: chunk ranges, bytes into an upload, and the answers (distribution-spec, "Pushing blobs"). */
import { isEngineError } from '../../errors/engine-error.ts';
import type { ByteRange } from '../registry-types.ts';
import { locationOf } from './client-address.ts';
import { type Exchange, send } from './exchange.ts';
import { parseContentRange } from './range.ts';
import { announcedLength, receiveBody } from './receive-body.ts';
import { registryError } from './registry-error.ts';
import type { HeldUpload } from './upload-turns.ts';

/** A body of unknown length is measured against the quota each time it has grown by this many bytes. */
const policyStep = 16 * 1024 * 1024;

/** Headers that say where an upload is and what of it is here. */
export function uploadHeaders(exchange: Exchange, id: string, offset: number): string[] {
  const location = locationOf(exchange, `/v2/${exchange.route.repository}/blobs/uploads/${id}`);
  return ['Location', location, 'Range', `0-${Math.max(0, offset - 1)}`, 'Docker-Upload-UUID', id];
}

export function answerCreated(exchange: Exchange, digest: string): void {
  const location = locationOf(exchange, `/v2/${exchange.route.repository}/blobs/${digest}`);
  send(exchange, 201, ['Location', location, 'Docker-Content-Digest', digest]);
}

/**
 * The chunk that the request says it brings; undefined without `Content-Range`. BLOB_UPLOAD_INVALID where that is malformed, SIZE_INVALID
 * where `Content-Length` says something else.
 */
export function announcedChunk({ request }: Exchange): ByteRange | undefined {
  const header = request.headers['content-range'];
  if (header === undefined) return undefined;
  const range = parseContentRange(header);
  if (range === undefined)
    throw registryError('BLOB_UPLOAD_INVALID', {
      message: 'invalid Content-Range',
      detail: { contentRange: header.slice(0, 100) },
      hint: "write it as FIRST-LAST, both positions counted from the blob's first byte",
    });
  const length = announcedLength(request);
  const expected = range.last - range.first + 1;
  if (length === undefined || length === expected) return range;
  throw registryError('SIZE_INVALID', { detail: { contentLength: length, contentRange: expected } });
}

/** 416, with where to go on, for a chunk that does not begin where the upload ends. */
export function checkOrder(exchange: Exchange, chunk: ByteRange | undefined, upload: HeldUpload): void {
  if (chunk === undefined || chunk.first === upload.offset) return;
  exchange.failureHeaders.push(...uploadHeaders(exchange, upload.id, upload.offset));
  throw registryError('BLOB_UPLOAD_INVALID', {
    status: 416,
    message: 'the chunk does not begin where the upload ends',
    detail: { expected: upload.offset, given: chunk.first },
    hint: 'go on with the byte after the Range header',
  });
}

/** Writes the body to the upload. Rejects with the upload still held. */
export async function receiveChunk(
  exchange: Exchange,
  upload: HeldUpload,
  chunk: ByteRange | undefined,
): Promise<void> {
  const { policy } = exchange.context.parts;
  const { repository } = exchange.route;
  const length = announcedLength(exchange.request);
  const end = chunk === undefined ? undefined : chunk.last + 1;
  if (length !== undefined) await policy?.checkPush(repository, upload.offset + length);
  let nextCheck = length === undefined && policy !== undefined ? upload.offset : Number.POSITIVE_INFINITY;
  await receiveBody(exchange.request, async (piece) => {
    if (upload.offset >= nextCheck) {
      await policy?.checkPush(repository, upload.offset + piece.length);
      nextCheck = upload.offset + policyStep;
    }
    if (end !== undefined && upload.offset + piece.length > end) throw wrongLength(chunk, 'more');
    await upload.write(piece);
  });
  if (end !== undefined && upload.offset < end) throw wrongLength(chunk, 'less');
}

function wrongLength(chunk: ByteRange | undefined, what: 'more' | 'less'): Error {
  const expected = chunk === undefined ? 0 : chunk.last - chunk.first + 1;
  return registryError('SIZE_INVALID', {
    message: `the chunk has ${what} than the ${expected} bytes announced`,
  });
}

/** Publishes the upload, which is gone either way. DIGEST_INVALID where its bytes are others. */
export async function commitUpload(upload: HeldUpload, digest: string): Promise<number> {
  try {
    return (await upload.commit(digest)).size;
  } catch (error) {
    if (!isEngineError(error, 'data-loss')) throw error;
    const actual = error.details['actual'];
    throw registryError('DIGEST_INVALID', {
      detail: { expected: digest, ...(actual === undefined ? {} : { actual }) },
      hint: 'upload the blob again',
      cause: error,
    });
  }
}

/** Ends the upload one way or another without hiding the error that led here. */
export async function endQuietly(ending: Promise<void>): Promise<void> {
  try {
    await ending;
  } catch {
    // What the storage could not keep, the next request finds out.
  }
}
