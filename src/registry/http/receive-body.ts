/** Takes a request's body: in pieces, into an upload, or as a whole, for a document; and gets rid of one that nobody wants. */
import type { IncomingMessage } from 'node:http';
import { EngineError } from '../../errors/engine-error.ts';

/** Milliseconds without a byte after which a client counts as gone. */
const silence = 120_000;
/** Milliseconds for which an unwanted body is taken, so that the client reads the answer. */
const drainTime = 30_000;

/** Bytes that the client announced; undefined for a body of unknown length. */
export function announcedLength(request: IncomingMessage): number | undefined {
  const header = request.headers['content-length'];
  if (header !== undefined) return Number(header);
  return request.headers['transfer-encoding'] === undefined ? 0 : undefined;
}

/**
 * Hands on each piece as it comes; the client is slowed down while `take` is busy. EngineError `cancelled` where the client goes away or
 * falls silent; the request stays open where `take` rejects, so that it can be answered.
 */
export async function receiveBody(
  request: IncomingMessage,
  take: (data: Buffer) => Promise<void>,
): Promise<void> {
  if (announcedLength(request) === 0) return;
  const timer = setTimeout(() => request.destroy(), silence);
  const body: AsyncIterator<Buffer> = request.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const piece = await nextPiece(body);
      if (piece === undefined) return;
      timer.refresh();
      await take(piece);
    }
  } finally {
    clearTimeout(timer);
    await body.return?.();
  }
}

async function nextPiece(body: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  try {
    const { done, value } = await body.next();
    return done === true ? undefined : value;
  } catch (error) {
    throw new EngineError('cancelled', 'the client went away before its request was whole', { cause: error });
  }
}

/** The whole of a body. Rejects with what `tooLarge` makes where it is over `limit` bytes. */
export async function receiveDocument(
  request: IncomingMessage,
  limit: number,
  tooLarge: () => EngineError,
): Promise<Buffer> {
  if ((announcedLength(request) ?? 0) > limit) throw tooLarge();
  const pieces: Buffer[] = [];
  let length = 0;
  await receiveBody(request, async (piece) => {
    length += piece.length;
    if (length > limit) throw tooLarge();
    pieces.push(piece);
  });
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces, length);
}

/**
 * Takes and forgets what is left of a body, for a while. A connection that is closed with bytes unread is reset, and clients lose the answer
 * to the rest of what they send (RFC 9112, "Tear-down").
 */
export function drainBody(request: IncomingMessage): void {
  if (request.complete || request.destroyed || announcedLength(request) === 0) return;
  request.resume();
  const timer = setTimeout(() => request.destroy(), drainTime);
  timer.unref();
  request.once('close', () => clearTimeout(timer));
}
