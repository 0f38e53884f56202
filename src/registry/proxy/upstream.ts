/** One upstream registry: which repositories it serves, and requests to it. */
import type { Readable } from 'node:stream';
import { EngineError, isEngineError, messageOf } from '../../errors/engine-error.ts';
import { readBytes } from '../../images/registry/read-text.ts';
import { pullError } from '../../images/registry/registry-error.ts';
import { RegistrySession } from '../../images/registry/registry-session.ts';
import { repositoryScope } from '../../images/registry/scopes.ts';
import type { Answer, Transport } from '../../images/registry/transport.ts';
import { digestOf, isDigest } from '../../oci/digest.ts';
import { acceptedManifestTypes } from '../../oci/media-types.ts';
import type { Reference } from '../../oci/reference.ts';
import { compileGlob } from '../policy/glob.ts';
import { defaultRevalidate, defaultTtl, type UpstreamOptions } from './upstream-options.ts';

export interface UpstreamManifest {
  data: Buffer;
  digest: string;
  /** What it was served as. */
  mediaType: string;
}

export interface UpstreamBlob {
  body: Readable;
  /** The first byte that it gives. */
  offset: number;
  /** Bytes of the whole blob; undefined where the upstream does not say. */
  size: number | undefined;
}

export interface AskOptions {
  /** How often it is asked at most. */
  tries?: number;
  signal?: AbortSignal;
}

const maxManifestSize = 4 * 1024 * 1024;
const accept = acceptedManifestTypes.join(', ');
const hubHosts = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);
const hubUrl = 'https://registry-1.docker.io';
/** Milliseconds for which an upstream that did not answer is left alone by those who have something to serve. */
const restFor = 15_000;
/** An upstream that asks for more patience is asked again all the same. */
const longestRest = 10 * 60_000;

export class Upstream {
  readonly name: string;
  /** Milliseconds; Infinity for ever. */
  readonly ttl: number;
  readonly revalidate: number;
  readonly prefix: string;
  readonly namespaces: readonly string[];
  readonly #patterns: RegExp[];
  readonly #session: RegistrySession;
  readonly #host: string;
  readonly #isHub: boolean;
  #restUntil = 0;

  /** EngineError `invalid-argument` for a URL or a pattern that is none. */
  constructor(options: UpstreamOptions, transport: Transport) {
    const url = parseUrl(options.remoteUrl);
    this.#host = url.host;
    this.#isHub = hubHosts.has(url.host);
    this.name = options.name ?? url.host;
    this.ttl = options.ttl === 0 ? Number.POSITIVE_INFINITY : (options.ttl ?? defaultTtl);
    this.revalidate = Math.min(options.revalidate ?? defaultRevalidate, this.ttl);
    this.prefix = (options.prefix ?? '').replace(/^\/+|\/+$/g, '');
    this.namespaces = options.namespaces ?? [];
    this.#patterns = (options.repositories ?? []).map(compileGlob);
    const base = this.#isHub ? hubUrl : `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
    const { username, password } = options;
    const auth = username === undefined ? undefined : { username, password: password ?? '' };
    this.#session = new RegistrySession(
      transport,
      { url: base, isMirror: false, isInsecure: options.insecure === true },
      auth,
    );
  }

  /** Is it one for all names: registry:2's `proxy.remoteurl`? */
  get servesAll(): boolean {
    return this.prefix === '' && this.#patterns.length === 0 && this.namespaces.length === 0;
  }

  /** Does it serve the repository under that name? One that is asked for by namespaces alone serves no names. */
  servesName(repository: string): boolean {
    if (this.prefix !== '' && !repository.startsWith(`${this.prefix}/`)) return false;
    if (this.#patterns.length > 0) return this.#patterns.some((pattern) => pattern.test(repository));
    return this.prefix !== '' || this.namespaces.length === 0;
  }

  servesNamespace(namespace: string): boolean {
    return this.namespaces.includes(namespace);
  }

  /** The repository's name there. */
  remoteName(repository: string): string {
    const isBelow = this.prefix !== '' && repository.startsWith(`${this.prefix}/`);
    const name = isBelow ? repository.slice(this.prefix.length + 1) : repository;
    return this.#isHub && !name.includes('/') ? `library/${name}` : name;
  }

  /** Did it fail a moment ago, or ask to be left alone? */
  get isResting(): boolean {
    return Date.now() < this.#restUntil;
  }

  /** The digest that a tag names: undefined where there is no such tag, '' where it does not say. EngineErrors as from `manifest`. */
  async digestOf(name: string, tag: string, options: AskOptions): Promise<string | undefined> {
    const answer = await this.#send('HEAD', name, `manifests/${tag}`, { accept }, options);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw await this.#failure(answer, name, tag);
    const digest = answer.headers['docker-content-digest'];
    return isDigest(digest) ? digest : '';
  }

  /** Undefined where there is none. EngineErrors: `unavailable`, `unauthorized`, `not-found` (denied); `data-loss` for other bytes than the digest's. */
  async manifest(
    name: string,
    reference: string,
    options: AskOptions,
  ): Promise<UpstreamManifest | undefined> {
    const answer = await this.#send('GET', name, `manifests/${reference}`, { accept }, options);
    if (answer.status === 404) return await nothing(answer);
    if (answer.status !== 200) throw await this.#failure(answer, name, reference);
    const data = await this.#read(answer);
    const digest = digestOf(data);
    const promised = isDigest(reference) ? reference : answer.headers['docker-content-digest'];
    if (isDigest(promised) && promised !== digest)
      throw wrongBytes(this.name, `the manifest ${promised}`, digest);
    const type = answer.headers['content-type'];
    return { data, digest, mediaType: typeof type === 'string' ? type : '' };
  }

  /** A blob from byte `offset` on; where the upstream knows no ranges, from its beginning. Undefined where there is none. */
  async blob(
    name: string,
    digest: string,
    offset: number,
    options: AskOptions,
  ): Promise<UpstreamBlob | undefined> {
    const headers = { 'accept-encoding': 'identity', ...(offset > 0 ? { range: `bytes=${offset}-` } : {}) };
    const answer = await this.#send('GET', name, `blobs/${digest}`, headers, options);
    if (answer.status === 404) return await nothing(answer);
    if (answer.status !== 200 && answer.status !== 206) throw await this.#failure(answer, name, digest);
    const range = /^bytes ([0-9]+)-[0-9]+\/([0-9]+)$/.exec(String(answer.headers['content-range'] ?? ''));
    const length = Number(answer.headers['content-length'] ?? Number.NaN);
    const size = answer.status === 206 ? Number(range?.[2] ?? Number.NaN) : length;
    return {
      body: answer.body,
      offset: answer.status === 206 ? Number(range?.[1] ?? offset) : 0,
      size: Number.isSafeInteger(size) ? size : undefined,
    };
  }

  async #send(
    method: 'GET' | 'HEAD',
    name: string,
    path: string,
    headers: Record<string, string>,
    options: AskOptions,
  ): Promise<Answer> {
    const scopes = [repositoryScope(name, 'pull')];
    try {
      const answer = await this.#session.send({
        method,
        path: `${name}/${path}`,
        headers,
        scopes,
        ...options,
      });
      this.#restUntil = 0;
      return answer;
    } catch (error) {
      this.#rest(restFor);
      throw error;
    }
  }

  async #failure(answer: Answer, name: string, reference: string): Promise<EngineError> {
    const failure = await this.#session.failure(answer);
    if (answer.status === 429 || answer.status >= 500) this.#rest(failure.wait ?? restFor);
    const domain = this.#isHub ? 'docker.io' : this.#host;
    const about: Reference = isDigest(reference)
      ? { domain, path: name, digest: reference }
      : { domain, path: name, tag: reference };
    return pullError(failure, about);
  }

  async #read(answer: Answer): Promise<Buffer> {
    try {
      return await readBytes(answer.body, maxManifestSize);
    } catch (error) {
      if (isEngineError(error)) throw error;
      throw new EngineError('unavailable', `the connection to ${this.name} broke: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  #rest(milliseconds: number): void {
    this.#restUntil = Date.now() + Math.min(milliseconds, longestRest);
  }
}

/** The upstream sent other bytes than those that were asked for. */
export function wrongBytes(upstream: string, what: string, actual: string): EngineError {
  return new EngineError('data-loss', `${upstream} sent other bytes than those of ${what}`, {
    hint: 'look for a proxy in between that changes what it passes on, or for damage at the upstream',
    details: { actual },
  });
}

async function nothing(answer: Answer): Promise<undefined> {
  answer.body.on('error', () => undefined).resume();
  return undefined;
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url;
  throw new EngineError('invalid-argument', `the upstream ${JSON.stringify(text)} is no URL`, {
    hint: 'write it as https://HOST',
  });
}
