/** Blobs that were taken over unseen: each is verified before it is first read, and all of them in the background. */
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import { readState } from '../../store/blob-ingest.ts';
import type { BlobStore } from '../../store/blob-store.ts';
import type { Collection } from '../../util/collection.ts';

export interface UnverifiedBlobsParts {
  blobs: BlobStore;
  table: Collection<true>;
  warn: (message: string) => void;
}

/** The background rests this many times as long as it worked. */
const restFactor = 3;

export class UnverifiedBlobs {
  readonly #parts: UnverifiedBlobsParts;
  readonly #left: Set<string>;
  readonly #running = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  #background: Promise<void> = Promise.resolve();

  constructor(parts: UnverifiedBlobsParts) {
    this.#parts = parts;
    this.#left = new Set(parts.table.entries().map(([digest]) => digest));
  }

  get size(): number {
    return this.#left.size;
  }

  /** EngineError `data-loss` where the bytes are not what they are called: the blob is gone then, as if nobody had pushed it. */
  async verify(digest: string): Promise<void> {
    if (!this.#left.has(digest)) return;
    const running = this.#running.get(digest) ?? this.#verify(digest);
    this.#running.set(digest, running);
    try {
      await running;
    } finally {
      this.#running.delete(digest);
    }
  }

  /** Looks at all of them, slowly, until `close`. */
  start(): void {
    this.#background = this.#verifyAll();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#background;
  }

  async #verifyAll(): Promise<void> {
    for (const digest of [...this.#left]) {
      const started = performance.now();
      try {
        await this.verify(digest);
        const rest = (performance.now() - started) * restFactor;
        await sleep(rest, undefined, { signal: this.#closing.signal, ref: false });
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#parts.warn(messageOf(error));
      }
    }
  }

  async #verify(digest: string): Promise<void> {
    const { blobs, table } = this.#parts;
    if (blobs.has(digest)) {
      const { hash } = await readState(blobs.path(digest));
      const actual = `sha256:${hash.digest('hex')}`;
      if (actual !== digest) await this.#giveUp(digest);
    }
    this.#left.delete(digest);
    table.delete(digest);
  }

  async #giveUp(digest: string): Promise<never> {
    const { blobs, table } = this.#parts;
    await blobs.delete(digest);
    this.#left.delete(digest);
    table.delete(digest);
    throw new EngineError('data-loss', `blob ${digest} was damaged when it was taken over`, {
      hint: 'push it again',
    });
  }
}
