/** One repository of one registry endpoint, to pull from: its manifests, blobs and tags (OCI distribution-spec, "Pull"). */
import type { Readable } from 'node:stream';
import { EngineError, isEngineError, messageOf } from '../../errors/engine-error.ts';
import { digestOf, isDigest } from '../../oci/digest.ts';
import { acceptedManifestTypes } from '../../oci/media-types.ts';
import type { Reference } from '../../oci/reference.ts';
import type { RegistryAuth } from '../image-types.ts';
import type { Endpoint } from './endpoints.ts';
import { readBytes } from './read-text.ts';
import { pullError } from './registry-error.ts';
import { RegistrySession } from './registry-session.ts';
import { repositoryScope } from './scopes.ts';
import type { Answer, Transport } from './transport.ts';

/** The same bound that registries have. */
const maxManifestSize = 4 * 1024 * 1024;
/** Of one page of tags, bytes. */
const maxTagsSize = 16 * 1024 * 1024;
/** Pages of tags: a registry whose pages lead in circles must end too. */
const maxPages = 10_000;

export interface FetchedManifest {
  data: Buffer;
  /** What it was served as. */
  mediaType: string;
  digest: string;
}

export interface BlobStream {
  body: Readable;
  /** The first byte that it gives. */
  offset: number;
}

export class RegistryClient {
  readonly endpoint: Endpoint;
  readonly #session: RegistrySession;
  readonly #reference: Reference;
  readonly #repository: string;

  /** Errors speak of `reference` as Docker does. */
  constructor(
    transport: Transport,
    endpoint: Endpoint,
    reference: Reference,
    auth: RegistryAuth | undefined,
  ) {
    this.endpoint = endpoint;
    this.#reference = reference;
    this.#session = new RegistrySession(transport, endpoint, auth);
    const { prefix } = endpoint;
    this.#repository = prefix === undefined ? reference.path : `${prefix}/${reference.path}`;
  }

  /** Fetches a manifest or index by tag or digest, and checks what can be checked. EngineError in Docker's words. */
  async manifest(reference: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const accept = acceptedManifestTypes.join(', ');
    const answer = await this.#get(
      this.#session.url(this.#path(`manifests/${reference}`)),
      { accept },
      signal,
    );
    const data = await readBody(answer, maxManifestSize, signal);
    const digest = digestOf(data);
    const promised = isDigest(reference) ? reference : answer.headers['docker-content-digest'];
    if (isDigest(promised) && promised !== digest) {
      throw new EngineError('data-loss', `manifest verification failed for digest ${promised}`, {
        hint: 'the registry sent other bytes than the digest names: try again, or another registry',
        details: { actual: digest },
      });
    }
    const type = answer.headers['content-type'];
    return { data, digest, mediaType: typeof type === 'string' ? type : '' };
  }

  /** Opens a blob from byte `offset` on; where the registry knows no ranges, from its beginning. */
  async blob(digest: string, offset: number, signal?: AbortSignal): Promise<BlobStream> {
    const headers = { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) };
    const answer = await this.#get(this.#session.url(this.#path(`blobs/${digest}`)), headers, signal);
    const range = answer.headers['content-range'];
    const first = typeof range === 'string' ? /^bytes ([0-9]+)-/.exec(range)?.[1] : undefined;
    return { body: answer.body, offset: answer.status === 206 ? Number(first ?? offset) : 0 };
  }

  /** All tags, page after page (distribution-spec, "Listing Tags"). */
  async tags(signal?: AbortSignal): Promise<string[]> {
    const tags = new Set<string>();
    let next: URL | undefined = this.#session.url(this.#path('tags/list'));
    for (let page = 0; next !== undefined && page < maxPages; page += 1) {
      const answer: Answer = await this.#get(next, {}, signal);
      const before = tags.size;
      for (const tag of parseTags(await readBody(answer, maxTagsSize, signal))) tags.add(tag);
      next = tags.size === before ? undefined : nextPage(answer);
    }
    return [...tags];
  }

  #path(rest: string): string {
    return `${this.#repository}/${rest}`;
  }

  /** Rejects where the status is no success. */
  async #get(url: URL, headers: Record<string, string>, signal?: AbortSignal): Promise<Answer> {
    const scopes = [repositoryScope(this.#repository, 'pull')];
    const answer = await this.#session.send({ path: '', url, headers, scopes, signal });
    if (answer.status === 200 || answer.status === 206) return answer;
    throw pullError(await this.#session.failure(answer), this.#reference);
  }
}

/** `Link: </v2/x/tags/list?n=100&last=b>; rel="next"` (RFC 8288). */
export function nextPage({ headers, url }: Pick<Answer, 'headers' | 'url'>): URL | undefined {
  const link = [headers['link'] ?? []].flat().join(', ');
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(link)?.[1];
  if (target === undefined || !URL.canParse(target, url.href)) return undefined;
  const next = new URL(target, url);
  return next.origin === url.origin ? next : undefined;
}

function parseTags(data: Buffer): string[] {
  try {
    const value: unknown = JSON.parse(data.toString('utf8'));
    const tags = typeof value === 'object' && value !== null && 'tags' in value ? value.tags : undefined;
    return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string') : [];
  } catch (error) {
    throw new EngineError('unavailable', 'the registry sent a list of tags that is no JSON', {
      cause: error,
    });
  }
}

async function readBody(answer: Answer, limit: number, signal?: AbortSignal): Promise<Buffer> {
  try {
    return await readBytes(answer.body, limit);
  } catch (error) {
    if (isEngineError(error)) throw error;
    if (signal?.aborted === true)
      throw new EngineError('cancelled', 'the request was cancelled', { cause: error });
    throw new EngineError('unavailable', `the connection to ${answer.url.host} broke: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
