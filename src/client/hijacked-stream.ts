/** A connection taken over from HTTP: a container's input and output. */
import type { Duplex } from 'node:stream';
import { type Frame, FrameDecoder } from '../wire/raw-stream.ts';
import { drained, type HttpResponse } from './http-exchange.ts';
import { readToEnd } from './response-body.ts';

/** Both directions of an attach or exec. */
export class HijackedStream {
  /** Output comes in frames that say stdout or stderr; false for a terminal's. */
  readonly framed: boolean;
  /** With which the output began. */
  readonly contentType: string | undefined;
  readonly #socket: Duplex;
  readonly #output: AsyncGenerator<Buffer, void>;

  constructor(response: HttpResponse, framed: boolean) {
    this.framed = framed;
    this.contentType = response.headers.get('content-type');
    this.#socket = response.socket;
    // A daemon without support for upgrades answers 200 and a raw body.
    this.#output = response.status === 101 ? readToEnd(response.source) : response.body;
    // Errors reach the reader through its source; writing after the end is no failure.
    this.#socket.on('error', () => undefined);
  }

  /** The output up to its end, in pieces; a raw stream counts as stdout. */
  async *frames(framed: boolean = this.framed): AsyncGenerator<Frame, void> {
    if (!framed) {
      for await (const data of this.#output) yield { stream: 'stdout', data };
      return;
    }
    const decoder = new FrameDecoder();
    for await (const chunk of this.#output) yield* decoder.push(chunk);
    decoder.end();
  }

  /** Writes input; resolves when more may be written. */
  async write(data: Uint8Array): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    if (!this.#socket.write(data)) await drained(this.#socket);
  }

  /** Ends the input; the output goes on. */
  endInput(): void {
    if (!this.#socket.destroyed) this.#socket.end();
  }

  /** Lets go of the connection; what the container does goes on. */
  close(): void {
    this.#socket.destroy();
  }
}
