/** The uploads of this instance: who has one in hand, and the hashes of those that wait for their next request. */
import { createHash, type Hash } from 'node:crypto';
import { EngineError } from '../../errors/engine-error.ts';
import { BoundedMap } from '../../util/bounded-map.ts';
import type { Upload, UploadStatus } from '../registry-types.ts';
import type { Bucket } from './bucket.ts';
import { dataKey } from './keys.ts';
import type { S3Blobs } from './s3-blobs.ts';
import { S3Upload, type S3UploadParts } from './s3-upload.ts';
import { loadState, type ResumedState, readState } from './upload-state.ts';

const maxHashes = 1000;

export class S3Uploads {
  readonly #bucket: Bucket;
  readonly #parts: S3UploadParts;
  /** Repositories by ID. */
  readonly #inHand = new Map<string, string>();
  readonly #hashes = new BoundedMap<string, { hash: Hash; revision: string }>(maxHashes);

  constructor(bucket: Bucket, blobs: S3Blobs, partSize: number) {
    this.#bucket = bucket;
    this.#parts = {
      bucket,
      blobs,
      partSize,
      release: (id, known) => {
        this.#inHand.delete(id);
        if (known !== undefined) this.#hashes.set(id, known);
      },
    };
  }

  /** Nothing is written before bytes come or the request ends. */
  begin(repository: string): Upload {
    const id = crypto.randomUUID();
    this.#inHand.set(id, repository);
    return S3Upload.fresh(this.#parts, id, repository);
  }

  /** Two instances that have one upload at once don't hurt: the service completes only the parts that the one who commits has sent or seen. */
  async resume(repository: string, id: string): Promise<Upload | undefined> {
    const holder = this.#inHand.get(id);
    if (holder !== undefined && holder !== repository) return undefined;
    if (holder !== undefined)
      throw new EngineError('conflict', `the upload ${id} is in use by another request`, {
        hint: 'wait until the other request has ended',
      });
    this.#inHand.set(id, repository);
    try {
      const resumed = await loadState(this.#bucket, id, dataKey(id));
      if (resumed === undefined || resumed.state.repository !== repository) {
        this.#inHand.delete(id);
        return undefined;
      }
      const { startedAt } = resumed.state;
      const hash = this.#takeHash(id, resumed);
      return new S3Upload(this.#parts, { id, repository, startedAt, resumed, hash });
    } catch (error) {
      this.#inHand.delete(id);
      throw error;
    }
  }

  async status(repository: string, id: string): Promise<UploadStatus | undefined> {
    const state = await readState(this.#bucket, id);
    if (state === undefined || state.repository !== repository) return undefined;
    return { id, repository, offset: state.partBytes + state.tail, startedAt: state.startedAt };
  }

  #takeHash(id: string, { state, parts, tail }: ResumedState): Hash | undefined {
    const known = this.#hashes.get(id);
    this.#hashes.delete(id);
    // Another instance may have gone on with it meanwhile.
    if (known?.revision === state.revision) return known.hash;
    return parts.length === 0 ? createHash('sha256').update(tail) : undefined;
  }

  isInHand(id: string): boolean {
    return this.#inHand.has(id);
  }
}
