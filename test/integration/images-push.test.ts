/** Pushes to Debian's registry and to Gantry's own: what is said, what goes over the wire, and what is there afterwards. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { isEngineError } from '../../src/errors/engine-error.ts';
import type { ProgressMessage, PushedTag, PushRequest } from '../../src/images/image-types.ts';
import { startBreakingProxy } from '../support/breaking-proxy.ts';
import { runProgram } from '../support/daemon.ts';
import {
  buildBusyboxImage,
  buildImage,
  buildIndex,
  digestOf,
  dockerArchive,
  type FixtureImage,
} from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { startFakeRegistry } from '../support/registry-fake.ts';
import { serveRegistry } from '../support/registry-parts.ts';
import { tarOf } from '../support/tar-writer.ts';

let registry: TestRegistry;
let rooms: ImageRooms;
before(async () => {
  registry = await startRegistry();
});
after(() => registry.stop());
beforeEach(async () => {
  rooms = await openImageRooms();
});
afterEach(() => rooms.close());

interface Pushed {
  messages: ProgressMessage[];
  tags: PushedTag[];
}

async function push(reference: string, more: Partial<PushRequest> = {}): Promise<Pushed> {
  const pushed: Pushed = { messages: [], tags: [] };
  await rooms.images.push({
    reference,
    allTags: false,
    progress: (message) => pushed.messages.push(message),
    onPushed: (tag) => pushed.tags.push(tag),
    signal: AbortSignal.timeout(20_000),
    ...more,
  });
  return pushed;
}

async function load(image: FixtureImage, ...tags: string[]): Promise<void> {
  await rooms.images.load(Readable.from([dockerArchive([{ image, tags }])]), () => undefined);
}

async function pull(reference: string): Promise<void> {
  await rooms.images.pull({ reference, progress: () => undefined });
}

/** Random bytes, which no compression makes smaller. */
function randomImage(sizes: readonly number[]): FixtureImage {
  return buildImage({
    layers: sizes.map((size, index) => tarOf([{ name: `file${index}`, data: randomBytes(size) }])),
  });
}

async function manifestAt(
  url: string,
  repository: string,
  reference: string,
): Promise<{ type: string; data: Buffer }> {
  const accept = ['oci.image.manifest.v1', 'oci.image.index.v1', 'docker.distribution.manifest.v2']
    .map((name) => `application/vnd.${name}+json`)
    .join(', ');
  const answer = await fetch(`${url}/v2/${repository}/manifests/${reference}`, { headers: { accept } });
  assert.equal(answer.status, 200);
  return {
    type: answer.headers.get('content-type') ?? '',
    data: Buffer.from(await answer.arrayBuffer()),
  };
}

/** Statuses without the bars, the last of each kind for each layer. */
function statuses(messages: readonly ProgressMessage[]): string[] {
  return messages
    .filter(({ current }) => current === undefined)
    .map(({ id, status }) => (id === undefined ? `${status}` : `${id}: ${status}`));
}

test('a push says what Docker says; the next one finds everything there and gives the same digest', async () => {
  const image = randomImage([1000, 3_000_000]);
  const name = `${registry.host}/team/app`;
  await load(image, `${name}:v1`);
  const [base = '', top = ''] = image.layers.map(({ diffId }) => diffId.slice(7, 19));
  const first = await push(`${name}:v1`);
  const digest = first.tags[0]?.digest ?? '';
  const size = first.tags[0]?.size ?? 0;
  assert.match(digest, /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual(first.tags, [{ tag: 'v1', digest, size }]);
  const lines = statuses(first.messages);
  assert.deepEqual(lines.slice(0, 3), [
    `The push refers to repository [${name}]`,
    `${top}: Preparing`,
    `${base}: Preparing`,
  ]);
  assert.deepEqual(lines.slice(3, 5).toSorted(), [`${base}: Pushed`, `${top}: Pushed`].toSorted());
  assert.equal(lines.at(-1), `v1: digest: ${digest} size: ${size}`);
  const bar = first.messages.findLast(({ id, status }) => id === top && status === 'Pushing');
  assert.equal(bar?.current, bar?.total);
  assert.deepEqual(rooms.images.get(`${name}:v1`).repoDigests, [`${name}@${digest}`]);
  const second = await push(`${name}:v1`);
  assert.deepEqual(
    statuses(second.messages).toSorted(),
    [
      `The push refers to repository [${name}]`,
      ...[top, base].flatMap((id) => [`${id}: Preparing`, `${id}: Layer already exists`]),
      `v1: digest: ${digest} size: ${size}`,
    ].toSorted(),
  );
  const { type, data } = await manifestAt(registry.url, 'team/app', 'v1');
  assert.equal(type, 'application/vnd.docker.distribution.manifest.v2+json');
  assert.equal(digestOf(data), digest);
});

test('an archive’s plain layers are compressed once, and stay so here', async () => {
  const tar = tarOf([{ name: 'text', data: Buffer.alloc(2_000_000, 'gantry ') }]);
  const image = buildImage({ layers: [tar] });
  await load(image, 'plain:1', `${registry.host}/plain/one:1`);
  const plain = digestOf(tar);
  assert.ok(rooms.blobs.has(plain));
  await push(`${registry.host}/plain/one:1`);
  assert.ok(!rooms.blobs.has(plain), 'the plain form is not kept beside the compressed one');
  const { data } = await manifestAt(registry.url, 'plain/one', '1');
  const manifest = JSON.parse(data.toString());
  assert.equal(manifest.layers[0].mediaType, 'application/vnd.docker.image.rootfs.diff.tar.gzip');
  assert.ok(manifest.layers[0].size < 50_000);
  const messages = (await push(`${registry.host}/plain/one:1`)).messages;
  assert.ok(!messages.some(({ status }) => status === 'Compressing'));
  await rooms.reopen();
  rooms.images.tag('plain:1', `${registry.host}/plain/two:1`);
  const again = await push(`${registry.host}/plain/two:1`);
  assert.equal(again.tags[0]?.digest, digestOf(data));
  assert.deepEqual(again.messages.filter(({ status }) => status === 'Mounted from plain/one').length, 1);
});

test('what was pulled is pushed byte for byte: Docker’s and OCI’s, gzip, zstd and plain, and out of an index', async () => {
  const tar = (): Buffer => tarOf([{ name: 'file', data: randomBytes(5000) }]);
  const kinds = [
    { compression: 'gzip', format: 'oci' },
    { compression: 'gzip', format: 'docker' },
    { compression: 'zstd', format: 'oci' },
    { compression: 'none', format: 'oci' },
  ] as const;
  for (const [index, kind] of kinds.entries()) {
    const image = buildImage({ layers: [tar(), tar()], ...kind });
    const digest = await registry.push(`from/kind${index}`, 'v', image);
    await pull(`${registry.host}/from/kind${index}:v`);
    rooms.images.tag(`${registry.host}/from/kind${index}:v`, `${registry.host}/to/kind${index}:w`);
    const { tags } = await push(`${registry.host}/to/kind${index}:w`);
    assert.deepEqual(tags, [{ tag: 'w', digest, size: image.manifest.data.length }], JSON.stringify(kind));
    const { type, data } = await manifestAt(registry.url, `to/kind${index}`, 'w');
    assert.equal(type, image.manifest.mediaType);
    assert.ok(data.equals(image.manifest.data));
  }
  const own = buildBusyboxImage();
  const other = buildImage({ layers: [tar()], platform: { architecture: 's390x', os: 'linux' } });
  await registry.pushIndex('from/index', 'v', buildIndex([other, own]), [other, own]);
  await pull(`${registry.host}/from/index:v`);
  rooms.images.tag(`${registry.host}/from/index:v`, `${registry.host}/to/index:v`);
  const { tags } = await push(`${registry.host}/to/index:v`);
  assert.equal(tags[0]?.digest, own.manifest.digest);
});

test('zstd makes a manifest OCI’s, and compressed layers in an archive are taken for what they are', async () => {
  const tar = tarOf([{ name: 'file', data: randomBytes(5000) }]);
  const image = buildImage({ layers: [tar], compression: 'zstd' });
  await registry.push('zstd/a', 'v', image);
  await pull(`${registry.host}/zstd/a:v`);
  // Another image with the same layer, which comes without a manifest of its own.
  const sibling = buildImage({ layers: [tar], config: { Cmd: ['other'] } });
  await load(sibling, `${registry.host}/zstd/b:v`);
  await push(`${registry.host}/zstd/b:v`);
  const zstd = JSON.parse((await manifestAt(registry.url, 'zstd/b', 'v')).data.toString());
  assert.equal(zstd.mediaType, 'application/vnd.oci.image.manifest.v1+json');
  assert.equal(zstd.layers[0].mediaType, 'application/vnd.oci.image.layer.v1.tar+zstd');
  assert.equal(zstd.layers[0].digest, image.layers[0]?.digest);
  const packed = buildImage({ layers: [tarOf([{ name: 'x', data: randomBytes(100) }])] });
  const layer = packed.layers[0];
  assert.ok(layer);
  const gzipped = gzipSync(layer.tar);
  await load({ ...packed, layers: [{ ...layer, tar: gzipped }] }, `${registry.host}/zstd/c:v`);
  await push(`${registry.host}/zstd/c:v`);
  const gzip = JSON.parse((await manifestAt(registry.url, 'zstd/c', 'v')).data.toString());
  assert.equal(gzip.layers[0].digest, digestOf(gzipped));
  assert.equal(gzip.layers[0].mediaType, 'application/vnd.docker.image.rootfs.diff.tar.gzip');
});

test('all tags of a repository; what is not there, and digests, in Docker’s words', async () => {
  const name = `${registry.host}/all`;
  await load(randomImage([100]), `${name}:b`, `${name}:a`);
  await load(randomImage([200]), `${name}:c`);
  const { tags } = await push(name, { allTags: true });
  assert.deepEqual(
    tags.map(({ tag }) => tag),
    ['a', 'b', 'c'],
  );
  assert.equal(tags[0]?.digest, tags[1]?.digest);
  const list = JSON.parse(await (await fetch(`${registry.url}/v2/all/tags/list`)).text());
  assert.deepEqual(new Set(list.tags), new Set(['a', 'b', 'c']));
  await assert.rejects(push('nothing/here'), {
    code: 'not-found',
    message: 'An image does not exist locally with the tag: nothing/here',
  });
  await assert.rejects(push(`${name}:z`), {
    code: 'not-found',
    message: `tag does not exist: ${name}:z`,
  });
  await assert.rejects(push(`${name}@${tags[0]?.digest}`), { message: 'cannot push a digest reference' });
  await assert.rejects(push(`${name}:a`, { platform: 'linux/s390x' }), {
    code: 'not-found',
    message: /does not match the specified platform \(linux\/s390x\)/,
  });
});

test('what Gantry pushes, skopeo reads; what skopeo copies, Gantry pulls the same', async () => {
  const image = buildBusyboxImage({ extraLayers: [tarOf([{ name: 'x', data: randomBytes(1000) }])] });
  await load(image, `${registry.host}/skopeo/a:v`);
  const { tags } = await push(`${registry.host}/skopeo/a:v`);
  const copied = await runProgram([
    'skopeo',
    'copy',
    '--src-tls-verify=false',
    '--dest-tls-verify=false',
    `docker://${registry.host}/skopeo/a:v`,
    `docker://${registry.host}/skopeo/b:v`,
  ]);
  assert.equal(copied.code, 0, copied.stderr);
  await pull(`${registry.host}/skopeo/b:v`);
  const pulled = rooms.images.get(`${registry.host}/skopeo/b:v`);
  assert.equal(pulled.id, image.config.digest);
  assert.ok(pulled.repoDigests.includes(`${registry.host}/skopeo/b@${tags[0]?.digest}`));
});

test('an upload that breaks goes on where it was, with a registry that keeps what came', async () => {
  const own = await serveRegistry();
  const proxy = await startBreakingProxy(Number(new URL(own.url).port));
  try {
    const image = randomImage([8_000_000]);
    await load(image, `${proxy.host}/big:v`);
    proxy.breakAfter(3_000_000, 4_000_000);
    const { tags } = await push(`${proxy.host}/big:v`);
    assert.equal(proxy.broken, 2);
    // 8 MB, and what was on the way when it broke: far from twice as much.
    assert.ok(proxy.up < 12_000_000, `${proxy.up} bytes were sent`);
    assert.equal(digestOf((await manifestAt(own.url, 'big', 'v')).data), tags[0]?.digest);
    await rooms.images.remove(`${proxy.host}/big:v`, { force: true, prune: true, usedBy: () => undefined });
    await pull(`${proxy.host}/big:v`);
    assert.equal(rooms.images.get(`${proxy.host}/big:v`).id, image.config.digest);
  } finally {
    await proxy.stop();
    await own.stop();
  }
});

test('a push that another one left undone goes on with its upload, also after a restart', async () => {
  const own = await serveRegistry();
  const proxy = await startBreakingProxy(Number(new URL(own.url).port));
  try {
    await load(randomImage([8_000_000]), `${proxy.host}/left:v`);
    const left = new AbortController();
    proxy.breakAfter(6_000_000);
    const started = push(`${proxy.host}/left:v`, {
      signal: left.signal,
      progress: () => proxy.broken > 0 && left.abort(),
    });
    const gone = setInterval(() => proxy.broken > 0 && left.abort(), 5);
    await assert.rejects(started, { code: 'cancelled' });
    clearInterval(gone);
    await rooms.reopen();
    proxy.up = 0;
    const { tags } = await push(`${proxy.host}/left:v`);
    assert.ok(proxy.up < 4_000_000, `${proxy.up} bytes were sent again`);
    assert.equal(digestOf((await manifestAt(own.url, 'left', 'v')).data), tags[0]?.digest);
  } finally {
    await proxy.stop();
    await own.stop();
  }
});

test('and begins anew with one that does not', async () => {
  const proxy = await startBreakingProxy(Number(new URL(registry.url).port));
  try {
    await load(randomImage([6_000_000]), `${proxy.host}/anew:v`);
    proxy.breakAfter(3_000_000);
    const { tags } = await push(`${proxy.host}/anew:v`);
    assert.equal(proxy.broken, 1);
    assert.equal(digestOf((await manifestAt(registry.url, 'anew', 'v')).data), tags[0]?.digest);
  } finally {
    await proxy.stop();
  }
});

test('busy registries are asked again; what they refuse is told in their words, and once', async () => {
  const fake = await startFakeRegistry();
  try {
    await load(randomImage([3_000_000]), `${fake.host}/busy:v`);
    let patches = 0;
    fake.intercept = (request, response) => {
      const { method, url = '' } = request;
      const answer = (status: number, headers: Record<string, string> = {}, body = ''): true => {
        request.resume();
        response.writeHead(status, headers);
        response.end(body);
        return true;
      };
      if (url === '/v2/') return answer(200);
      if (method === 'HEAD') return answer(404);
      if (method === 'POST') return answer(202, { location: '/v2/busy/blobs/uploads/1' });
      if (method === 'GET') return answer(204, { location: '/v2/busy/blobs/uploads/1', range: '0-0' });
      if (method === 'PATCH') {
        patches += 1;
        if (patches < 3) return answer(patches === 1 ? 503 : 429, { 'retry-after': '0.1' });
        return answer(202, { location: '/v2/busy/blobs/uploads/1' });
      }
      if (url.includes('/manifests/'))
        return answer(400, {}, '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid"}]}');
      return answer(201);
    };
    await assert.rejects(
      push(`${fake.host}/busy:v`),
      (error) => isEngineError(error) && error.message === 'manifest invalid: manifest invalid',
    );
    assert.equal(patches, 3);
    assert.deepEqual(rooms.images.get(`${fake.host}/busy:v`).repoDigests, []);
    fake.requests.length = 0;
    const cancelled = new AbortController();
    fake.intercept = () => {
      cancelled.abort();
      return true;
    };
    await assert.rejects(push(`${fake.host}/busy:v`, { signal: cancelled.signal }), { code: 'cancelled' });
    assert.equal(fake.requests.length, 1);
  } finally {
    await fake.stop();
  }
});

test('not more than five layers at a time over all pushes; a failing one ends the others', async () => {
  const fake = await startFakeRegistry();
  try {
    await load(randomImage(Array.from({ length: 9 }, () => 2000)), `${fake.host}/many:v`);
    let running = 0;
    let most = 0;
    let uploads = 0;
    fake.intercept = (request, response) => {
      const { method, url = '' } = request;
      const answer = (status: number, headers: Record<string, string> = {}): void => {
        response.writeHead(status, headers);
        response.end('{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}');
      };
      if (url === '/v2/') answer(200);
      else if (method === 'HEAD') answer(404);
      else if (method === 'POST') answer(202, { location: '/v2/many/blobs/uploads/1' });
      else {
        running += 1;
        uploads += 1;
        most = Math.max(most, running);
        request.resume().on('end', () =>
          setTimeout(() => {
            running -= 1;
            answer(uploads > 6 ? 403 : 201);
          }, 40),
        );
      }
      return true;
    };
    const messages: ProgressMessage[] = [];
    await assert.rejects(push(`${fake.host}/many:v`, { progress: (message) => messages.push(message) }), {
      code: 'forbidden',
      message: 'denied: requested access to the resource is denied',
    });
    assert.equal(most, 5);
    assert.equal(messages.filter(({ status }) => status === 'Waiting').length, 4);
    assert.ok(!fake.requests.some(({ path }) => path.includes('/manifests/')));
  } finally {
    await fake.stop();
  }
});
