/** Pulls from a registry that breaks off, refuses, lies and redirects, and onto a full disk. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { isEngineError } from '../../src/errors/engine-error.ts';
import type { Image, ProgressMessage, PullRequest } from '../../src/images/image-types.ts';
import { buildImage, digestOf, type FixtureImage } from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { type FakeRegistry, startFakeRegistry } from '../support/registry-fake.ts';
import { tarOf } from '../support/tar-writer.ts';

let fake: FakeRegistry;
let rooms: ImageRooms;
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
    execFileSync('umount', ['-l', mount]);
    rmSync(mount, { recursive: true });
  }
});
