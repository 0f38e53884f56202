/** A client that sends exactly what a test says, also what no decent client would send. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

export interface Question {
  headers?: Record<string, string>;
  /** An array is sent piece by piece, without a `Content-Length`. */
  body?: Buffer | string | readonly Buffer[];
}

/** A manifest with its bytes, as it was pushed. */
export interface PushedDocument {
  digest: string;
  data: Buffer;
  document: Record<string, unknown>;
}

const timeout = 10_000;
const allManifests = [
  mediaTypes.ociManifest,
  mediaTypes.ociIndex,
  mediaTypes.dockerManifest,
  mediaTypes.dockerManifestList,
].join(', ');

export class RegistryClient {
  readonly #url: () => string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });

  constructor(url: () => string) {
    this.#url = url;
  }

  get url(): string {
    return this.#url();
  }

  close(): void {
    this.#agent.destroy();
  }

  /** A name that no other test uses. */
  repository(): string {
    return `conformance/${randomBytes(6).toString('hex')}`;
  }

  /** `path` is relative to the registry, or a whole `Location`. */
  async ask(method: string, path: string, { headers = {}, body }: Question = {}): Promise<Answer> {
    const target = new URL(path, this.#url());
    const asked = request(target, { method, agent: this.#agent, headers, timeout });
    // A refusal may come before all was sent.
    asked.on('error', () => undefined);
    asked.once('timeout', () => asked.destroy(new Error(`${method} ${path} was not answered in time`)));
    if (Array.isArray(body)) for (const piece of body) asked.write(piece);
    else if (body !== undefined)
      asked.setHeader('Content-Length', Buffer.byteLength(body.toString('latin1'), 'latin1'));
    else if (method !== 'GET' && method !== 'HEAD') asked.setHeader('Content-Length', 0);
    asked.end(Array.isArray(body) ? undefined : body);
    const [response] = await once(asked, 'response');
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece);
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) };
  }

  /** Sends bytes as they are, and returns all that comes until the registry closes. */
  async raw(lines: readonly string[]): Promise<string> {
    const { hostname, port } = new URL(this.#url());
    const socket = connect(Number(port), hostname);
    socket.setTimeout(timeout, () => socket.destroy(new Error('not answered in time')));
    socket.end(`${lines.join('\r\n')}\r\n\r\n`);
    return await text(socket);
  }

  async startUpload(repository: string): Promise<string> {
    const answer = await this.ask('POST', `/v2/${repository}/blobs/uploads/`);
    assert.equal(answer.status, 202);
    return locationOf(answer);
  }

  async pushBlob(repository: string, data: Buffer | string): Promise<string> {
    const digest = digestOf(data);
    const location = await this.startUpload(repository);
    const answer = await this.ask('PUT', withQuery(location, { digest }), {
      headers: { 'Content-Type': 'application/octet-stream' },
      body: data,
    });
    assert.equal(answer.status, 201, answer.body.toString());
    return digest;
  }

  async putManifest(
    repository: string,
    reference: string,
    data: Buffer | string,
    mediaType: string = mediaTypes.ociManifest,
  ): Promise<Answer> {
    return await this.ask('PUT', `/v2/${repository}/manifests/${reference}`, {
      headers: { 'Content-Type': mediaType },
      body: data,
    });
  }

  /** Pushes a small image's config, layer and manifest; `more` goes into the manifest. No `reference`: by digest. */
  async pushImage(
    repository: string,
    reference?: string,
    more: Record<string, unknown> = {},
  ): Promise<PushedDocument & { config: string; layer: string }> {
    const config = Buffer.from(JSON.stringify({ seed: randomBytes(4).toString('hex') }));
    const layer = randomBytes(300);
    await this.pushBlob(repository, config);
    await this.pushBlob(repository, layer);
    const pushed = await this.pushDocument(repository, reference, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: descriptor(mediaTypes.ociConfig, config),
      layers: [descriptor(mediaTypes.ociLayer, layer)],
      ...more,
    });
    return { ...pushed, config: digestOf(config), layer: digestOf(layer) };
  }

  /** Pushes a manifest or an index. */
  async pushDocument(
    repository: string,
    reference: string | undefined,
    document: Record<string, unknown>,
  ): Promise<PushedDocument> {
    // Spaces show whether the bytes were kept as they came.
    const data = Buffer.from(`${JSON.stringify(document, undefined, 3)}\n `);
    const digest = digestOf(data);
    const mediaType = String(document['mediaType'] ?? mediaTypes.ociManifest);
    const answer = await this.putManifest(repository, reference ?? digest, data, mediaType);
    assert.equal(answer.status, 201, answer.body.toString());
    return { digest, data, document };
  }

  async getManifest(repository: string, reference: string, method = 'GET'): Promise<Answer> {
    return await this.ask(method, `/v2/${repository}/manifests/${reference}`, {
      headers: { Accept: allManifests },
    });
  }
}

export function descriptor(mediaType: string, data: Buffer | string): Record<string, unknown> {
  return { mediaType, digest: digestOf(data), size: Buffer.byteLength(data) };
}

export function locationOf(answer: Answer): string {
  const { location } = answer.headers;
  assert.ok(location !== undefined, 'there must be a Location');
  return location;
}

export function withQuery(location: string, parameters: Record<string, string>): string {
  const relative = location.startsWith('/');
  const url = new URL(location, 'http://relative');
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return relative ? `${url.pathname}${url.search}` : url.href;
}

interface ErrorBody {
  errors: Array<{ code: string; message: string; detail?: Record<string, unknown> }>;
}

/** Asserts status and code, in the form of "Error Codes". */
export function assertError(answer: Answer, status: number, code: string): ErrorBody['errors'][number] {
  assert.equal(answer.status, status, answer.body.toString());
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
  const body = jsonOf<ErrorBody>(answer);
  const [first] = body.errors;
  assert.ok(first !== undefined);
  assert.equal(first.code, code);
  assert.match(first.code, /^[A-Z_]+$/);
  assert.equal(typeof first.message, 'string');
  return first;
}

export function jsonOf<T>(answer: Answer): T {
  return JSON.parse(answer.body.toString());
}
