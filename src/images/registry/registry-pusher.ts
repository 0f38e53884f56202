/** One repository of one registry endpoint, to push to: blobs and manifests (OCI distribution-spec, "Push"). */
import type { Readable } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import type { Reference } from '../../oci/reference.ts';
import type { RegistryAuth } from '../image-types.ts';
import type { Endpoint } from './endpoints.ts';
import { pushError } from './registry-error.ts';
import { type RegistryRequest, RegistrySession } from './registry-session.ts';
import { repositoryScope } from './scopes.ts';
import { type Answer, discard, type Transport } from './transport.ts';

/** Milliseconds: a registry may hash, or move, all of a blob before it answers. */
const commitPatience = 15 * 60_000;

/** An upload that the registry has begun, and how much of it is there. */
export interface UploadSession {
  location: URL;
  offset: number;
}

/** Bytes of a blob, from `offset` on. */
export interface BlobSource<Size = number> {
  size: Size;
  open: (offset: number) => Readable;
}

/** Every method rejects with EngineError in Docker's words; `details.status` is there where the registry answered. */
export class RegistryPusher {
  readonly #session: RegistrySession;
  readonly #reference: Reference;
  readonly #signal: AbortSignal;

  constructor(
    transport: Transport,
    endpoint: Endpoint,
    reference: Reference,
    auth: RegistryAuth | undefined,
    signal: AbortSignal,
  ) {
    this.#session = new RegistrySession(transport, endpoint, auth);
    this.#reference = reference;
    this.#signal = signal;
  }

  /** Is there a registry that takes these credentials? What a token is good for shows later. */
  async ping(): Promise<void> {
    const answer = await this.#send({ path: '' });
    if (answer.status !== 401 && answer.status < 500) return discard(answer);
    const challenge = String(answer.headers['www-authenticate'] ?? '');
    if (answer.status === 401 && !/\bbasic\b/i.test(challenge)) return discard(answer);
    throw await this.#failure(answer);
  }

  async hasBlob(digest: string): Promise<boolean> {
    const answer = await this.#send({ method: 'HEAD', path: this.#path(`blobs/${digest}`) });
    if (answer.status !== 200 && answer.status !== 404) throw await this.#failure(answer);
    discard(answer);
    return answer.status === 200;
  }

  /**
   * Begins an upload of `digest`, or mounts it from the repository `from` of the same registry: undefined then. Without `from`, a registry that
   * has the blob elsewhere may mount it too. `digest` may be undefined where nobody knows it yet.
   */
  async begin(digest: string | undefined, from: string | undefined): Promise<UploadSession | undefined> {
    const query = new URLSearchParams({
      ...(digest === undefined ? {} : { mount: digest }),
      ...(from === undefined ? {} : { from }),
    });
    const answer = await this.#send({
      method: 'POST',
      path: this.#path(`blobs/uploads/?${query}`),
      headers: { 'content-length': '0' },
      scopes: [...this.#scopes(), ...(from === undefined ? [] : [repositoryScope(from, 'pull')])],
    });
    if (answer.status === 201) return void discard(answer);
    if (answer.status !== 202) throw await this.#failure(answer);
    discard(answer);
    return { location: this.#location(answer), offset: 0 };
  }

  /** How far an upload came that was broken off; undefined where the registry has forgotten it. */
  async resume({ location }: UploadSession): Promise<UploadSession | undefined> {
    const answer = await this.#send({ path: '', url: location });
    discard(answer);
    if (answer.status !== 204 && answer.status !== 200) return undefined;
    const last = Number(/^(?:bytes=)?0-([0-9]+)$/.exec(String(answer.headers['range'] ?? ''))?.[1] ?? 0);
    // `0-0` is also what nothing at all is written as.
    return { location: this.#location(answer, location), offset: last === 0 ? 0 : last + 1 };
  }

  async cancel({ location }: UploadSession): Promise<void> {
    discard(await this.#send({ method: 'DELETE', path: '', url: location, tries: 1 }));
  }

  /** Sends all that is missing, without an end. Of a source that does not know its size (whose session is a new one) the caller knows how much that was. */
  async append(
    session: UploadSession,
    { size, open }: BlobSource<number | undefined>,
  ): Promise<UploadSession> {
    const { location, offset } = session;
    const length = size === undefined ? {} : { 'content-length': String(size - offset) };
    const range = size === undefined || offset === 0 ? {} : { 'content-range': `${offset}-${size - 1}` };
    const answer = await this.#send({
      method: 'PATCH',
      path: '',
      url: location,
      headers: {
        'content-type': 'application/octet-stream',
        ...length,
        ...range,
      },
      body: () => open(offset),
      tries: 1,
    });
    if (answer.status < 200 || answer.status > 299) throw await this.#failure(answer);
    discard(answer);
    return { location: this.#location(answer, location), offset: size ?? 0 };
  }

  /** Ends an upload: with the whole blob where nothing of it was sent, else with nothing more. */
  async commit(
    { location, offset }: UploadSession,
    digest: string,
    { size, open }: BlobSource,
  ): Promise<void> {
    const url = new URL(location);
    url.searchParams.set('digest', digest);
    const length = size - offset;
    const answer = await this.#send({
      method: 'PUT',
      path: '',
      url,
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(length) },
      ...(length === 0 ? {} : { body: () => open(offset) }),
      patience: commitPatience,
      tries: 1,
    });
    if (answer.status < 200 || answer.status > 299) throw await this.#failure(answer);
    discard(answer);
  }

  /** Names a manifest `reference` (a tag, or its digest). */
  async putManifest(
    reference: string,
    manifest: { digest: string; mediaType: string; data: Uint8Array },
  ): Promise<void> {
    const answer = await this.#send({
      method: 'PUT',
      path: this.#path(`manifests/${reference}`),
      headers: { 'content-type': manifest.mediaType },
      body: manifest.data,
    });
    if (answer.status < 200 || answer.status > 299) throw await this.#failure(answer);
    discard(answer);
    const stored = answer.headers['docker-content-digest'];
    if (typeof stored !== 'string' || stored === manifest.digest || !stored.startsWith('sha256:')) return;
    throw new EngineError('data-loss', `the registry stored the manifest ${manifest.digest} as ${stored}`);
  }

  #path(rest: string): string {
    return `${this.#reference.path}/${rest}`;
  }

  #scopes(): string[] {
    return [repositoryScope(this.#reference.path, 'pull,push')];
  }

  #send(
    request: Omit<RegistryRequest, 'scopes' | 'signal'> & { scopes?: readonly string[] },
  ): Promise<Answer> {
    return this.#session.send({ scopes: this.#scopes(), ...request, signal: this.#signal });
  }

  async #failure(answer: Answer): Promise<EngineError> {
    return pushError(await this.#session.failure(answer), this.#reference);
  }

  /** Behind a proxy that ends TLS, registries take themselves for HTTP. */
  #location({ headers, url }: Answer, previous?: URL): URL {
    const text = headers['location'];
    if (typeof text !== 'string' || !URL.canParse(text, url.href)) {
      if (previous !== undefined) return previous;
      throw new EngineError('unavailable', `the registry ${url.host} does not say where to upload to`);
    }
    const location = new URL(text, url);
    const own = new URL(this.#session.endpoint.url);
    if (own.protocol === 'https:' && location.protocol === 'http:' && location.host === own.host)
      location.protocol = 'https:';
    return location;
  }
}
