/** Many clients at once that push, pull and delete images of a registry, and know what must be there. */
import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { Agent, request } from 'undici';
import { digestOf } from './image-fixtures.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const repositories = 5;
/** Layers that all images share: so many that each loses its last image for longer than the grace period, and comes back. */
const poolSize = 1000;

interface Item {
  digest: string;
  data: Buffer;
  mediaType: string;
}

interface Slot {
  repository: string;
  tag: string;
  /** What the tag names now; undefined for nothing. */
  manifest: string | undefined;
  /** Grows with each change, so that a pull knows whether it may fail. */
  changes: number;
}

export interface LoadCounts {
  pushes: number;
  pulls: number;
  deletions: number;
  /** Bytes that pulls read and checked. */
  bytes: number;
  /** Pushes that took longer than the grace period, and so may be refused. */
  late: number;
  /** The longest push, in milliseconds. */
  longestPush: number;
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  data: Buffer;
}

export class RegistryLoad {
  readonly counts: LoadCounts = { pushes: 0, pulls: 0, deletions: 0, bytes: 0, late: 0, longestPush: 0 };
  readonly slots: Slot[];
  readonly #url: string;
  readonly #grace: number;
  readonly #agent: Agent;
  readonly #pool: Item[];

  /** `clients` work at once; each has a tag of its own that only it changes. `grace` is the registry's, in milliseconds. */
  constructor(url: string, clients: number, grace: number) {
    this.#url = url;
    this.#grace = grace;
    this.#agent = new Agent({ connections: clients });
    this.#pool = Array.from({ length: poolSize }, (_, index) =>
      item('application/vnd.oci.image.layer.v1.tar', randomBytes(500 + (index % 40) * 1000)),
    );
    this.slots = Array.from({ length: clients }, (_, index) => ({
      repository: `load/r${index % repositories}`,
      tag: `t${index}`,
      manifest: undefined,
      changes: 0,
    }));
  }

  /** All clients work for so long. Rejects at the first thing that is not as it must be. */
  async run(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    let isBroken = false;
    const work = async (slot: Slot): Promise<void> => {
      while (performance.now() < end && !isBroken) await this.#step(slot);
    };
    await Promise.all(
      this.slots.map((slot) =>
        work(slot).catch((error: unknown) => {
          isBroken = true;
          throw error;
        }),
      ),
    );
  }

  async #step(slot: Slot): Promise<void> {
    const choice = randomInt(10);
    if (slot.manifest === undefined || choice < 4) await this.#push(slot, choice === 0);
    else if (choice < 9) await this.pull(this.slots[randomInt(this.slots.length)] ?? slot);
    else await this.remove(slot);
  }

  async #push(slot: Slot, isIndex: boolean): Promise<void> {
    const started = performance.now();
    slot.changes += 1;
    const digest = isIndex ? await this.#pushIndex(slot) : await this.#pushImage(slot, slot.tag);
    slot.changes += 1;
    const took = performance.now() - started;
    this.counts.longestPush = Math.max(this.counts.longestPush, took);
    if (digest === undefined) {
      assert.ok(took > this.#grace, `a push of ${took} ms found that what it had pushed was gone`);
      this.counts.late += 1;
      return;
    }
    slot.manifest = digest;
    this.counts.pushes += 1;
  }

  /** Undefined where the registry says that a blob is not there any more. */
  async #pushImage(slot: Slot, reference: string | undefined): Promise<string | undefined> {
    const config = item(
      'application/vnd.oci.image.config.v1+json',
      Buffer.from(randomBytes(200).toString('hex')),
    );
    const layers = [0, 1, 2].map(() => this.#pool[randomInt(poolSize)] ?? config);
    for (const blob of [config, ...layers])
      if (!(await this.#putBlob(slot.repository, blob))) return undefined;
    const manifest = item(
      manifestType,
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          mediaType: manifestType,
          config: describe(config),
          layers: layers.map(describe),
        }),
      ),
    );
    return await this.#putManifest(slot.repository, reference ?? manifest.digest, manifest);
  }

  async #pushIndex(slot: Slot): Promise<string | undefined> {
    const digests = [await this.#pushImage(slot, undefined), await this.#pushImage(slot, undefined)];
    const manifests = [];
    for (const digest of digests) {
      if (digest === undefined) return undefined;
      const { status, data } = await this.#send('GET', `/v2/${slot.repository}/manifests/${digest}`);
      if (status === 404) return undefined;
      manifests.push(describe({ digest, data, mediaType: manifestType }));
    }
    const text = JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests });
    return await this.#putManifest(slot.repository, slot.tag, item(indexType, Buffer.from(text)));
  }

  /** False where the upload was given up in the middle, as one that nobody goes on with for the grace period may be. */
  async #putBlob(repository: string, { digest, data }: Item): Promise<boolean> {
    const head = await this.#send('HEAD', `/v2/${repository}/blobs/${digest}`);
    if (head.status === 200) return true;
    assert.equal(head.status, 404);
    const from = `load/r${randomInt(repositories)}`;
    const begun = await this.#send('POST', `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${from}`);
    if (begun.status === 201) return true;
    assert.equal(begun.status, 202, begun.data.toString());
    const location = new URL(String(begun.headers['location']), this.#url);
    const half = data.length >> 1;
    const octets = { 'content-type': 'application/octet-stream' };
    const patched = await this.#send('PATCH', location.href, octets, data.subarray(0, half));
    if (patched.status === 404) return false;
    assert.equal(patched.status, 202, patched.data.toString());
    const next = new URL(String(patched.headers['location']), this.#url);
    next.searchParams.set('digest', digest);
    const put = await this.#send('PUT', next.href, octets, data.subarray(half));
    if (put.status === 404) return false;
    assert.equal(put.status, 201, put.data.toString());
    return true;
  }

  async #putManifest(repository: string, reference: string, manifest: Item): Promise<string | undefined> {
    const headers = { 'content-type': manifest.mediaType };
    const path = `/v2/${repository}/manifests/${reference}`;
    const put = await this.#send('PUT', path, headers, manifest.data);
    if (put.status === 404 || (put.status === 400 && put.data.includes('MANIFEST_BLOB_UNKNOWN')))
      return undefined;
    assert.equal(put.status, 201, put.data.toString());
    return manifest.digest;
  }

  /** Pulls all that the tag names and checks each byte. A 404 is a failure unless the tag moved or went meanwhile. */
  async pull(slot: Slot): Promise<void> {
    const { manifest, changes, repository, tag } = slot;
    const mayFail = (): boolean => manifest === undefined || slot.changes !== changes;
    const isWhole = await this.#pullManifest(repository, tag, mayFail);
    if (isWhole) this.counts.pulls += 1;
  }

  async #pullManifest(repository: string, reference: string, mayFail: () => boolean): Promise<boolean> {
    const data = await this.#fetch(`/v2/${repository}/manifests/${reference}`, mayFail);
    if (data === undefined) return false;
    const { config, layers = [], manifests = [] }: Named = JSON.parse(data.toString());
    for (const { digest } of manifests)
      if (!(await this.#pullManifest(repository, digest, mayFail))) return false;
    for (const { digest } of config === undefined ? layers : [config, ...layers]) {
      const blob = await this.#fetch(`/v2/${repository}/blobs/${digest}`, mayFail);
      if (blob === undefined) return false;
      assert.equal(digestOf(blob), digest);
    }
    return true;
  }

  async #fetch(path: string, mayFail: () => boolean): Promise<Buffer | undefined> {
    const { status, data } = await this.#send('GET', path, { accept: `${indexType}, ${manifestType}` });
    if (status === 404 && mayFail()) return undefined;
    assert.equal(status, 200, `${path}: ${data}`);
    this.counts.bytes += data.length;
    return data;
  }

  /** Deletes the tag, or the manifest with it. */
  async remove(slot: Slot): Promise<void> {
    if (slot.manifest === undefined) return;
    slot.changes += 1;
    const reference = randomInt(2) === 0 ? slot.tag : slot.manifest;
    slot.manifest = undefined;
    const { status } = await this.#send('DELETE', `/v2/${slot.repository}/manifests/${reference}`);
    assert.equal(status, 202);
    slot.changes += 1;
    this.counts.deletions += 1;
  }

  /** Digests of all that the tags need, manifests too. */
  async needed(): Promise<Set<string>> {
    const digests = new Set<string>();
    const open = this.slots.flatMap(({ repository, manifest }) =>
      manifest === undefined ? [] : [{ repository, digest: manifest }],
    );
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      const { repository, digest } = one;
      digests.add(digest);
      const path = `/v2/${repository}/manifests/${digest}`;
      const text = await this.#fetch(path, () => false);
      const { config, layers = [], manifests = [] }: Named = JSON.parse(String(text));
      open.push(...manifests.map((manifest) => ({ repository, digest: manifest.digest })));
      for (const blob of config === undefined ? layers : [config, ...layers]) digests.add(blob.digest);
    }
    return digests;
  }

  async #send(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: Buffer,
  ): Promise<Answer> {
    const answer = await request(new URL(path, this.#url), {
      method: method as 'GET',
      headers,
      dispatcher: this.#agent,
      ...(body === undefined ? {} : { body }),
    });
    const data = Buffer.from(await answer.body.arrayBuffer());
    assert.ok(answer.statusCode < 500, `${method} ${path}: ${answer.statusCode} ${data}`);
    return { status: answer.statusCode, headers: answer.headers, data };
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

interface Named {
  config?: { digest: string };
  layers?: Array<{ digest: string }>;
  manifests?: Array<{ digest: string }>;
}

function item(mediaType: string, data: Buffer): Item {
  return { mediaType, data, digest: digestOf(data) };
}

function describe({ mediaType, digest, data }: Item): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest, size: data.length };
}
