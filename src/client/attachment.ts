/** A container's or an exec's input and output, for as long as they last. */
import type { HijackedStream } from './hijacked-stream.ts';
import { type OutputChunk, type OutputText, outputChunks, outputText } from './output-chunks.ts';

/**
 * Iterate over it for the output, which ends when the process does, or when `close` is called. Input goes through
 * `write` and ends with `end`; the output goes on after that.
 */
export class Attachment implements AsyncIterable<OutputChunk> {
  /** The process has a terminal: one stream, with the terminal's line ends. */
  readonly tty: boolean;
  readonly #stream: HijackedStream;

  constructor(stream: HijackedStream, tty: boolean) {
    this.#stream = stream;
    this.tty = tty;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<OutputChunk, void> {
    try {
      yield* outputChunks(this.#stream.frames(!this.tty));
    } finally {
      this.#stream.close();
    }
  }

  /** All the output up to its end, in memory. */
  text(): Promise<OutputText> {
    return outputText(this);
  }

  /** Resolves when more may be written. What comes after the process's end is passed over. */
  write(data: Uint8Array | string): Promise<void> {
    return this.#stream.write(typeof data === 'string' ? Buffer.from(data) : data);
  }

  /** Ends the input. */
  end(): void {
    this.#stream.endInput();
  }

  /** Lets go of the process, which goes on. */
  close(): void {
    this.#stream.close();
  }
}
