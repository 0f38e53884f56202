/** One repository of one registry endpoint: its manifests and blobs (OCI distribution-spec, "Pull"). */
import type { Readable } from 'node:stream';
import { EngineError, isEngineError, messageOf } from '../../errors/engine-error.ts';
import { digestOf, isDigest } from '../../oci/digest.ts';
import { acceptedManifestTypes } from '../../oci/media-types.ts';
import type { Reference } from '../../oci/reference.ts';
import type { RegistryAuth } from '../image-types.ts';
import { parseChallenges } from './auth-challenge.ts';
import { Authorizer } from './authorizer.ts';
import type { Endpoint } from './endpoints.ts';
import { readBytes, readText } from './read-text.ts';
import { pullError, readFailure } from './registry-error.ts';
import type { Answer, Transport } from './transport.ts';

/** The same bound that registries have. */
const maxManifestSize = 4 * 1024 * 1024;
/** A challenge, and one more where a token ran out meanwhile. */
const maxChallenges = 2;

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
  readonly #transport: Transport;
  readonly #reference: Reference;
  readonly #authorizer: Authorizer;

  /** Errors speak of `reference` as Docker does. */
  constructor(
    transport: Transport,
    endpoint: Endpoint,
    reference: Reference,
    auth: RegistryAuth | undefined,
  ) {
    this.endpoint = endpoint;
    this.#transport = transport;
    this.#reference = reference;
    this.#authorizer = new Authorizer({
      transport,
      auth: endpoint.isMirror ? undefined : auth,
      scope: `repository:${reference.path}:pull`,
      isInsecure: endpoint.isInsecure,
    });
  }

  /** Fetches a manifest or index by tag or digest, and checks what can be checked. EngineError in Docker's words. */
  async manifest(reference: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const answer = await this.#get(
      `manifests/${reference}`,
      { accept: acceptedManifestTypes.join(', ') },
      signal,
    );
    const data = await readBody(answer, signal);
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
    const answer = await this.#get(`blobs/${digest}`, headers, signal);
    const range = answer.headers['content-range'];
    const first = typeof range === 'string' ? /^bytes ([0-9]+)-/.exec(range)?.[1] : undefined;
    return { body: answer.body, offset: answer.status === 206 ? Number(first ?? offset) : 0 };
  }

  /** GET with authentication as far as the registry asks for it. Rejects where the status is no success. */
  async #get(path: string, headers: Record<string, string>, signal?: AbortSignal): Promise<Answer> {
    const url = new URL(`${this.endpoint.url}/v2/${this.#reference.path}/${path}`);
    for (let challenges = 0; ; challenges += 1) {
      const authorization = this.#authorizer.header();
      const answer = await this.#transport.send({
        url,
        headers: authorization === undefined ? headers : { ...headers, authorization },
        isInsecure: this.endpoint.isInsecure,
        signal,
      });
      if (answer.status === 200 || answer.status === 206) return answer;
      const text = await readText(answer.body, maxManifestSize);
      const challenge = answer.headers['www-authenticate'];
      if (answer.status === 401 && challenge !== undefined && challenges < maxChallenges) {
        if (await this.#authorizer.answer(parseChallenges([challenge].flat().join(', ')), url, signal))
          continue;
      }
      throw pullError(readFailure(answer.status, text), this.#reference);
    }
  }
}

async function readBody(answer: Answer, signal?: AbortSignal): Promise<Buffer> {
  try {
    return await readBytes(answer.body, maxManifestSize);
  } catch (error) {
    if (isEngineError(error)) throw error;
    if (signal?.aborted === true)
      throw new EngineError('cancelled', 'the request was cancelled', { cause: error });
    throw new EngineError('unavailable', `the connection to ${answer.url.host} broke: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
