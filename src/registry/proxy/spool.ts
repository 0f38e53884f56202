/** Bytes on their way from an upstream: written once, read by any number of clients while they come. */
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Deferred } from '../../util/deferred.ts';

const pieceSize = 256 * 1024;

/**
 * A file that has no name any more, so that nothing is left of it after a crash. The last byte that came is kept back until `finish`: nobody gets
 * the whole before it is known to be right. `fail` breaks all readers.
 */
export class Spool {
  readonly #file: FileHandle;
  #written = 0;
  #end: 'open' | 'finished' | { error: unknown } = 'open';
  #change = new Deferred<void>();
  /** The writer, and each reader. */
  #users = 1;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async open(directory: string): Promise<Spool> {
    const path = join(directory, `gantry-spool-${crypto.randomUUID()}`);
    const file = await open(path, 'wx+', 0o600);
    await unlink(path);
    return new Spool(file);
  }

  async append(data: Uint8Array): Promise<void> {
    for (let done = 0; done < data.length; ) {
      const { bytesWritten } = await this.#file.write(data, done, data.length - done, this.#written);
      done += bytesWritten;
      this.#written += bytesWritten;
    }
    this.#announce();
  }

  /** All is there, and right. The writer has no more to do with it. */
  finish(): void {
    this.#close('finished');
  }

  fail(error: unknown): void {
    this.#close({ error });
  }

  /** All bytes from the first on, as they come. It must be read to its end or destroyed. */
  reader(onBytes: (count: number) => void): Readable {
    this.#users += 1;
    const reader = Readable.from(this.#pieces(onBytes), { objectMode: false, highWaterMark: pieceSize });
    return reader.once('close', () => this.#release());
  }

  async *#pieces(onBytes: (count: number) => void): AsyncGenerator<Buffer, void, undefined> {
    for (let position = 0; ; ) {
      const change = this.#change.promise;
      const readable = this.#end === 'finished' ? this.#written : Math.max(0, this.#written - 1);
      if (typeof this.#end === 'object') throw this.#end.error;
      if (position === readable && this.#end === 'finished') return;
      if (position === readable) {
        await change;
        continue;
      }
      const piece = Buffer.allocUnsafe(Math.min(pieceSize, readable - position));
      const { bytesRead } = await this.#file.read(piece, 0, piece.length, position);
      position += bytesRead;
      onBytes(bytesRead);
      yield piece.subarray(0, bytesRead);
    }
  }

  #close(end: 'finished' | { error: unknown }): void {
    if (this.#end !== 'open') return;
    this.#end = end;
    this.#announce();
    this.#release();
  }

  #announce(): void {
    const change = this.#change;
    this.#change = new Deferred();
    change.resolve();
  }

  #release(): void {
    this.#users -= 1;
    // Nobody waits for it, and a file without a name has nothing to lose.
    if (this.#users === 0) this.#file.close().catch(() => undefined);
  }
}
