/** One upload that a request has in its hands: bytes to parts of a multipart upload, or, where they are few, to one object. */
import { createHash, type Hash } from 'node:crypto';
import { EngineError } from '../../errors/engine-error.ts';
import type { StoredBlob, Upload, UploadStatus } from '../registry-types.ts';
import type { Bucket } from './bucket.ts';
import { dataKey, uploadKey } from './keys.ts';
import { abortMultipart, completeMultipart } from './multipart.ts';
import { PartSender } from './part-sender.ts';
import type { S3Blobs } from './s3-blobs.ts';
import { type ResumedState, saveState } from './upload-state.ts';

export interface S3UploadParts {
  bucket: Bucket;
  blobs: S3Blobs;
  partSize: number;
  /** The request gives it back; `hash` is of all bytes of `revision`, where it is known. */
  release: (id: string, known?: { hash: Hash; revision: string }) => void;
}

export interface S3UploadStart {
  id: string;
  repository: string;
  startedAt: number;
  resumed?: ResumedState;
  /** Of the resumed bytes; undefined where nobody remembers it. The parts of an open multipart upload can't be read. */
  hash: Hash | undefined;
}

export class S3Upload implements Upload {
  readonly #parts: S3UploadParts;
  readonly #start: S3UploadStart;
  readonly #sender: PartSender;
  readonly #hash: Hash | undefined;
  #offset: number;
  /** Is there an object that remembers it? */
  #isSaved: boolean;
  /** How far what it remembers goes, when the request began. */
  readonly #savedOffset: number;
  #checkpoint: Promise<void> = Promise.resolve();
  #checkpointParts = 0;
  /** May `data/ID` be an object by now? */
  #hasData = false;
  #isOver = false;

  constructor(parts: S3UploadParts, start: S3UploadStart) {
    const { resumed } = start;
    this.#parts = parts;
    this.#start = start;
    this.#hash = start.hash;
    this.#isSaved = resumed !== undefined;
    this.#offset = resumed === undefined ? 0 : resumed.state.partBytes + resumed.state.tail;
    this.#savedOffset = this.#offset;
    this.#sender = new PartSender({
      bucket: parts.bucket,
      key: this.#key,
      partSize: parts.partSize,
      multipartId: resumed?.state.multipartId ?? '',
      parts: resumed?.parts ?? [],
      tail: resumed?.tail ?? Buffer.alloc(0),
      onPart: () => this.#save(),
    });
  }

  /** A new upload. */
  static fresh(parts: S3UploadParts, id: string, repository: string): S3Upload {
    return new S3Upload(parts, { id, repository, startedAt: parts.bucket.now(), hash: createHash('sha256') });
  }

  get status(): UploadStatus {
    const { id, repository, startedAt } = this.#start;
    return { id, repository, offset: this.#offset, startedAt };
  }

  get #key(): string {
    return dataKey(this.#start.id);
  }

  async write(data: Uint8Array): Promise<void> {
    this.#offset += data.length;
    this.#hash?.update(data);
    await this.#sender.write(data);
  }

  async suspend(): Promise<void> {
    this.#end();
    try {
      await this.#sender.flush();
      await this.#checkpoint;
      const isWhole = !this.#sender.failed;
      // What was durable before the request stays: the state of then still holds.
      if (!isWhole && this.#sender.partBytes <= this.#savedOffset) return;
      const revision = await this.#write(this.#sender.tail);
      if (isWhole && this.#hash !== undefined)
        this.#parts.release(this.#start.id, { hash: this.#hash, revision });
    } finally {
      this.#parts.release(this.#start.id);
    }
  }

  async commit(digest: string): Promise<StoredBlob> {
    this.#end();
    try {
      if (this.#hash === undefined) return await this.#publish(digest);
      await this.#expect(digest, `sha256:${this.#hash.digest('hex')}`);
      const present = await this.#parts.blobs.link(this.#start.repository, digest);
      if (present === undefined) return await this.#publish(digest);
      await this.#discard();
      return present;
    } finally {
      this.#parts.release(this.#start.id);
    }
  }

  async cancel(): Promise<void> {
    this.#end();
    try {
      await this.#discard();
    } finally {
      this.#parts.release(this.#start.id);
    }
  }

  /** The bytes become one object under a name that nobody knows; only once they are verified does the digest name it. */
  async #publish(digest: string): Promise<StoredBlob> {
    const { bucket, blobs } = this.#parts;
    await this.#sender.finish();
    await this.#checkpoint;
    const upload = { key: this.#key, id: this.#sender.multipartId };
    this.#hasData = true;
    if (upload.id === '') await bucket.putData(this.#key, this.#sender.tail);
    else await completeMultipart(bucket, upload, this.#sender.parts);
    if (this.#hash === undefined) await this.#expect(digest, await digestOfObject(bucket, this.#key));
    const blob = await blobs.hold(digest, this.#start.id, this.#offset);
    await blobs.linkGeneration(this.#start.repository, digest, this.#start.id);
    // Only now: while it is there, a collection takes the bytes for those of an upload under way.
    if (this.#isSaved) await bucket.remove([uploadKey(this.#start.id)]);
    return blob;
  }

  async #expect(digest: string, actual: string): Promise<void> {
    if (actual === digest) return;
    await this.#discard();
    throw new EngineError('data-loss', 'provided digest did not match uploaded content', {
      hint: 'send the blob again',
      details: { digest, actual },
    });
  }

  /** After each part, so that a crash costs one part: states are written one after the other, and only the newest that is due. */
  #save(): void {
    this.#checkpoint = this.#checkpoint.then(async () => {
      const count = this.#sender.parts.length;
      if (this.#isOver || count <= this.#checkpointParts) return;
      this.#checkpointParts = count;
      // Where it fails the next one, or the end of the request, says so.
      await this.#write(Buffer.alloc(0)).catch(() => undefined);
    });
  }

  async #write(tail: Buffer): Promise<string> {
    const { id, repository, startedAt } = this.#start;
    const { parts, partBytes, multipartId } = this.#sender;
    this.#isSaved = true;
    const state = { id, repository, startedAt, multipartId, parts: parts.length, partBytes };
    return await saveState(this.#parts.bucket, state, tail);
  }

  async #discard(): Promise<void> {
    const { bucket } = this.#parts;
    await this.#sender.settle();
    await this.#checkpoint;
    const { multipartId } = this.#sender;
    if (multipartId !== '') await abortMultipart(bucket, { key: this.#key, id: multipartId });
    if (this.#hasData) await bucket.remove([this.#key]);
    if (this.#isSaved) await bucket.remove([uploadKey(this.#start.id)]);
  }

  #end(): void {
    if (this.#isOver) throw new EngineError('internal', 'the upload is over');
    this.#isOver = true;
  }
}

async function digestOfObject(bucket: Bucket, key: string): Promise<string> {
  const found = await bucket.get(key);
  if (found === undefined) throw new EngineError('unavailable', 'the upload has vanished from the bucket');
  const hash = createHash('sha256');
  await bucket.run(async () => {
    for await (const chunk of found.body) hash.update(chunk);
  });
  return `sha256:${hash.digest('hex')}`;
}
