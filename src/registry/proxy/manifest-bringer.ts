/** Manifests from upstreams: fetched once for all who ask, kept, and looked after again when their tag may have moved. */
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import { isDigest } from '../../oci/digest.ts';
import { parseManifest } from '../../oci/manifest.ts';
import { BoundedMap } from '../../util/bounded-map.ts';
import type { ProxyCount } from '../metrics/proxy-metrics.ts';
import type { RegistryStorage, StoredTag } from '../registry-types.ts';
import type { AskOptions, Upstream, UpstreamManifest } from './upstream.ts';

export interface ManifestBringerParts {
  storage: RegistryStorage;
  /** May repositories of several upstreams have this name? */
  isAmbiguous: (repository: string) => boolean;
  /** Hears which blobs a manifest of a repository names: the upstream vouches for them there. */
  onManifest: (repository: string, digests: readonly string[]) => void;
  warn: (message: string) => void;
  signal: AbortSignal;
}

/** What is known of a cached tag until the process ends. */
interface CheckedTag {
  /** Milliseconds since the epoch. */
  at: number;
  upstream: string;
  digest: string;
}

const maxChecked = 50_000;
/** Milliseconds that a client waits for the upstream where something older could be served. */
const patience = 10_000;

export class ManifestBringer {
  readonly counts: ProxyCount = { requests: 0, hits: 0, misses: 0, pulledBytes: 0, pushedBytes: 0 };
  readonly #parts: ManifestBringerParts;
  readonly #running = new Map<string, Promise<void>>();
  readonly #checked = new BoundedMap<string, CheckedTag>(maxChecked);

  constructor(parts: ManifestBringerParts) {
    this.#parts = parts;
  }

  /** Nothing where the upstream has none. Rejects only where nothing is here that could be served. */
  async bring(upstream: Upstream, repository: string, reference: string): Promise<void> {
    this.counts.requests += 1;
    const isTag = !reference.includes(':');
    // What is no digest that can be verified is nobody's name for anything.
    if (!isTag && !isDigest(reference)) return;
    const isHere = isTag
      ? await this.#isFresh(upstream, repository, reference)
      : (await this.#parts.storage.manifest(repository, reference)) !== undefined;
    if (isHere) {
      this.counts.hits += 1;
      return;
    }
    const key = `${upstream.name} ${repository} ${reference}`;
    const running = this.#running.get(key);
    if (running !== undefined) return await running;
    const work = this.#bring(upstream, repository, reference).finally(() => this.#running.delete(key));
    this.#running.set(key, work);
    await work;
  }

  /** Waits for what is under way. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  /** Is there nothing to ask the upstream? So for a tag that was pushed here, and for one that was looked after a moment ago. */
  async #isFresh(upstream: Upstream, repository: string, name: string): Promise<boolean> {
    const tag = await this.#parts.storage.tag(repository, name);
    if (tag === undefined) return false;
    if (tag.cached !== true) return true;
    const checked = this.#checked.get(`${repository}:${name}`);
    if (checked === undefined || checked.upstream !== upstream.name || checked.digest !== tag.digest)
      return false;
    if (Date.now() - checked.at >= upstream.revalidate) return false;
    return (await this.#parts.storage.manifest(repository, tag.digest)) !== undefined;
  }

  async #bring(upstream: Upstream, repository: string, reference: string): Promise<void> {
    if (isDigest(reference)) {
      await this.#fetch(upstream, repository, reference, { signal: this.#parts.signal });
      return;
    }
    const present = await this.#servable(upstream, repository, reference);
    if (present === undefined) {
      await this.#fetch(upstream, repository, reference, { signal: this.#parts.signal });
      return;
    }
    if (upstream.isResting) {
      this.counts.hits += 1;
      return;
    }
    try {
      await this.#revalidate(upstream, repository, present);
    } catch (error) {
      if (!isEngineError(error)) throw error;
      this.counts.hits += 1;
      this.#parts.warn(`${repository}:${reference} is served as it was: ${upstream.name}: ${error.message}`);
    }
  }

  /** The tag as it is here, where it could be served if need be. */
  async #servable(upstream: Upstream, repository: string, name: string): Promise<StoredTag | undefined> {
    const { storage, isAmbiguous } = this.#parts;
    const tag = await storage.tag(repository, name);
    if (tag === undefined) return undefined;
    const checked = this.#checked.get(`${repository}:${name}`);
    const isOfOther = checked === undefined ? isAmbiguous(repository) : checked.upstream !== upstream.name;
    if (isOfOther) return undefined;
    return (await storage.manifest(repository, tag.digest)) === undefined ? undefined : tag;
  }

  async #revalidate(upstream: Upstream, repository: string, present: StoredTag): Promise<void> {
    const { name, digest } = present;
    const signal = AbortSignal.any([this.#parts.signal, AbortSignal.timeout(patience)]);
    const options = { tries: 1, signal };
    const now = await upstream.digestOf(upstream.remoteName(repository), name, options);
    if (now === digest) {
      this.counts.hits += 1;
      this.#note(upstream, repository, name, digest);
    } else if (now === undefined) await this.#forget(repository, present);
    else await this.#fetch(upstream, repository, name, options);
  }

  /** The upstream has it no more. Somebody may have pushed it here meanwhile. */
  async #forget(repository: string, { name, digest }: StoredTag): Promise<void> {
    const { storage } = this.#parts;
    this.#checked.delete(`${repository}:${name}`);
    const tag = await storage.tag(repository, name);
    if (tag?.cached === true && tag.digest === digest) await storage.deleteTag(repository, name);
  }

  async #fetch(
    upstream: Upstream,
    repository: string,
    reference: string,
    options: AskOptions,
  ): Promise<void> {
    this.counts.misses += 1;
    const manifest = await upstream.manifest(upstream.remoteName(repository), reference, options);
    if (manifest === undefined) return;
    this.counts.pulledBytes += manifest.data.length;
    const tags = isDigest(reference) ? [] : [reference];
    await this.#store(upstream, repository, manifest, tags);
    for (const tag of tags) this.#note(upstream, repository, tag, manifest.digest);
  }

  async #store(
    upstream: Upstream,
    repository: string,
    { data, digest, mediaType }: UpstreamManifest,
    tags: readonly string[],
  ): Promise<void> {
    const document = parse(upstream, data, mediaType);
    const named = document.kind === 'index' ? document.manifests : [document.config, ...document.layers];
    const references = [...new Set(named.map((descriptor) => descriptor.digest))];
    const artifactType =
      document.artifactType ?? (document.kind === 'manifest' ? document.config.mediaType : undefined);
    const manifest = {
      digest,
      mediaType: document.mediaType,
      references,
      cached: true,
      ...(document.subject === undefined ? {} : { subject: document.subject.digest }),
      ...(artifactType === undefined ? {} : { artifactType }),
      ...(document.annotations === undefined ? {} : { annotations: document.annotations }),
    };
    await this.#parts.storage.putManifest(repository, manifest, data, tags);
    if (document.kind === 'manifest') this.#parts.onManifest(repository, references);
  }

  #note(upstream: Upstream, repository: string, tag: string, digest: string): void {
    this.#checked.set(`${repository}:${tag}`, { at: Date.now(), upstream: upstream.name, digest });
  }
}

function parse(upstream: Upstream, data: Buffer, mediaType: string): ReturnType<typeof parseManifest> {
  try {
    return parseManifest(data, mediaType === '' ? undefined : mediaType);
  } catch (error) {
    if (!isEngineError(error) || error.code === 'not-implemented') throw error;
    throw new EngineError('unavailable', `${upstream.name} sent what is no manifest: ${error.message}`, {
      cause: error,
      hint: 'check the URL of the upstream',
    });
  }
}
