/** Pulling blobs (distribution-spec, end-2): as a whole or a range of it, with the conditions that the client names. */
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ByteRange } from '../registry-types.ts';
import { isUnchanged, rangeHolds } from './conditions.ts';
import { emitWhenSent } from './emit-event.ts';
import { type Exchange, send, sendHead } from './exchange.ts';
import { smallBlob } from './hot-blobs.ts';
import { checkDigest } from './names.ts';
import { parseRange } from './range.ts';
import { registryError } from './registry-error.ts';
import { namespaceOf, upstreamOf } from './upstream.ts';

/** Milliseconds after which a client that takes nothing of a large blob counts as gone. */
const silence = 300_000;

interface Answer {
  status: 200 | 206;
  headers: string[];
  digest: string;
  /** Of the whole blob. */
  size: number;
  /** What is sent of it. */
  range: ByteRange;
}

/** Undefined where the request is answered already. */
function begin(exchange: Exchange, digest: string, size: number): Answer | undefined {
  const { headers: asked } = exchange.request;
  const headers = ['Docker-Content-Digest', digest, 'Etag', `"${digest}"`];
  headers.push('Cache-Control', 'max-age=31536000', 'Accept-Ranges', 'bytes', ...namespaceOf(exchange));
  if (isUnchanged(asked['if-none-match'], digest)) {
    send(exchange, 304, headers);
    return undefined;
  }
  const whole = { first: 0, last: size - 1 };
  // Ranges are for GET alone (RFC 9110, "Range").
  const isPartial = exchange.method === 'GET' && rangeHolds(asked, digest);
  const range = isPartial ? parseRange(asked.range, size) : undefined;
  if (range === 'unsatisfiable') {
    exchange.failureHeaders.push('Content-Range', `bytes */${size}`);
    throw registryError('SIZE_INVALID', { status: 416, message: 'the range lies outside of the blob' });
  }
  headers.push('Content-Type', 'application/octet-stream');
  if (range === undefined) return { status: 200, headers, digest, size, range: whole };
  headers.push('Content-Range', `bytes ${range.first}-${range.last}/${size}`);
  return { status: 206, headers, digest, size, range };
}

/** `GET` and `HEAD /v2/<name>/blobs/<digest>`. */
export async function getBlob(exchange: Exchange): Promise<void> {
  const { context, route } = exchange;
  const digest = checkDigest(route.reference);
  const blob = await context.storage.blob(route.repository, digest);
  if (blob === undefined) {
    await getUpstreamBlob(exchange, digest);
    return;
  }
  const answer = begin(exchange, digest, blob.size);
  if (answer === undefined) return;
  if (exchange.method === 'HEAD') sendHeadOnly(exchange, answer);
  else if (blob.size <= smallBlob) await sendSmall(exchange, answer);
  else {
    const body = await context.storage.open(digest, answer.status === 206 ? answer.range : undefined);
    await sendStream(exchange, answer, body);
  }
}

function lengthOf({ range }: Answer): number {
  return range.last - range.first + 1;
}

function sendHeadOnly(exchange: Exchange, answer: Answer): void {
  sendHead(exchange, answer.status, answer.headers, lengthOf(answer));
  exchange.response.end();
}

async function sendSmall(exchange: Exchange, answer: Answer): Promise<void> {
  const { hot } = exchange.context;
  const { digest, status, headers, range } = answer;
  const data = hot.get(digest) ?? (await hot.read(digest));
  notePull(exchange, answer);
  send(exchange, status, headers, status === 200 ? data : data.subarray(range.first, range.last + 1));
}

async function sendStream(exchange: Exchange, answer: Answer, body: Readable): Promise<void> {
  const { response } = exchange;
  notePull(exchange, answer);
  sendHead(exchange, answer.status, answer.headers, lengthOf(answer));
  response.setTimeout(silence, () => response.destroy());
  body.on('data', (piece: Buffer) => {
    exchange.bytes += piece.length;
  });
  await pipeline(body, response);
}

function notePull(exchange: Exchange, { digest, size }: Answer): void {
  emitWhenSent(exchange, { action: 'pull', digest, mediaType: 'application/octet-stream', size });
}

/** From the upstream, as it comes, while the storage gets it. The whole of it is taken there, whatever the client asked for. */
async function getUpstreamBlob(exchange: Exchange, digest: string): Promise<void> {
  const brought = await upstreamOf(exchange)?.bringBlob(digest);
  if (brought === undefined) throw registryError('BLOB_UNKNOWN', { detail: { digest } });
  const { body, size } = brought;
  try {
    const answer = begin(exchange, digest, size);
    if (answer === undefined || exchange.method === 'HEAD') {
      if (answer !== undefined) sendHeadOnly(exchange, answer);
      body.on('error', () => undefined).resume();
      return;
    }
    await sendStream(exchange, answer, answer.status === 200 ? body : sliceOf(body, answer.range));
  } catch (error) {
    // The storage may still want the rest; a body that has failed is not hurt.
    body.on('error', () => undefined).resume();
    throw error;
  }
}

/** The bytes of `range`; `body` is taken to its end all the same. */
function sliceOf(body: Readable, { first, last }: ByteRange): Readable {
  let position = 0;
  const slice = new Transform({
    transform(piece: Buffer, _encoding, done) {
      const part = piece.subarray(Math.max(0, first - position), Math.max(0, last + 1 - position));
      position += piece.length;
      if (part.length > 0) this.push(part);
      done();
    },
  });
  body.once('error', (error) => slice.destroy(error));
  return body.pipe(slice);
}
