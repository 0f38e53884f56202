/** Pulls from a real registry: what is said, what is stored, which image of an index, and who may. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { isEngineError } from '../../src/errors/engine-error.ts';
import type { Image, ProgressMessage, PullRequest } from '../../src/images/image-types.ts';
import { readLayeredFile } from '../../src/snapshots/layered-files.ts';
import {
  buildBusyboxImage,
  buildImage,
  buildIndex,
  digestOf,
  type FixtureImage,
} from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.ts';
import { type FakeRegistry, startFakeRegistry } from '../support/registry-fake.ts';
import { tarOf } from '../support/tar-writer.ts';

let registry: TestRegistry;
let fake: FakeRegistry;
let rooms: ImageRooms;
before(async () => {
  registry = await startRegistry();
});
after(() => registry.stop());
beforeEach(async () => {
  fake = await startFakeRegistry();
  rooms = await openImageRooms();
});
afterEach(async () => {
  await rooms.close();
  await fake.stop();
});

async function pull(
  reference: string,
  more: Partial<PullRequest> = {},
): Promise<{ image: Image; messages: ProgressMessage[] }> {
  const messages: ProgressMessage[] = [];
  const image = await rooms.images.pull({
    reference,
    progress: (message) => messages.push(message),
    ...more,
  });
  return { image, messages };
}

/** An image of `count` layers of random bytes, which no compression makes smaller. */
function randomImage(count: number, size: number): FixtureImage {
  return buildImage({
    layers: Array.from({ length: count }, (_, index) =>
      tarOf([{ name: `file${index}`, data: randomBytes(size) }]),
    ),
  });
}

test('a pull says what Docker says, and again that it is up to date', async () => {
  const image = buildBusyboxImage();
  const digest = await registry.push('library/busybox', 'latest', image);
  const name = `${registry.host}/library/busybox`;
  const first = await pull(name);
  const id = image.layers[0]?.digest.slice(7, 19) ?? '';
  const total = image.layers[0]?.data.length ?? 0;
  const lines = first.messages.filter(({ status }) => status !== 'Downloading' && status !== 'Extracting');
  assert.deepEqual(lines, [
    { status: 'Pulling from library/busybox', id: 'latest' },
    { id, status: 'Pulling fs layer' },
    { id, status: 'Verifying Checksum' },
    { id, status: 'Download complete' },
    { id, status: 'Pull complete' },
    { status: `Digest: ${digest}` },
    { status: `Status: Downloaded newer image for ${name}:latest` },
  ]);
  for (const status of ['Downloading', 'Extracting']) {
    assert.deepEqual(
      first.messages.findLast((message) => message.status === status),
      { id, status, current: total, total },
    );
  }
  assert.equal(first.image.id, image.config.digest);
  assert.deepEqual(first.image.repoTags, [`${name}:latest`]);
  assert.deepEqual(first.image.repoDigests, [`${name}@${digest}`]);
  assert.equal(first.image.manifestDigest, digest);
  assert.deepEqual(first.image.config.config?.Cmd, ['sh']);
  const trees = rooms.snapshots.trees(first.image.chainIds);
  assert.match(readLayeredFile(trees, '/etc/passwd')?.toString() ?? '', /^root:x:0:0/);
  assert.ok(lstatSync(join(trees[0] ?? '', 'bin/ls')).isSymbolicLink());
  const second = await pull(name);
  assert.deepEqual(second.messages, [
    { status: 'Pulling from library/busybox', id: 'latest' },
    { status: `Digest: ${digest}` },
    { status: `Status: Image is up to date for ${name}:latest` },
  ]);
});

test('by digest, and a tag that moved', async () => {
  const old = randomImage(1, 10);
  const digest = await registry.push('moving', 'v', old);
  await pull(`${registry.host}/moving:v`);
  await registry.push('moving', 'v', randomImage(1, 10));
  const { image } = await pull(`${registry.host}/moving:v`);
  assert.notEqual(image.id, old.config.digest);
  assert.deepEqual(rooms.images.get(old.config.digest).repoTags, []);
  const byDigest = await pull(`${registry.host}/moving:ignored@${digest}`);
  assert.equal(byDigest.image.id, old.config.digest);
  assert.deepEqual(byDigest.messages[0], { status: 'Pulling from moving', id: digest });
  assert.equal(rooms.images.get(`${registry.host}/moving@${digest}`).id, old.config.digest);
});

test('an index gives the image of the platform: Docker’s and OCI’s, gzip and zstd', async () => {
  const platforms = ['amd64', 'arm64', 's390x'].map((architecture) => ({ architecture, os: 'linux' }));
  const images = platforms.map((platform, index) =>
    buildImage({
      layers: [tarOf([{ name: platform.architecture }])],
      platform,
      compression: index === 1 ? 'zstd' : 'gzip',
    }),
  );
  await registry.pushIndex('multi', 'oci', buildIndex(images), images);
  const docker = images.map((image) =>
    buildImage({ layers: image.layers.map(({ tar }) => tar), platform: image.platform, format: 'docker' }),
  );
  const listDigest = await registry.pushIndex('multi', 'docker', buildIndex(docker, 'docker'), docker);
  for (const tag of ['oci', 'docker']) {
    for (const { architecture } of platforms) {
      const { image } = await pull(`${registry.host}/multi:${tag}`, { platform: `linux/${architecture}` });
      assert.equal(image.config.architecture, architecture);
      assert.ok(readLayeredFile(rooms.snapshots.trees(image.chainIds), `/${architecture}`));
    }
  }
  assert.ok(
    rooms.images
      .get(`${registry.host}/multi:docker`)
      .repoDigests.includes(`${registry.host}/multi@${listDigest}`),
  );
  await assert.rejects(
    pull(`${registry.host}/multi:oci`, { platform: 'linux/riscv64' }),
    (error) =>
      isEngineError(error, 'not-found') &&
      error.message === 'no matching manifest for linux/riscv64 in the manifest list entries',
  );
});

test('layers that another image brought are not fetched again', async () => {
  const base = tarOf([{ name: 'base', data: randomBytes(1000) }]);
  const one = buildImage({ layers: [base, tarOf([{ name: '1' }])] });
  const two = buildImage({ layers: [base, tarOf([{ name: '2' }])], compression: 'zstd' });
  fake.add('one', one);
  fake.add('two', two);
  await pull(`${fake.host}/x:one`);
  fake.requests.length = 0;
  const { messages, image } = await pull(`${fake.host}/x:two`);
  assert.ok(
    messages.some(
      ({ id, status }) => status === 'Already exists' && id === two.layers[0]?.digest.slice(7, 19),
    ),
  );
  assert.ok(!fake.requests.some(({ path }) => path.endsWith(two.layers[0]?.digest ?? '')));
  // The one that is kept may still be needed when the other image has gone.
  await rooms.images.remove(`${fake.host}/x:one`, { force: false, prune: true, usedBy: () => undefined });
  assert.ok(rooms.snapshots.hasLayer(image.chainIds[0] ?? ''));
  assert.ok(rooms.blobs.has(one.layers[0]?.digest ?? ''));
  assert.ok(!rooms.blobs.has(one.layers[1]?.digest ?? ''));
});

test('what is not there, what is no image, and who does not answer', async () => {
  await assert.rejects(
    pull(`${registry.host}/nothing:here`),
    (error) =>
      isEngineError(error, 'not-found') &&
      error.message ===
        `manifest for ${registry.host}/nothing:here not found: manifest unknown: manifest unknown`,
  );
  await assert.rejects(
    pull('Not A Reference'),
    (error) => isEngineError(error, 'invalid-argument') && /^invalid reference format/.test(error.message),
  );
  await assert.rejects(
    pull('127.0.0.1:1/x'),
    (error) =>
      isEngineError(error, 'unavailable') &&
      /dial tcp 127.0.0.1:1: connect: connection refused$/.test(error.message),
  );
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 1, name: 'old', fsLayers: [] }));
  fake.put('old', {
    digest: digestOf(manifest),
    mediaType: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
    data: manifest,
  });
  await assert.rejects(
    pull(`${fake.host}/x:old`),
    (error) => isEngineError(error, 'not-implemented') && /schema 1/.test(error.message),
  );
});

test('Basic authentication, against a real registry', async () => {
  // User "ann", password "secret", bcrypt.
  const guarded = await startRegistry({
    htpasswd: 'ann:$2b$04$CprpQBBKMYxHS/fXFSUxM.pzZMhQSeVv3qOXxezGkbI7s59IQaYue\n',
  });
  try {
    const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
    await pushImage(guarded.url, 'private', 'latest', buildBusyboxImage(), { authorization });
    const auth = { username: 'ann', password: 'secret' };
    assert.equal(
      (await pull(`${guarded.host}/private`, { auth })).image.id,
      buildBusyboxImage().config.digest,
    );
    for (const bad of [undefined, { username: 'ann', password: 'wrong' }]) {
      await assert.rejects(pull(`${guarded.host}/private`, bad === undefined ? {} : { auth: bad }), (error) =>
        isEngineError(error, 'unauthorized'),
      );
    }
  } finally {
    await guarded.stop();
  }
});

test('a mirror of Docker Hub is asked first, without credentials', async () => {
  const image = buildBusyboxImage();
  fake.add('latest', image);
  rooms.images.configure({ mirrors: [`${fake.url}/`], insecureRegistries: [] });
  const { image: pulled } = await pull('busybox', { auth: { username: 'ann', password: 'secret' } });
  assert.deepEqual(pulled.repoTags, ['busybox:latest']);
  assert.ok(
    fake.requests.every(
      ({ path, headers }) => path.startsWith('/v2/library/busybox/') && headers.authorization === undefined,
    ),
  );
});
