/** Takes a request's body: in pieces, into an upload, or as a whole, for a document; and gets rid of one that nobody wants. */
import type { IncomingMessage } from 'node:http';
import { EngineError } from '../../errors/engine-error.ts';
import { Deferred } from '../../util/deferred.ts';

/** Milliseconds without a byte after which a client counts as gone. */
const silence = 120_000;
/** Pieces (of at most 64 KiB) that wait to be taken before the client is slowed down. */
const maxQueued = 16;
/** Milliseconds for which an unwanted body is taken, so that the client reads the answer. */
const drainTime = 30_000;

/** Bytes that the client announced; undefined for a body of unknown length. */
export function announcedLength(request: IncomingMessage): number | undefined {
  const header = request.headers['content-length'];
  if (header !== undefined) return Number(header);
  return request.headers['transfer-encoding'] === undefined ? 0 : undefined;
}

/**
 * Hands on each piece as it comes, one after the other; the client is slowed down while `take` is behind. EngineError `cancelled` where the
 * client goes away or falls silent; the request stays open where `take` rejects, so that it can be answered.
 */
export async function receiveBody(
  request: IncomingMessage,
  take: (data: Buffer) => Promise<void>,
): Promise<void> {
  if (announcedLength(request) !== 0) await new BodyPump(request, take).run();
}

/**
 * Not the request's own iterator, which copies pieces together that have come meanwhile. What has come is taken even where the client is gone
 * by then, and `run` settles only when nothing is being taken any more.
 */
class BodyPump {
  readonly #request: IncomingMessage;
  readonly #take: (data: Buffer) => Promise<void>;
  readonly #over = new Deferred<void>();
  readonly #timer: NodeJS.Timeout;
  readonly #queue: Buffer[] = [];
  #state: 'open' | 'ended' | 'gone' | 'failed' = 'open';
  #isBusy = false;

  constructor(request: IncomingMessage, take: (data: Buffer) => Promise<void>) {
    this.#request = request;
    this.#take = take;
    this.#timer = setTimeout(() => request.destroy(), silence);
  }

  async run(): Promise<void> {
    const onEnd = (): void => this.#finish('ended');
    const onGone = (): void => this.#finish('gone');
    const request = this.#request;
    request.on('data', this.#onData).once('end', onEnd).once('error', onGone).once('close', onGone);
    if (request.destroyed) onGone();
    try {
      await this.#over.promise;
    } finally {
      clearTimeout(this.#timer);
      // The listener for errors stays: a request that breaks off later must not end the process.
      request.off('data', this.#onData).off('end', onEnd).off('close', onGone);
    }
  }

  readonly #onData = (piece: Buffer): void => {
    if (this.#state !== 'open') return;
    this.#timer.refresh();
    this.#queue.push(piece);
    if (this.#queue.length >= maxQueued) this.#request.pause();
    if (!this.#isBusy) void this.#work();
  };

  #finish(state: 'ended' | 'gone'): void {
    if (this.#state === 'open') this.#state = state;
    if (!this.#isBusy) this.#settle();
  }

  #settle(): void {
    if (this.#state === 'ended') this.#over.resolve();
    else if (this.#state === 'gone')
      this.#over.reject(new EngineError('cancelled', 'the client went away before its request was whole'));
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    try {
      for (let piece = this.#queue.shift(); piece !== undefined; piece = this.#queue.shift()) {
        await this.#take(piece);
        this.#timer.refresh();
        if (this.#queue.length === 0 && this.#request.isPaused()) this.#request.resume();
      }
    } catch (error) {
      this.#state = 'failed';
      this.#over.reject(error);
    }
    this.#isBusy = false;
    this.#settle();
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
