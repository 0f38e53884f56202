/** Where an archiving thread puts its bytes: chunks that go to the daemon's thread one by one, as it asks for them. */
import { closeSync, readSync } from 'node:fs';
import { paddingOf } from '../../util/tar/tar-writer.ts';

const chunkSize = 512 * 1024;

export class TarOutput {
  readonly #send: (chunk: Uint8Array) => Promise<void>;
  #chunk = new Uint8Array(chunkSize);
  #length = 0;

  /** `send` resolves once there is room for more. It takes the chunk's memory. */
  constructor(send: (chunk: Uint8Array) => Promise<void>) {
    this.#send = send;
  }

  async write(data: Uint8Array): Promise<void> {
    for (let done = 0; done < data.length; ) {
      const part = data.subarray(done, done + chunkSize - this.#length);
      this.#chunk.set(part, this.#length);
      await this.#advance(part.length);
      done += part.length;
    }
  }

  /** Exactly `size` bytes: a file that shrank meanwhile is filled up with zeros, what one has grown by is left out. Closes `descriptor`. */
  async writeFile(descriptor: number, size: number): Promise<void> {
    try {
      let left = size;
      while (left > 0) {
        const room = this.#chunk.subarray(
          this.#length,
          this.#length + Math.min(left, chunkSize - this.#length),
        );
        const read = readSync(descriptor, room);
        if (read === 0) break;
        left -= read;
        await this.#advance(read);
      }
      await this.#zeros(left + paddingOf(size));
    } finally {
      closeSync(descriptor);
    }
  }

  async flush(): Promise<void> {
    if (this.#length === 0) return;
    const chunk = this.#chunk.subarray(0, this.#length);
    this.#chunk = new Uint8Array(chunkSize);
    this.#length = 0;
    await this.#send(chunk);
  }

  async #zeros(count: number): Promise<void> {
    for (let left = count; left > 0; ) {
      const part = Math.min(left, chunkSize - this.#length);
      this.#chunk.fill(0, this.#length, this.#length + part);
      await this.#advance(part);
      left -= part;
    }
  }

  async #advance(length: number): Promise<void> {
    this.#length += length;
    if (this.#length === chunkSize) await this.flush();
  }
}
