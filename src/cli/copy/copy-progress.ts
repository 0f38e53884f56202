/** Tells on stderr how much was copied, on a line of its own while it goes on. */
import type { Output } from '../io.ts';
import { humanSize } from '../output/human.ts';

/** Milliseconds before there is anything to tell, and between two lines. */
const interval = 500;

export class CopyProgress {
  readonly #output: Output;
  readonly #heading: string;
  #shownAt = Date.now();
  #isShown = false;
  #bytes = 0;

  /** `heading`: `Copying to container`. */
  constructor(output: Output, heading: string) {
    this.#output = output;
    this.#heading = heading;
  }

  /** The chunks of `source`, counted. */
  async *count(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
    for await (const chunk of source) {
      this.#bytes += chunk.length;
      this.#show();
      yield chunk;
    }
  }

  /** Says what was copied where. */
  finish(target: string): void {
    this.#clear();
    this.#output.write(`Successfully copied ${humanSize(this.#bytes, 3)} to ${target}\n`);
  }

  /** Leaves no half line behind. */
  give(): void {
    this.#clear();
  }

  #show(): void {
    if (!this.#output.isTerminal || Date.now() - this.#shownAt < interval) return;
    this.#shownAt = Date.now();
    this.#isShown = true;
    this.#output.write(`\r\x1b[2K${this.#heading} - ${humanSize(this.#bytes, 3)}`);
  }

  #clear(): void {
    if (this.#isShown) this.#output.write('\r\x1b[2K');
    this.#isShown = false;
  }
}
