/** A file that somebody writes from its beginning to its end while others read it already. */
import { open } from 'node:fs/promises';

/** Bytes that are read at once. */
const chunkSize = 256 * 1024;

export class GrowingFile {
  readonly path: string;
  readonly #listeners = new Set<() => void>();
  #length: number;
  #state: 'growing' | 'whole' | 'broken' = 'growing';

  /** `length` bytes are there. */
  constructor(path: string, length = 0) {
    this.path = path;
    this.#length = length;
  }

  /** Bytes that can be read. */
  get length(): number {
    return this.#length;
  }

  /** `whole`: no byte follows. `broken`: what was read may be worth nothing. */
  get state(): 'growing' | 'whole' | 'broken' {
    return this.#state;
  }

  /** Hears of each change. Returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when `length` bytes are there, or no more will be. */
  async reaches(length: number): Promise<void> {
    while (this.#length < length && this.#state === 'growing') {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = this.onChange(resolve);
      await promise;
      stop();
    }
  }

  grow(length: number): void {
    this.#length = Math.max(this.#length, length);
    this.#tell();
  }

  end(state: 'whole' | 'broken'): void {
    if (this.#state !== 'growing') return;
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Its bytes, as they come. Throws where it broke off. */
export async function* readGrowing(file: GrowingFile): AsyncGenerator<Buffer> {
  await file.reaches(1);
  if (file.length === 0 && file.state === 'whole') return;
  const handle = await open(file.path);
  try {
    for (let position = 0; ; ) {
      await file.reaches(position + 1);
      if (file.state === 'broken') throw new Error(`${file.path} broke off`);
      const length = Math.min(chunkSize, file.length - position);
      if (length === 0) return;
      const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, position);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
