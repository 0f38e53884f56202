/** Pulls from a real registry, and from one that misbehaves. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

test('many layers: at most three at a time, the others wait', async () => {
  const image = randomImage(8, 30_000);
  fake.add('many', image);
  let running = 0;
  let most = 0;
  fake.intercept = (request, response) => {
    if (!image.layers.some(({ digest }) => request.url?.endsWith(digest))) return false;
    running += 1;
    most = Math.max(most, running);
    const layer = image.layers.find(({ digest }) => request.url?.endsWith(digest));
    setTimeout(() => {
      running -= 1;
      response.end(layer?.data);
    }, 15);
    return true;
  };
  const { messages, image: pulled } = await pull(`${fake.host}/x:many`);
  assert.equal(most, 3);
  assert.equal(messages.filter(({ status }) => status === 'Waiting').length, 5);
  assert.equal(pulled.size, 8 * 30_000);
});

test('pulls at the same time share the work', async () => {
  const image = randomImage(3, 200_000);
  fake.add('shared', image);
  const pulls = await Promise.all([1, 2, 3].map(() => pull(`${fake.host}/x:shared`)));
  for (const layer of image.layers)
    assert.equal(fake.requests.filter(({ path }) => path.endsWith(layer.digest)).length, 1);
  for (const { messages } of pulls)
    assert.equal(messages.filter(({ status }) => status === 'Pull complete').length, 3);
});

test('a download that breaks goes on where it was, within a pull and after a restart', async () => {
  const image = randomImage(1, 4_000_000);
  const layer = image.layers[0];
  assert.ok(layer);
  fake.add('big', image);
  const ranges: Array<string | undefined> = [];
  const isDead = false;
  fake.intercept = (request, response) => {
    if (!request.url?.endsWith(layer.digest)) return false;
    ranges.push(request.headers.range);
    if (isDead) response.destroy();
    else if (ranges.length === 1) {
      // A little more than a third, then nothing more.
      response.writeHead(200, { 'content-length': layer.data.length });
      response.write(layer.data.subarray(0, 1_500_000), () => setTimeout(() => response.destroy(), 20));
    } else return false;
    return true;
  };
  const { image: pulled } = await pull(`${fake.host}/x:big`);
  assert.equal(pulled.size, 4_000_000);
  assert.equal(ranges[0], undefined);
  assert.match(ranges[1] ?? '', /^bytes=1[0-9]{6}-$/);

  const second = randomImage(1, 4_000_000);
  const other = second.layers[0];
  assert.ok(other);
  fake.add('second', second);
  const controller = new AbortController();
  const resumed: Array<string | undefined> = [];
  fake.intercept = (request, response) => {
    if (!request.url?.endsWith(other.digest)) return false;
    resumed.push(request.headers.range);
    if (resumed.length > 1) return false;
    response.writeHead(200, { 'content-length': other.data.length });
    response.write(other.data.subarray(0, 2_500_000), () => setTimeout(() => controller.abort(), 100));
    return true;
  };
  await assert.rejects(pull(`${fake.host}/x:second`, { signal: controller.signal }), (error) =>
    isEngineError(error, 'cancelled'),
  );
  assert.throws(
    () => rooms.images.get(`${fake.host}/x:second`),
    (error) => isEngineError(error, 'not-found'),
  );
  await rooms.reopen();
  await pull(`${fake.host}/x:second`);
  assert.match(resumed[1] ?? '', /^bytes=2[0-9]{6}-$/);
});

test('a registry that knows no ranges gives the whole again', async () => {
  const image = randomImage(1, 3_000_000);
  const layer = image.layers[0];
  assert.ok(layer);
  fake.add('plain', image);
  let tries = 0;
  fake.intercept = (request, response) => {
    if (!request.url?.endsWith(layer.digest)) return false;
    tries += 1;
    response.writeHead(200, { 'content-length': layer.data.length });
    if (tries === 1)
      response.write(layer.data.subarray(0, 2_000_000), () => setTimeout(() => response.destroy(), 20));
    else response.end(layer.data);
    return true;
  };
  assert.equal((await pull(`${fake.host}/x:plain`)).image.size, 3_000_000);
  assert.equal(tries, 2);
});

test('busy and failing registries are asked again', async () => {
  fake.add('busy', randomImage(1, 10));
  let count = 0;
  fake.intercept = (_, response) => {
    count += 1;
    if (count > 2) return false;
    response.writeHead(count === 1 ? 429 : 503, count === 1 ? { 'retry-after': '0.1' } : {});
    response.end('{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}');
    return true;
  };
  await pull(`${fake.host}/x:busy`);
  count = -1000;
  fake.intercept = (_, response) => {
    response.writeHead(403);
    response.end('{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}');
    return true;
  };
  await assert.rejects(
    pull(`${fake.host}/x:busy`),
    (error) =>
      isEngineError(error, 'not-found') &&
      error.message ===
        `pull access denied for ${fake.host}/x, repository does not exist or may require 'docker login': denied: requested access to the resource is denied`,
  );
});

test('wrong bytes are refused: manifest, configuration, layer, diff ID; nothing stays', async () => {
  const image = randomImage(1, 1000);
  const layer = image.layers[0];
  assert.ok(layer);
  fake.add('good', image);
  const cases: Array<[string, string, Buffer]> = [
    ['manifest', image.manifest.digest, Buffer.from(image.manifest.data).fill('x', 20, 21)],
    ['config', image.config.digest, Buffer.from(image.config.data).fill('x', 20, 21)],
    ['layer', layer.digest, Buffer.from(layer.data).fill('x', 200, 201)],
    ['too long', layer.digest, Buffer.concat([layer.data, layer.data])],
  ];
  for (const [name, digest, data] of cases) {
    fake.add('good', image);
    fake.put(digest, { digest, mediaType: 'application/octet-stream', data });
    await assert.rejects(
      pull(`${fake.host}/x@${image.manifest.digest}`),
      (error) => isEngineError(error, 'data-loss'),
      name,
    );
    assert.deepEqual(rooms.leftovers(), [], name);
    assert.deepEqual(rooms.images.list(), [], name);
  }
  const liar = buildImage({ layers: [tarOf([{ name: 'a' }])] });
  const config = Buffer.from(
    liar.config.data.toString().replace(liar.layers[0]?.diffId ?? '', digestOf(Buffer.from('no'))),
  );
  const manifest = Buffer.from(
    liar.manifest.data
      .toString()
      .replace(liar.config.digest, digestOf(config))
      .replace(`"size":${liar.config.data.length}`, `"size":${config.length}`),
  );
  fake.add('liar', liar);
  fake.put(digestOf(config), { ...liar.config, data: config });
  fake.put('liar', { ...liar.manifest, data: manifest });
  await assert.rejects(
    pull(`${fake.host}/x:liar`),
    (error) => isEngineError(error, 'data-loss') && error.message.startsWith('failed to register layer: '),
  );
  assert.deepEqual(rooms.leftovers(), []);
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
    (error) => isEngineError(error, 'unavailable') && /connect ECONNREFUSED/.test(error.message),
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

test('Bearer tokens: fetched with the scope and the user, sent again, and kept from other hosts', async () => {
  const storage = await startFakeRegistry();
  try {
    const image = randomImage(2, 1000);
    fake.add('secret', image);
    storage.add('secret', image);
    fake.intercept = (request, response) => {
      if (request.url?.startsWith('/token')) {
        const isAnn =
          request.headers.authorization === `Basic ${Buffer.from('ann:secret').toString('base64')}`;
        response.writeHead(isAnn ? 200 : 401);
        response.end(isAnn ? '{"token":"t0ken","expires_in":300}' : '{"details":"no"}');
        return true;
      }
      if (request.headers.authorization !== 'Bearer t0ken') {
        response.writeHead(401, {
          'www-authenticate': `Bearer realm="${fake.url}/token",service="fake",scope="repository:x:pull"`,
        });
        response.end('{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}');
        return true;
      }
      if (!request.url?.includes('/blobs/')) return false;
      response.writeHead(307, { location: `${storage.url}${request.url}` });
      response.end();
      return true;
    };
    const auth = { username: 'ann', password: 'secret' };
    await pull(`${fake.host}/x:secret`, { auth });
    const token = fake.requests.filter(({ path }) => path.startsWith('/token'));
    assert.equal(token.length, 1);
    const query = new URL(token[0]?.path ?? '', fake.url).searchParams;
    assert.deepEqual(Object.fromEntries(query), {
      service: 'fake',
      scope: 'repository:x:pull',
      account: 'ann',
    });
    assert.ok(storage.requests.length >= 3);
    assert.ok(storage.requests.every(({ headers }) => headers.authorization === undefined));
    await assert.rejects(pull(`${fake.host}/x:secret`), (error) => isEngineError(error, 'unauthorized'));
    await pull(`${fake.host}/x:secret`, { auth: { registryToken: 't0ken' } });
  } finally {
    await storage.stop();
  }
});

test('a full disk: said clearly, and nothing of the pull stays', async () => {
  const mount = mkdtempSync(join(tmpdir(), 'gantry-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount]);
  const small = await openImageRooms({ directory: mount });
  try {
    fake.add('large', randomImage(3, 5_000_000));
    await assert.rejects(
      small.images.pull({ reference: `${fake.host}/x:large`, progress: () => undefined }),
      (error) => isEngineError(error, 'resource-exhausted') && /no space left on device/.test(error.message),
    );
    assert.deepEqual(small.leftovers(), []);
    assert.deepEqual(small.blobs.digests(), []);
    assert.deepEqual(small.snapshots.layers(), []);
  } finally {
    await small.close();
    execFileSync('umount', [mount]);
    rmSync(mount, { recursive: true });
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
