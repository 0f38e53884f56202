/** Blobs in a bucket: which there are, which repository may see them, their bytes. See `keys.ts` for the layout and `collect-blobs.ts` for why nothing is lost. */
import type { Readable } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import { readBytes } from '../../images/registry/read-text.ts';
import { BoundedMap } from '../../util/bounded-map.ts';
import type { ByteRange, StoredBlob } from '../registry-types.ts';
import type { Bucket, FoundObject } from './bucket.ts';
import {
  fieldsOf,
  type Generation,
  type Generations,
  isDoomed,
  liveOf,
  readGenerations,
} from './generations.ts';
import { blobKeys, dataKey, encodeNumber, linkKeys } from './keys.ts';

const maxRead = 8 * 1024 * 1024;
const maxCachedBytes = 32 * 1024 * 1024;
const largestCached = 1024 * 1024;
const maxKnown = 20_000;

/** How a blob stands to a repository. */
export interface LinkedBlob {
  /** Newest generation that is linked and live. */
  generation: Generation | undefined;
  /** One is linked, but a collection is about to delete it, or to spare it: ask again in a moment. */
  isUndecided: boolean;
}

export class S3Blobs {
  readonly #bucket: Bucket;
  /** Milliseconds after which a use is noted anew. */
  readonly #noteAfter: number;
  /** A generation's bytes never change; where it is gone, a list tells. */
  readonly #known = new BoundedMap<string, { generation: string; size: number }>(maxKnown);
  readonly #small = new BoundedMap<string, Buffer>(maxCachedBytes, (data) => data.length);

  constructor(bucket: Bucket, grace: number) {
    this.#bucket = bucket;
    this.#noteAfter = grace / 2;
  }

  async generations(digest: string): Promise<Generations> {
    const keys = await this.#bucket.keys(blobKeys(digest));
    const found = readGenerations(keys.map((key) => ({ key, fields: fieldsOf(key) })));
    const newest = liveOf(found, this.#bucket.now())[0];
    if (newest !== undefined) this.#known.set(digest, { generation: newest.id, size: newest.size });
    return found;
  }

  async linked(repository: string, digest: string): Promise<LinkedBlob> {
    const [links, generations] = await Promise.all([
      this.#bucket.keys(linkKeys(repository, digest)),
      this.generations(digest),
    ]);
    const ids = new Set(links.map((key) => fieldsOf(key)[0]));
    const own = generations.all.filter(({ id }) => ids.has(id));
    const now = this.#bucket.now();
    const generation = own.find((one) => !isDoomed(one, now));
    return { generation, isUndecided: generation === undefined && own.length > 0 };
  }

  /** The blob as `repository` sees it; noted as used. */
  async use(repository: string, digest: string): Promise<StoredBlob | undefined> {
    const { generation } = await this.linked(repository, digest);
    if (generation === undefined) return undefined;
    if (!(await this.#note(digest, generation))) return stored(digest, generation);
    // Noted, and only then looked again: a collection that did not see the note is seen by this look.
    const again = await this.linked(repository, digest);
    return again.generation === undefined ? undefined : stored(digest, again.generation);
  }

  /** Lets a repository see a blob that is here. Undefined where it is not. */
  async link(repository: string, digest: string): Promise<StoredBlob | undefined> {
    const generation = liveOf(await this.generations(digest), this.#bucket.now())[0];
    if (generation === undefined) return undefined;
    await this.#note(digest, generation);
    await this.#bucket.put(linkKeys(repository, digest) + generation.id);
    const { generation: linked } = await this.linked(repository, digest);
    return linked === undefined ? undefined : stored(digest, linked);
  }

  /** Makes the verified bytes of `data/GENERATION` the blob. */
  async hold(digest: string, generation: string, size: number): Promise<StoredBlob> {
    const now = this.#bucket.now();
    await this.#bucket.put(
      `${blobKeys(digest)}held.${generation}.${encodeNumber(now)}.${encodeNumber(size)}`,
    );
    this.#known.set(digest, { generation, size });
    return { digest, size, usedAt: now };
  }

  async linkGeneration(repository: string, digest: string, generation: string): Promise<void> {
    await this.#bucket.put(linkKeys(repository, digest) + generation);
  }

  /** Stores a document's bytes, unless they are here. */
  async putDocument(digest: string, data: Buffer): Promise<void> {
    const live = liveOf(await this.generations(digest), this.#bucket.now())[0];
    if (live !== undefined) {
      await this.#note(digest, live);
      return;
    }
    const generation = crypto.randomUUID();
    await this.#bucket.putData(dataKey(generation), data);
    await this.hold(digest, generation, data.length);
    this.#remember(digest, data);
  }

  /** EngineError `not-found`. */
  async open(digest: string, range?: ByteRange): Promise<Readable> {
    const known = this.#known.get(digest);
    if (known !== undefined) {
      const found = await this.#fetch(known, range);
      if (found !== undefined) return found.body;
    }
    const live = liveOf(await this.generations(digest), this.#bucket.now())[0];
    const found =
      live === undefined ? undefined : await this.#fetch({ generation: live.id, size: live.size }, range);
    if (found !== undefined) return found.body;
    this.#known.delete(digest);
    throw new EngineError('not-found', `blob unknown to registry: ${digest}`, { details: { digest } });
  }

  async read(digest: string): Promise<Buffer> {
    const cached = this.#small.get(digest);
    if (cached !== undefined) return cached;
    const size = this.#known.get(digest)?.size ?? 0;
    if (size > maxRead)
      throw new EngineError('resource-exhausted', `blob ${digest} is too large to be read at once`);
    const body = await this.open(digest);
    const data = await this.#bucket.run(() => readBytes(body, maxRead));
    this.#remember(digest, data);
    return data;
  }

  /** Bytes of a blob that is known, without asking. */
  knownSize(digest: string, generation: string): number | undefined {
    const known = this.#known.get(digest);
    return known?.generation === generation ? known.size : undefined;
  }

  async #fetch(
    { generation, size }: { generation: string; size: number },
    range: ByteRange | undefined,
  ): Promise<FoundObject | undefined> {
    const isWhole = range === undefined || (range.first === 0 && range.last >= size - 1);
    return await this.#bucket.get(dataKey(generation), isWhole ? undefined : range);
  }

  #remember(digest: string, data: Buffer): void {
    if (data.length <= largestCached) this.#small.set(digest, data);
  }

  /** True where a note was written. The old ones go, so that lists stay short. */
  async #note(digest: string, generation: Generation): Promise<boolean> {
    const now = this.#bucket.now();
    if (now - generation.usedAt < this.#noteAfter) return false;
    await this.#bucket.put(`${blobKeys(digest)}used.${generation.id}.${encodeNumber(now)}`);
    await this.#bucket.remove(generation.uses);
    return true;
  }
}

function stored(digest: string, { size, usedAt }: Generation): StoredBlob {
  return { digest, size, usedAt };
}
