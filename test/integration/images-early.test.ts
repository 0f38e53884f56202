/** Layers are unpacked while they are still being downloaded, and uploaded while they are still being compressed; what goes wrong with that is made up for. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { ProgressMessage } from '../../src/images/image-types.ts';
import { startBreakingProxy } from '../support/breaking-proxy.ts';
import { buildImage, digestOf, type FixtureImage } from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { loadInto, pullInto, pushFrom, randomImage } from '../support/push-pull.ts';
import { type FakeRegistry, startFakeRegistry } from '../support/registry-fake.ts';
import { serveRegistry } from '../support/registry-parts.ts';
import { tarOf } from '../support/tar-writer.ts';

const skip = existsSync(join(import.meta.dirname, '../../native/build/gantry-gzip'))
  ? false
  : 'the helper is not built: ISA-L is missing';

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

/** One layer of ten files of random bytes. */
function tenFiles(): FixtureImage {
  const members = Array.from({ length: 10 }, (_, at) => ({ name: `file${at}`, data: randomBytes(400_000) }));
  return buildImage({ layers: [tarOf(members)] });
}

/** Names below the directories in which layers are made, and of those that are finished. */
function treesOf(kind: 'temporary' | 'layers'): string[] {
  const root = join(rooms.directory, 'overlay', kind);
  return readdirSync(root).flatMap((name) => {
    const tree = join(root, name, 'diff');
    return existsSync(tree) ? readdirSync(tree) : [];
  });
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited += 5) {
    assert.ok(waited < 10_000, 'nothing happened for ten seconds');
    await sleep(5);
  }
}

test('files are there before the download has ended, and the layer only after it', { skip }, async () => {
  const image = tenFiles();
  const [layer] = image.layers;
  assert.ok(layer);
  fake.add('slow', image);
  const { promise: gate, resolve: goOn } = Promise.withResolvers<void>();
  fake.intercept = (request, response) => {
    if (!request.url?.endsWith(layer.digest)) return false;
    response.writeHead(200, { 'content-length': layer.data.length });
    response.write(layer.data.subarray(0, 2_500_000));
    void gate.then(() => response.end(layer.data.subarray(2_500_000)));
    return true;
  };
  const messages: ProgressMessage[] = [];
  const pulling = rooms.images.pull({
    reference: `${fake.host}/x:slow`,
    progress: (message) => messages.push(message),
  });
  await until(() => treesOf('temporary').length >= 4);
  assert.deepEqual(treesOf('layers'), []);
  goOn();
  await pulling;
  assert.equal(treesOf('layers').length, 10);
  assert.deepEqual(treesOf('temporary'), []);
  // One bar at a time: nothing is extracted, for the user, before all is downloaded.
  const order = messages.map(({ status }) => status).filter((status) => status !== undefined);
  const [complete, extracting] = [order.indexOf('Download complete'), order.indexOf('Extracting')];
  assert.ok(extracting === -1 || extracting > complete, order.join(', '));
});

test('bytes that are not those of the digest: nothing of the layer stays', { skip }, async () => {
  const [image, other] = [tenFiles(), tenFiles()];
  const [layer, wrong] = [image.layers[0], other.layers[0]];
  assert.ok(layer && wrong);
  fake.add('wrong', image);
  const data = Buffer.concat([wrong.data, Buffer.alloc(layer.data.length)]).subarray(0, layer.data.length);
  fake.put(layer.digest, { ...layer, data });
  await assert.rejects(pullInto(rooms, `${fake.host}/x:wrong`), { code: 'data-loss' });
  assert.deepEqual([...treesOf('layers'), ...treesOf('temporary')], []);
});

test('a registry that begins anew with other bytes: the right ones count', { skip }, async () => {
  const image = tenFiles();
  const [layer] = image.layers;
  assert.ok(layer);
  fake.add('anew', image);
  let tries = 0;
  fake.intercept = (request, response) => {
    if (!request.url?.endsWith(layer.digest)) return false;
    tries += 1;
    response.writeHead(200, { 'content-length': layer.data.length });
    if (tries > 1) response.end(layer.data);
    else {
      const lie = gzipSync(tarOf([{ name: 'lie', data: randomBytes(2_000_000) }]));
      response.write(lie, () => setTimeout(() => response.destroy(), 50));
    }
    return true;
  };
  await pullInto(rooms, `${fake.host}/x:anew`);
  assert.equal(tries, 2);
  assert.deepEqual(
    treesOf('layers').toSorted(),
    Array.from({ length: 10 }, (_, at) => `file${at}`),
  );
  assert.deepEqual(treesOf('temporary'), []);
});

test('slow downloads keep nobody waiting whose bytes are there', { skip }, async () => {
  const slow = buildImage({
    layers: Array.from({ length: 3 }, (_, at) => tarOf([{ name: `s${at}`, data: randomBytes(2_000_000) }])),
  });
  const fast = tenFiles();
  fake.add('slow', slow);
  fake.add('fast', fast);
  fake.intercept = (request, response) => {
    const layer = slow.layers.find(({ digest }) => request.url?.endsWith(digest));
    if (layer === undefined) return false;
    response.writeHead(200, { 'content-length': layer.data.length });
    response.write(layer.data.subarray(0, 1_500_000));
    return true;
  };
  const controller = new AbortController();
  const pulling = rooms.images.pull({
    reference: `${fake.host}/x:slow`,
    progress: () => undefined,
    signal: controller.signal,
  });
  const refused = assert.rejects(pulling, { code: 'cancelled' });
  await until(() => treesOf('temporary').length === 3);
  await loadInto(rooms, fast, ['fast:v']);
  assert.equal(treesOf('layers').length, 10);
  controller.abort();
  await refused;
  assert.deepEqual(treesOf('temporary'), []);
});

test('a plain layer, which is uploaded while it is compressed, is sent once', { skip }, async () => {
  const own = await serveRegistry();
  const proxy = await startBreakingProxy(Number(new URL(own.url).port));
  try {
    const image = randomImage([8_000_000]);
    await loadInto(rooms, image, [`${proxy.host}/early:v`]);
    const { tags } = await pushFrom(rooms, `${proxy.host}/early:v`);
    assert.ok(proxy.up < 8_400_000, `${proxy.up} bytes were sent`);
    const manifest = await fetch(`${own.url}/v2/early/manifests/v`, {
      headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
    });
    assert.equal(digestOf(Buffer.from(await manifest.arrayBuffer())), tags[0]?.digest);
    // Under another name there is nothing to send.
    proxy.up = 0;
    await rooms.images.tag(`${proxy.host}/early:v`, `${proxy.host}/early:w`);
    await pushFrom(rooms, `${proxy.host}/early:w`);
    assert.ok(proxy.up < 20_000, `${proxy.up} bytes were sent for what was there`);
  } finally {
    await proxy.stop();
    await own.stop();
  }
});
