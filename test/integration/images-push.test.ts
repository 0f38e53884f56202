/** Pushes to Debian's registry: what is said, what goes over the wire, and what is there afterwards. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { ProgressMessage, PushRequest } from '../../src/images/image-types.ts';
import { runProgram } from '../support/daemon.ts';
import {
  buildBusyboxImage,
  buildImage,
  buildIndex,
  digestOf,
  type FixtureImage,
} from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { loadInto, type Pushed, pullInto, pushFrom, randomImage } from '../support/push-pull.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
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

const push = (reference: string, more: Partial<PushRequest> = {}): Promise<Pushed> =>
  pushFrom(rooms, reference, more);
const load = (image: FixtureImage, ...tags: string[]): Promise<void> => loadInto(rooms, image, tags);
const pull = (reference: string): Promise<void> => pullInto(rooms, reference);

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
