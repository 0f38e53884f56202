/** Small blobs and manifests that were asked for lately, so that they are sent in one write. */
import type { RegistryStorage } from '../registry-types.ts';

/** A blob up to this size, in bytes, is sent as a whole. */
export const smallBlob = 4 * 1024 * 1024;
const defaultCapacity = 64 * 1024 * 1024;

/** Least recently used go first. Content never changes under its digest; whether a repository has it is the storage's to say. */
export class HotBlobs {
  readonly #storage: Pick<RegistryStorage, 'read'>;
  readonly #capacity: number;
  readonly #blobs = new Map<string, Buffer>();
  readonly #reads = new Map<string, Promise<Buffer>>();
  #size = 0;

  constructor(storage: Pick<RegistryStorage, 'read'>, capacity = defaultCapacity) {
    this.#storage = storage;
    this.#capacity = capacity;
  }

  /** Undefined where it must be read first. */
  get(digest: string): Buffer | undefined {
    const data = this.#blobs.get(digest);
    if (data === undefined) return undefined;
    this.#blobs.delete(digest);
    this.#blobs.set(digest, data);
    return data;
  }

  /** Those who ask at the same time share one read. EngineError `not-found`. */
  async read(digest: string): Promise<Buffer> {
    const running = this.#reads.get(digest);
    if (running !== undefined) return await running;
    const reading = this.#storage.read(digest);
    this.#reads.set(digest, reading);
    try {
      const data = await reading;
      this.#keep(digest, data);
      return data;
    } finally {
      this.#reads.delete(digest);
    }
  }

  #keep(digest: string, data: Buffer): void {
    if (data.length > smallBlob || this.#blobs.has(digest)) return;
    this.#blobs.set(digest, data);
    this.#size += data.length;
    for (const [oldest, { length }] of this.#blobs) {
      if (this.#size <= this.#capacity) return;
      this.#blobs.delete(oldest);
      this.#size -= length;
    }
  }
}
