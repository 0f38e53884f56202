/** A daemon and a registry for images made to harm, with what they must not touch, and what must hold after each attempt. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestDaemon } from './daemon.ts';
import {
  buildImage,
  busyboxRootTar,
  digestOf,
  dockerArchive,
  type FixtureBlob,
  type FixtureImage,
} from './image-fixtures.ts';
import { type FakeRegistry, startFakeRegistry } from './registry-fake.ts';

export interface Attempt {
  /** Did the daemon take the image? */
  isTaken: boolean;
  /** What it said. */
  text: string;
  name: string;
}

/** Bytes that no attempt may make the daemon grow to: it has no more work than its threads and buffers. */
const maxMemory = 800_000_000;

export class HostileBench {
  readonly daemon: TestDaemon;
  readonly registry: FakeRegistry;
  /** A directory outside, at which archives aim. */
  readonly outside = mkdtempSync(join(tmpdir(), 'gantry-victim-'));
  readonly #before: string;
  #count = 0;

  private constructor(daemon: TestDaemon, registry: FakeRegistry) {
    this.daemon = daemon;
    this.registry = registry;
    writeFileSync(join(this.outside, 'victim'), 'untouched');
    this.#before = this.#hostState();
  }

  static async start(): Promise<HostileBench> {
    return new HostileBench(await TestDaemon.start(), await startFakeRegistry());
  }

  async close(): Promise<void> {
    await this.daemon.close();
    await this.registry.stop();
    rmSync(this.outside, { recursive: true });
  }

  /** Nothing outside is touched, nothing half made is left, the daemon lives and is no larger than it may be. */
  async check(): Promise<void> {
    assert.equal(this.#hostState(), this.#before);
    const rooms = ['overlay/temporary', 'images/ingest'].map((path) => join(this.daemon.dataRoot, path));
    assert.deepEqual(
      rooms.flatMap((path) => readdirSync(path)),
      [],
    );
    assert.ok(await this.daemon.ping());
    const status = readFileSync(`/proc/${this.daemon.pid}/status`, 'utf8');
    const memory = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
    assert.ok(memory < maxMemory, `the daemon has ${memory} bytes`);
  }

  newTag(): string {
    this.#count += 1;
    return `t${this.#count}`;
  }

  async load(archive: Buffer, name = ''): Promise<Attempt> {
    return { ...(await this.#post('/images/load?quiet=1', archive)), name };
  }

  async pull(tag: string): Promise<Attempt> {
    const name = `${this.registry.host}/hostile`;
    const path = `/images/create?fromImage=${encodeURIComponent(name)}&tag=${tag}`;
    return { ...(await this.#post(path)), name: `${name}:${tag}` };
  }

  /** Loads an image and pulls it, in that order. */
  async both(image: FixtureImage): Promise<Attempt[]> {
    const tag = this.newTag();
    this.registry.add(tag, image);
    const name = `hostile:${tag}`;
    const loaded = await this.load(dockerArchive([{ image, tags: [name] }]), name);
    if (loaded.isTaken) await this.daemon.ok(['rmi', '-f', name]);
    return [loaded, await this.pull(tag)];
  }

  /** Neither way takes it, and both say why. */
  async refused(image: FixtureImage, reason: RegExp): Promise<void> {
    for (const attempt of await this.both(image)) this.isRefused(attempt, reason);
  }

  isRefused({ isTaken, text }: Attempt, reason: RegExp): void {
    assert.ok(!isTaken, `taken: ${reason}`);
    assert.match(text, reason);
    assert.doesNotMatch(text, /internal|TypeError|RangeError|is not a function/i);
  }

  /** What `script` says in a container of the image, which must be taken both ways. */
  async runIn(layers: readonly Buffer[], script: string): Promise<string> {
    const attempts = await this.both(buildImage({ layers: [busyboxRootTar(), ...layers] }));
    for (const { isTaken, text } of attempts) assert.ok(isTaken, text);
    return await this.run(attempts.at(-1)?.name ?? '', script);
  }

  run(name: string, script: string): Promise<string> {
    return this.daemon.ok(['run', '--rm', '--network', 'none', name, '/bin/sh', '-c', script]);
  }

  /** All that hostile archives of these tests aim at. */
  #hostState(): string {
    const files = ['/etc/passwd', '/etc/shadow', join(this.outside, 'victim')].map((path) => {
      const { mode, uid, gid, nlink, mtimeMs } = lstatSync(path);
      const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
      return [path, mode, uid, gid, nlink, mtimeMs, digest];
    });
    const places = [this.outside, '/', '/etc', this.daemon.root];
    return JSON.stringify([files, places.map((path) => readdirSync(path).toSorted())], undefined, 1);
  }

  #post(path: string, body?: Buffer): Promise<{ isTaken: boolean; text: string }> {
    return new Promise((resolve, reject) => {
      const asked = request(
        { socketPath: this.daemon.socket, method: 'POST', path, timeout: 60_000 },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('error', reject).on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({ isTaken: answer.statusCode === 200 && !text.includes('"errorDetail"'), text });
          });
        },
      );
      asked.on('error', reject).on('timeout', () => asked.destroy(new Error(`no answer to ${path}`)));
      asked.end(body);
    });
  }
}

/** An image with one layer of these bytes, whatever they are. */
export function withLayer(layer: FixtureBlob, diffId: string): FixtureImage {
  const image = buildImage({ layers: [Buffer.alloc(1024)] });
  const config = JSON.parse(image.config.data.toString());
  config.rootfs.diff_ids = [diffId];
  return withDocuments(image, Buffer.from(JSON.stringify(config)), [layer]);
}

/** An image with another configuration, and these layers. */
export function withDocuments(
  image: FixtureImage,
  config: Buffer,
  layers: readonly FixtureBlob[],
): FixtureImage {
  const described = ({ mediaType, digest, data }: FixtureBlob): object => ({
    mediaType,
    digest,
    size: data.length,
  });
  const configBlob = { ...image.config, data: config, digest: digestOf(config) };
  const manifest = {
    ...JSON.parse(image.manifest.data.toString()),
    config: described(configBlob),
    layers: layers.map(described),
  };
  const data = Buffer.from(JSON.stringify(manifest));
  return {
    ...image,
    config: configBlob,
    layers: layers.map((layer) => ({ ...layer, diffId: digestOf(layer.data), tar: layer.data })),
    manifest: { ...image.manifest, data, digest: digestOf(data) },
  };
}
