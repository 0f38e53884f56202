/** Uploads are gone on with by one request at a time: the next one waits a moment, and takes over from a client that has gone silent. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isEngineError } from '../../errors/engine-error.ts';
import { Deferred } from '../../util/deferred.ts';
import type { RegistryStorage, StoredBlob, Upload } from '../registry-types.ts';
import { registryError } from './registry-error.ts';

/** Milliseconds for which a request waits for its turn; a client that has it and sent nothing for half of them counts as silent. */
const defaultPatience = 3000;

/** A request as far as it can be ended. */
interface Holder {
  destroy(): unknown;
}

/** An upload in the hands of one request. Ends with exactly one of `suspend`, `commit` and `cancel`. */
export class HeldUpload {
  readonly #upload: Upload;
  readonly #holder: Holder;
  readonly #released = new Deferred<void>();
  #offset: number;
  #heardAt = performance.now();

  constructor(upload: Upload, holder: Holder) {
    this.#upload = upload;
    this.#holder = holder;
    this.#offset = upload.status.offset;
  }

  get id(): string {
    return this.#upload.status.id;
  }

  /** Where the next byte goes. */
  get offset(): number {
    return this.#offset;
  }

  get released(): Promise<void> {
    return this.#released.promise;
  }

  /** Milliseconds since the client was last heard of. */
  get silence(): number {
    return performance.now() - this.#heardAt;
  }

  /** Ends the request, which suspends the upload then. */
  interrupt(): void {
    this.#holder.destroy();
  }

  async write(data: Uint8Array): Promise<void> {
    this.#heardAt = performance.now();
    await this.#upload.write(data);
    this.#offset += data.length;
  }

  async suspend(): Promise<void> {
    await this.#end(this.#upload.suspend());
  }

  async commit(digest: string): Promise<StoredBlob> {
    return await this.#end(this.#upload.commit(digest));
  }

  async cancel(): Promise<void> {
    await this.#end(this.#upload.cancel());
  }

  async #end<T>(ending: Promise<T>): Promise<T> {
    try {
      return await ending;
    } finally {
      this.#released.resolve();
    }
  }
}

export class UploadTurns {
  readonly #storage: Pick<RegistryStorage, 'beginUpload' | 'resumeUpload'>;
  readonly #patience: number;
  readonly #held = new Map<string, HeldUpload>();

  constructor(
    storage: Pick<RegistryStorage, 'beginUpload' | 'resumeUpload'>,
    patience: number = defaultPatience,
  ) {
    this.#storage = storage;
    this.#patience = patience;
  }

  async begin(repository: string, holder: Holder): Promise<HeldUpload> {
    return this.#hold(await this.#storage.beginUpload(repository), holder);
  }

  /** BLOB_UPLOAD_UNKNOWN where there is none; EngineError `conflict` where another request goes on with it. */
  async resume(repository: string, id: string, holder: Holder): Promise<HeldUpload> {
    for (;;) {
      try {
        const upload = await this.#storage.resumeUpload(repository, id);
        if (upload === undefined) throw registryError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: id } });
        return this.#hold(upload, holder);
      } catch (error) {
        if (!isEngineError(error, 'conflict') || !(await this.#waitFor(id))) throw error;
      }
    }
  }

  #hold(upload: Upload, holder: Holder): HeldUpload {
    const held = new HeldUpload(upload, holder);
    this.#held.set(held.id, held);
    void held.released.then(() => {
      if (this.#held.get(held.id) === held) this.#held.delete(held.id);
    });
    return held;
  }

  /** Is the upload free now? */
  async #waitFor(id: string): Promise<boolean> {
    const held = this.#held.get(id);
    if (held === undefined) return false;
    if (await isSettledWithin(this.#patience, held.released)) return true;
    if (held.silence < this.#patience / 2) return false;
    held.interrupt();
    return await isSettledWithin(this.#patience, held.released);
  }
}

async function isSettledWithin(milliseconds: number, promise: Promise<void>): Promise<boolean> {
  const stop = new AbortController();
  const late = sleep(milliseconds, false, { signal: stop.signal }).catch(() => false);
  const isSettled = await Promise.race([promise.then(() => true), late]);
  stop.abort();
  return isSettled;
}
