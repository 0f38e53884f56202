/** Blobs from upstreams: one download for all who ask at the same time. */
import type { Readable } from 'node:stream';
import { BoundedMap } from '../../util/bounded-map.ts';
import type { ProxyCount } from '../metrics/proxy-metrics.ts';
import type { RegistryStorage } from '../registry-types.ts';
import { BlobFill } from './blob-fill.ts';
import type { Upstream } from './upstream.ts';

export interface BlobBringerParts {
  storage: RegistryStorage;
  spoolDirectory: string;
  warn: (message: string) => void;
  signal: AbortSignal;
}

export interface BroughtBlob {
  size: number;
  body: Readable;
}

const maxVouched = 200_000;

export class BlobBringer {
  readonly counts: ProxyCount = { requests: 0, hits: 0, misses: 0, pulledBytes: 0, pushedBytes: 0 };
  readonly #parts: BlobBringerParts;
  readonly #fills = new Map<string, BlobFill>();
  /** `REPOSITORY@DIGEST` of what an upstream's manifest names. */
  readonly #vouched = new BoundedMap<string, true>(maxVouched);

  constructor(parts: BlobBringerParts) {
    this.#parts = parts;
  }

  /** An upstream's manifest of the repository names these blobs. */
  vouch(repository: string, digests: readonly string[]): void {
    for (const digest of digests) this.#vouched.set(`${repository}@${digest}`, true);
  }

  /** Undefined where the upstream has none. */
  async bring(upstream: Upstream, repository: string, digest: string): Promise<BroughtBlob | undefined> {
    this.counts.requests += 1;
    const key = `${repository}@${digest}`;
    const here = this.#fills.get(key)?.join() ?? (await this.#fromStorage(repository, digest, key));
    if (here !== undefined) {
      this.counts.hits += 1;
      return await here;
    }
    // Somebody else may have begun while the storage was asked.
    const fill = this.#fills.get(key) ?? this.#begin(upstream, repository, digest, key);
    return await fill.join();
  }

  /** Waits for what is under way. */
  async settle(): Promise<void> {
    await Promise.all([...this.#fills.values()].map(({ over }) => over));
  }

  /**
   * A download that has just ended, or the same blob from another repository. The latter only where an upstream's manifest of this repository
   * names it: a digest alone gives nobody what was pushed to where he may not look.
   */
  async #fromStorage(repository: string, digest: string, key: string): Promise<BroughtBlob | undefined> {
    const { storage } = this.#parts;
    const linked = await storage.blob(repository, digest);
    const isVouched = this.#vouched.get(key) === true;
    const blob = linked ?? (isVouched ? await storage.mount(repository, digest, undefined) : undefined);
    return blob === undefined ? undefined : { size: blob.size, body: await storage.open(digest) };
  }

  #begin(upstream: Upstream, repository: string, digest: string, key: string): BlobFill {
    this.counts.misses += 1;
    const fill = new BlobFill({
      ...this.#parts,
      upstream,
      repository,
      digest,
      onPulled: (bytes) => {
        this.counts.pulledBytes += bytes;
      },
      onPushed: (bytes) => {
        this.counts.pushedBytes += bytes;
      },
      onFailure: () => this.#forget(key, fill),
    });
    this.#fills.set(key, fill);
    void fill.over.finally(() => this.#forget(key, fill));
    return fill;
  }

  #forget(key: string, fill: BlobFill): void {
    if (this.#fills.get(key) === fill) this.#fills.delete(key);
  }
}
