/** Two connected streams within one process: what is written to one is read from the other, as on a pair of sockets. */
import { Duplex } from 'node:stream';

/**
 * One end. It behaves as a socket does: ending it leaves the other direction open, a writer waits for its reader, and
 * destroying it ends the other end too. Node's own `duplexPair` leaves the other end open for ever then.
 */
export class PairedStream extends Duplex {
  #peer: PairedStream | undefined;
  /** Of the last chunk written here, until the peer wants more. */
  #written: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true });
  }

  static pair(): [PairedStream, PairedStream] {
    const [one, other] = [new PairedStream(), new PairedStream()];
    one.#peer = other;
    other.#peer = one;
    return [one, other];
  }

  /** For whoever takes it for a socket: there is nothing to delay. */
  setNoDelay(): this {
    return this;
  }

  /** Destroys it once all that was written has been taken. */
  destroySoon(): void {
    if (!this.writableEnded) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    const peer = this.#peer;
    if (peer === undefined) return;
    const written = peer.#written;
    peer.#written = undefined;
    written?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const peer = this.#peer;
    if (peer === undefined || peer.destroyed) {
      done(brokenPipe());
      return;
    }
    /* A copy: on a socket the writer may use its memory again. */
    if (peer.push(Buffer.from(chunk))) done();
    else this.#written = done;
  }

  override _final(done: (error?: Error | null) => void): void {
    const peer = this.#peer;
    if (peer !== undefined && !peer.destroyed) peer.push(null);
    done();
  }

  /** What the peer has already got it still reads; then it finds the end. */
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const peer = this.#peer;
    this.#peer = undefined;
    this.#written?.();
    this.#written = undefined;
    if (peer !== undefined) setImmediate(() => peer.#hangUp());
    done(error);
  }

  #hangUp(): void {
    if (this.destroyed) return;
    const written = this.#written;
    this.#written = undefined;
    this.#peer = undefined;
    written?.();
    if (!this.readableEnded) this.push(null);
    if (this.readableEnded) this.destroy();
    else this.once('end', () => this.destroy());
  }
}

function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
}
