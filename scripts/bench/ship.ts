/** Images on their way: pulls from and pushes to a registry on loopback, of an image of a gigabyte in three layers. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Peer } from './engines.ts';
import { elapsedMs, runQuietly } from './measure.ts';

/** Of the tars, together. */
const imageBytes = 986e6;
const layerCount = 3;
const registryProgram = '/usr/bin/docker-registry';

export interface ShipContext {
  peer: Peer;
  docker: (...args: string[]) => string[];
}

/** A registry of Debian's docker-registry inside the peer's network namespace, over a directory of its own. */
class PeerRegistry {
  readonly host: string;
  readonly #child: ChildProcess;

  constructor(netns: string, directory: string, port: number) {
    this.host = `127.0.0.1:${port}`;
    mkdirSync(directory, { recursive: true });
    const config = join(directory, 'config.yml');
    writeFileSync(
      config,
      `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: ${directory}/data}}\nhttp: {addr: "${this.host}"}\n`,
    );
    const inside = [`--net=/run/netns/${netns}`, registryProgram, 'serve', config];
    this.#child = spawn('nsenter', inside, {
      stdio: 'ignore',
      env: { ...process.env, OTEL_TRACES_EXPORTER: 'none' },
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

/** Files of this host, as many as a layer holds, in an order that is the same each time. */
function chooseFiles(): string[][] {
  const listed = execFileSync(
    'find',
    ['/usr', '-xdev', '-type', 'f', '-size', '-40M', '-printf', '%s %P\\n'],
    {
      maxBuffer: 1 << 28,
    },
  );
  const files = listed
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => ({ size: Number(line.split(' ', 1)[0]), path: line.slice(line.indexOf(' ') + 1) }))
    .toSorted((a, b) => order(a.path).localeCompare(order(b.path)));
  const layers: string[][] = [];
  let filled = 0;
  for (const { size, path } of files) {
    const layer = Math.floor(filled / (imageBytes / layerCount));
    if (layer >= layerCount) break;
    layers[layer] ??= [];
    layers[layer]?.push(path);
    filled += size + 1024;
  }
  return layers;
}

function order(path: string): string {
  return createHash('sha256').update(path).digest('hex');
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return `sha256:${hash.digest('hex')}`;
}

/** An OCI layout of the image in `directory`, made once: gzip layers, as registries have them. */
async function prepareLayout(directory: string): Promise<void> {
  if (existsSync(join(directory, 'index.json'))) return;
  process.stderr.write('making an image of a gigabyte …\n');
  rmSync(directory, { recursive: true, force: true });
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const layers: Array<{ diffId: string; digest: string; size: number }> = [];
  for (const files of chooseFiles()) {
    const tar = join(directory, 'layer.tar');
    execFileSync('tar', ['-C', '/usr', '-cf', tar, '--no-recursion', '-T', '-'], {
      input: files.join('\n'),
    });
    const diffId = await digestOfFile(tar);
    execFileSync('gzip', ['-n', '-f', tar]);
    const digest = await digestOfFile(`${tar}.gz`);
    layers.push({ diffId, digest, size: statSync(`${tar}.gz`).size });
    renameSync(`${tar}.gz`, join(blobs, digest.slice(7)));
  }
  const put = (document: object): { digest: string; size: number } => {
    const data = JSON.stringify(document);
    const digest = order(data);
    writeFileSync(join(blobs, digest), data);
    return { digest: `sha256:${digest}`, size: Buffer.byteLength(data) };
  };
  const config = put({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config: { Cmd: ['/bin/true'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const manifest = put({
    schemaVersion: 2,
    mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
    config: { mediaType: 'application/vnd.docker.container.image.v1+json', ...config },
    layers: layers.map(({ digest, size }) => ({
      mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
      digest,
      size,
    })),
  });
  writeFileSync(join(directory, 'index.json'), JSON.stringify(manifest));
}

/** Uploads the layout's blobs and its manifest as `gigabyte:latest`. */
async function seed(layout: string, netns: string, host: string): Promise<void> {
  const manifest: { digest: string } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const blobs = join(layout, 'blobs/sha256');
  const curl = (...args: string[]): string =>
    execFileSync('nsenter', [`--net=/run/netns/${netns}`, 'curl', '-sSf', ...args]).toString();
  for (const name of readdirSync(blobs).filter((hex) => `sha256:${hex}` !== manifest.digest)) {
    const head = curl(
      '-X',
      'POST',
      '-D',
      '-',
      '-o',
      '/dev/null',
      `http://${host}/v2/gigabyte/blobs/uploads/`,
    );
    const location = /^location: (.*?)\r?$/im.exec(head)?.[1] ?? '';
    const target = new URL(location, `http://${host}`);
    target.searchParams.set('digest', `sha256:${name}`);
    curl('-X', 'PUT', '-H', 'Content-Type: application/octet-stream', '-T', join(blobs, name), target.href);
  }
  curl(
    '-X',
    'PUT',
    '-H',
    'Content-Type: application/vnd.docker.distribution.manifest.v2+json',
    '--data-binary',
    `@${join(blobs, manifest.digest.slice(7))}`,
    `http://${host}/v2/gigabyte/manifests/latest`,
  );
}

async function untilListening(netns: string, host: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    try {
      execFileSync('nsenter', [`--net=/run/netns/${netns}`, 'curl', '-sf', `http://${host}/v2/`]);
      return;
    } catch {
      await sleep(50);
    }
  }
  throw new Error(`no registry on ${host}`);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Median milliseconds of a pull, of a push of what was pulled, and of a push of the same layers as plain tars, each to a registry that has nothing of it. */
export async function measureShipping(
  { peer, docker }: ShipContext,
  cache: string,
  rounds: number,
): Promise<{ pull: number; push: number; pushPlain: number }> {
  const layout = join(cache, 'gigabyte');
  await prepareLayout(layout);
  const source = new PeerRegistry(peer.netns, join(peer.disk, 'registry-source'), 5000);
  const found = { pull: [] as number[], push: [] as number[], pushPlain: [] as number[] };
  const image = `${source.host}/gigabyte:latest`;
  try {
    await untilListening(peer.netns, source.host);
    await seed(layout, peer.netns, source.host);
    for (let round = 0; round < rounds; round += 1) {
      found.pull.push(await elapsedMs(() => runQuietly(docker('pull', '-q', image))));
      found.push.push(await pushToEmpty({ peer, docker }, image));
      const archive = await plainArchive(cache);
      await runQuietly(docker('rmi', image));
      await runQuietly(docker('load', '-q', '-i', archive));
      found.pushPlain.push(await pushToEmpty({ peer, docker }, 'gigabyte-plain:latest'));
      await runQuietly(docker('rmi', 'gigabyte-plain:latest'));
    }
  } finally {
    await source.stop();
    rmSync(join(peer.disk, 'registry-source'), { recursive: true, force: true });
  }
  return { pull: median(found.pull), push: median(found.push), pushPlain: median(found.pushPlain) };
}

async function pushToEmpty({ peer, docker }: ShipContext, image: string): Promise<number> {
  const directory = join(peer.disk, 'registry-target');
  rmSync(directory, { recursive: true, force: true });
  const target = new PeerRegistry(peer.netns, directory, 5001);
  const name = `${target.host}/gigabyte:latest`;
  try {
    await untilListening(peer.netns, target.host);
    await runQuietly(docker('tag', image, name));
    const elapsed = await elapsedMs(() => runQuietly(docker('push', '-q', name)));
    await runQuietly(docker('rmi', name));
    return elapsed;
  } finally {
    await target.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Path of the image as an archive of plain layers, `0.tar` to `2.tar`; made where it is not there. */
export async function plainArchive(cache: string): Promise<string> {
  const layout = join(cache, 'gigabyte');
  await prepareLayout(layout);
  const archive = join(cache, 'plain.tar');
  if (!existsSync(archive)) makePlainArchive(layout, archive);
  return archive;
}

/** The archive that `docker save` of an image built on the host gives: layers without compression. */
function makePlainArchive(layout: string, archive: string): void {
  const directory = `${archive}.d`;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const blobs = join(layout, 'blobs/sha256');
  const index: { digest: string } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const manifest: { config: { digest: string }; layers: Array<{ digest: string }> } = JSON.parse(
    readFileSync(join(blobs, index.digest.slice(7)), 'utf8'),
  );
  const config: { created?: string } = JSON.parse(
    readFileSync(join(blobs, manifest.config.digest.slice(7)), 'utf8'),
  );
  writeFileSync(
    join(directory, 'config.json'),
    JSON.stringify({ ...config, created: '2026-01-01T00:00:00Z' }),
  );
  const names = manifest.layers.map(({ digest }, at) => {
    execFileSync('sh', [
      '-c',
      `gzip -dc "$0" >"$1"`,
      join(blobs, digest.slice(7)),
      join(directory, `${at}.tar`),
    ]);
    return `${at}.tar`;
  });
  writeFileSync(
    join(directory, 'manifest.json'),
    JSON.stringify([{ Config: 'config.json', RepoTags: ['gigabyte-plain:latest'], Layers: names }]),
  );
  execFileSync('tar', ['-C', directory, '-cf', archive, '.']);
  rmSync(directory, { recursive: true });
}
