/** Uploads are gone on with by one request at a time: the next one waits a moment, and takes over from a client that has gone silent. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { isEngineError } from '../../errors/engine-error.ts';
import { Deferred } from '../../util/deferred.ts';
import type { RegistryStorage, StoredBlob, Upload } from '../registry-types.ts';
import { registryError } from './registry-error.ts';

/** Milliseconds for which a request waits for its turn, and after which a client that has the turn counts as silent. */
const patience = 3000;

/** An upload in the hands of one request. Ends with exactly one of `suspend`, `commit` and `cancel`. */
export class HeldUpload {
  readonly #upload: Upload;
  readonly #request: IncomingMessage;
  readonly #released = new Deferred<void>();
  #offset: number;
  #heardAt = performance.now();

  constructor(upload: Upload, request: IncomingMessage) {
    this.#upload = upload;
    this.#request = request;
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

  isSilent(): boolean {
    return performance.now() - this.#heardAt > patience;
  }

  /** Ends the request, which suspends the upload then. */
  interrupt(): void {
    this.#request.destroy();
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
  readonly #held = new Map<string, HeldUpload>();

  constructor(storage: Pick<RegistryStorage, 'beginUpload' | 'resumeUpload'>) {
    this.#storage = storage;
  }

  async begin(repository: string, request: IncomingMessage): Promise<HeldUpload> {
    return this.#hold(await this.#storage.beginUpload(repository), request);
  }

  /** BLOB_UPLOAD_UNKNOWN where there is none; EngineError `conflict` where another request goes on with it. */
  async resume(repository: string, id: string, request: IncomingMessage): Promise<HeldUpload> {
    for (;;) {
      try {
        const upload = await this.#storage.resumeUpload(repository, id);
        if (upload === undefined) throw registryError('BLOB_UPLOAD_UNKNOWN', { detail: { upload: id } });
        return this.#hold(upload, request);
      } catch (error) {
        if (!isEngineError(error, 'conflict') || !(await this.#waitFor(id))) throw error;
      }
    }
  }

  #hold(upload: Upload, request: IncomingMessage): HeldUpload {
    const held = new HeldUpload(upload, request);
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
    if (await isSettledSoon(held.released)) return true;
    if (!held.isSilent()) return false;
    held.interrupt();
    return await isSettledSoon(held.released);
  }
}

async function isSettledSoon(promise: Promise<void>): Promise<boolean> {
  const stop = new AbortController();
  const late = sleep(patience, false, { signal: stop.signal }).catch(() => false);
  const isSettled = await Promise.race([promise.then(() => true), late]);
  stop.abort();
  return isSettled;
}
