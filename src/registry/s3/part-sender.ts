/** Cuts an upload's bytes into parts and sends a few at once. */
import { EngineError } from '../../errors/engine-error.ts';
import type { Bucket } from './bucket.ts';
import { createMultipart, type UploadedPart, uploadPart } from './multipart.ts';
import { maxParts, minPartSize } from './s3-options.ts';

/** Parts under way at once; the memory of an upload is so many parts and one more. */
const atOnce = 3;
/** The first so many parts have the size that was set, the next so many twice that, and so on: no blob is too large. */
const growEvery = 1000;

export interface PartSenderOptions {
  bucket: Bucket;
  key: string;
  partSize: number;
  /** Of an upload that goes on. */
  multipartId: string;
  parts: readonly UploadedPart[];
  tail: Buffer;
  /** Called after a part is there and all before it are. */
  onPart: (sender: PartSender) => void;
}

export class PartSender {
  readonly #options: PartSenderOptions;
  readonly #parts: UploadedPart[];
  readonly #running = new Set<Promise<void>>();
  #multipartId: string;
  #next: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #failure: unknown;

  constructor(options: PartSenderOptions) {
    this.#options = options;
    this.#multipartId = options.multipartId;
    this.#parts = [...options.parts];
    this.#next = options.parts.length + 1;
    if (options.tail.length > 0) this.#push(options.tail);
  }

  get multipartId(): string {
    return this.#multipartId;
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Parts that are there without a gap before them. */
  get parts(): readonly UploadedPart[] {
    const sorted = this.#parts.toSorted((a, b) => a.number - b.number);
    const gap = sorted.findIndex(({ number }, index) => number !== index + 1);
    return gap === -1 ? sorted : sorted.slice(0, gap);
  }

  get partBytes(): number {
    return this.parts.reduce((sum, { size }) => sum + size, 0);
  }

  /** Bytes that wait for a part to be full. After a failure there are none that could be kept. */
  get tail(): Buffer {
    return this.failed ? Buffer.alloc(0) : Buffer.concat(this.#pending);
  }

  /** Takes bytes; waits while enough parts are under way. */
  async write(data: Uint8Array): Promise<void> {
    this.#push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    try {
      while (this.#pendingBytes >= this.#partSize()) await this.#sendPending(this.#partSize());
    } catch (error) {
      // What was cut off for it is lost: nothing that comes later can be kept.
      this.#failure ??= error;
    }
    this.#throwFailure();
  }

  /** Sends what waits where it is enough for a part, and waits for all. Never rejects: what failed is not among the parts. */
  async flush(): Promise<void> {
    try {
      if (this.#pendingBytes >= minPartSize) await this.#sendPending(this.#pendingBytes);
    } catch (error) {
      this.#failure ??= error;
    }
    await this.settle();
  }

  /** Sends what is left as the last part, of whatever size. */
  async finish(): Promise<void> {
    if (this.#multipartId !== '' && this.#pendingBytes > 0) await this.#send(this.#cut(this.#pendingBytes));
    await this.settle();
    this.#throwFailure();
  }

  /** Waits for what is under way. Never rejects. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #sendPending(size: number): Promise<void> {
    const body = this.#cut(size);
    if (this.#multipartId === '')
      this.#multipartId = await createMultipart(this.#options.bucket, this.#options.key);
    await this.#send(body);
  }

  async #send(body: Buffer): Promise<void> {
    while (this.#running.size >= atOnce) await Promise.race(this.#running);
    this.#throwFailure();
    const number = this.#next;
    if (number > maxParts)
      throw new EngineError('resource-exhausted', `the blob is too large for ${maxParts} parts`, {
        hint: 'set a larger chunksize of the S3 storage',
      });
    this.#next += 1;
    const upload = { key: this.#options.key, id: this.#multipartId };
    const work = uploadPart(this.#options.bucket, upload, number, body)
      .then((part) => {
        this.#parts.push(part);
        this.#options.onPart(this);
      })
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#running.delete(work));
    this.#running.add(work);
  }

  #partSize(): number {
    return this.#options.partSize * (1 + Math.floor((this.#next - 1) / growEvery));
  }

  #push(data: Buffer): void {
    this.#pending.push(data);
    this.#pendingBytes += data.length;
  }

  #cut(size: number): Buffer {
    const all = Buffer.concat(this.#pending);
    const rest = all.subarray(size);
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
    return all.subarray(0, size);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
