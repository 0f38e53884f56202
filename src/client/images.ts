/** Images: where they come from, what they are, and where they go. */
import {
  canonicalName,
  canonicalReference,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../oci/reference.ts';
import type { DistributionResponse } from '../wire/distribution.ts';
import type {
  ImageDeleteRow,
  ImageHistoryRow,
  ImageInspect,
  ImageSearchRow,
  ImageSummary,
  ImagesPruneResponse,
} from '../wire/image.ts';
import type { ProgressMessage } from '../wire/progress-message.ts';
import type { AuthConfig } from '../wire/system.ts';
import type { ApiClient } from './api-client.ts';
import { type BuildOptions, buildImage } from './build-image.ts';
import {
  authHeader,
  type CallControl,
  type FilterValues,
  filtersOf,
  platformDocument,
  readableOf,
  type UploadBody,
} from './call-control.ts';
import { Download } from './download.ts';
import { checkedProgress } from './progress-stream.ts';
import { segment } from './query.ts';

type Progress = AsyncGenerator<ProgressMessage, void>;

export interface TransferOptions extends CallControl {
  /** The user's login at the registry. */
  auth?: AuthConfig;
  /** `linux/arm64`. For pushes API 1.46 and later. */
  platform?: string;
}

export interface ListImagesOptions extends CallControl {
  /** Also those in between that only others are made of. */
  all?: boolean;
  filters?: FilterValues;
  /** Also count what each shares with others. API 1.42 and later. */
  sharedSize?: boolean;
}

export interface ImportOptions extends CallControl {
  /** `app:1.2`; the image has no name unless told. */
  reference?: string;
  message?: string;
  /** Instructions as in a Dockerfile: `CMD ["sh"]`. */
  changes?: readonly string[];
  platform?: string;
}

/**
 * `image` is a name with or without registry, tag and digest (`alpine`, `registry.example.com:5000/team/app:1.2`), or an ID.
 * Streams of progress begin with the first look at them: `for await` them, or `drain` them. What the daemon reports as failed
 * is thrown.
 */
export class Images {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  list({ signal, filters, sharedSize, all }: ListImagesOptions = {}): Promise<ImageSummary[]> {
    const query = { all, filters: filtersOf(filters), 'shared-size': sharedSize };
    return this.#api.call('GET', '/images/json', { query, signal });
  }

  inspect(image: string, { signal }: CallControl = {}): Promise<ImageInspect> {
    return this.#api.call('GET', this.#path(image, 'json'), { signal });
  }

  /** Newest first. */
  history(image: string, { signal }: CallControl = {}): Promise<ImageHistoryRow[]> {
    return this.#api.call('GET', this.#path(image, 'history'), { signal });
  }

  /** `latest` where there is neither tag nor digest. */
  pull(image: string, { signal, auth, platform }: TransferOptions = {}): Progress {
    const reference = withDefaultTag(parseReference(image));
    const query = {
      fromImage: canonicalName(reference),
      tag: reference.digest ?? reference.tag,
      platform,
    };
    return this.#progress('/images/create', { query, headers: authHeader(auth), signal });
  }

  /** `latest` where there is no tag. */
  push(image: string, { signal, auth, platform }: TransferOptions = {}): Progress {
    const reference = withDefaultTag(parseReference(image));
    const query = { tag: reference.tag, platform: platformDocument(platform) };
    /* Daemons demand the header, even where there is no login. */
    const headers = authHeader(auth ?? {});
    return this.#progress(this.#path(canonicalName(reference), 'push'), { query, headers, signal });
  }

  /** `context` is a tar with the Dockerfile in it. The last message's `aux` is `{ ID }`. */
  build(context: UploadBody, options: BuildOptions = {}): Progress {
    return checkedProgress(buildImage(this.#api, context, options));
  }

  /** An archive of `save`, as tar or compressed. */
  load(archive: UploadBody, { signal, platform }: CallControl & { platform?: string } = {}): Progress {
    return this.#progress('/images/load', {
      query: { platform: platformDocument(platform), quiet: '0' },
      stream: readableOf(archive),
      headers: { 'Content-Type': 'application/x-tar' },
      signal,
    });
  }

  /** An image of one layer, from a tar of a root file system. */
  import(tar: UploadBody, { signal, reference, ...options }: ImportOptions = {}): Progress {
    const named = reference === undefined ? undefined : withDefaultTag(parseReference(reference));
    const name = named === undefined ? {} : { repo: canonicalName(named), tag: named.tag };
    return this.#progress('/images/create', {
      query: { fromSrc: '-', ...name, ...options },
      stream: readableOf(tar),
      headers: { 'Content-Type': 'application/x-tar' },
      signal,
    });
  }

  /** An archive of these images, for `load`. */
  async save(
    images: string | readonly string[],
    { signal, platform }: CallControl & { platform?: string } = {},
  ): Promise<Download> {
    const names = typeof images === 'string' ? [images] : images;
    const query = { names, platform: platformDocument(platform) };
    return new Download(await this.#api.open('GET', '/images/get', { query, signal }));
  }

  /** Gives an image a further name. */
  async tag(image: string, name: string, { signal }: CallControl = {}): Promise<void> {
    const reference = withDefaultTag(parseReference(name));
    const query = { repo: canonicalName(reference), tag: reference.tag };
    await this.#api.call('POST', this.#path(image, 'tag'), { query, signal });
  }

  /** Takes the name away, and with the last one the image. EngineError `conflict` where a container needs it. */
  remove(
    image: string,
    { signal, force, noPrune }: CallControl & { force?: boolean; noPrune?: boolean } = {},
  ): Promise<ImageDeleteRow[]> {
    const query = { force, noprune: noPrune };
    return this.#api.call('DELETE', `/images/${segment(image)}`, { query, signal });
  }

  search(
    term: string,
    { signal, limit, filters }: CallControl & { limit?: number; filters?: FilterValues } = {},
  ): Promise<ImageSearchRow[]> {
    return this.#api.call('GET', '/images/search', {
      query: { term, limit, filters: filtersOf(filters) },
      signal,
    });
  }

  /** What its registry says of an image, without pulling it. */
  distribution(
    image: string,
    { signal, auth }: Omit<TransferOptions, 'platform'> = {},
  ): Promise<DistributionResponse> {
    const reference: Reference = withDefaultTag(parseReference(image));
    const path = `/distribution/${segment(canonicalReference(reference))}/json`;
    return this.#api.call('GET', path, { headers: authHeader(auth), signal });
  }

  /** Removes images without a name; with `filters: { dangling: false }` all that no container needs. */
  prune({ signal, filters }: CallControl & { filters?: FilterValues } = {}): Promise<ImagesPruneResponse> {
    return this.#api.call('POST', '/images/prune', { query: { filters: filtersOf(filters) }, signal });
  }

  #path(image: string, action: string): string {
    return `/images/${segment(image)}/${action}`;
  }

  #progress(path: string, options: Parameters<ApiClient['open']>[2]): Progress {
    return checkedProgress(this.#api.documents<ProgressMessage>('POST', path, options));
  }
}
