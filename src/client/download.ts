/** An archive on its way from the daemon. */
import type { HttpResponse } from './http-exchange.ts';

/**
 * The bytes of an answer, once: iterate over it, hand it to `Readable.from`, or take it whole. Whoever stops in the
 * middle of iterating lets the connection go; whoever does not begin calls `close`.
 */
export class Download implements AsyncIterable<Buffer> {
  readonly #response: HttpResponse;

  constructor(response: HttpResponse) {
    this.#response = response;
  }

  /** EngineError `data-loss` if the connection ends within it. */
  [Symbol.asyncIterator](): AsyncGenerator<Buffer, void> {
    return this.#response.body;
  }

  /** All of it, in memory. */
  async bytes(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  close(): void {
    this.#response.socket.destroy();
  }
}
