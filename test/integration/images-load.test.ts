/** Load, import, tag, find, remove: what Docker's clients see, and what is left on the disk. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { isEngineError } from '../../src/errors/engine-error.ts';
import type { ProgressMessage } from '../../src/images/image-types.ts';
import { readLayeredFile } from '../../src/snapshots/layered-files.ts';
import {
  buildBusyboxImage,
  buildImage,
  busyboxRootTar,
  dockerArchive,
  type FixtureImage,
  ociArchive,
} from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { type TarEntry, tarOf } from '../support/tar-writer.ts';

let rooms: ImageRooms;
beforeEach(async () => {
  rooms = await openImageRooms();
});
afterEach(() => rooms.close());

const unused = { force: false, prune: true, usedBy: (): undefined => undefined };

async function load(archive: Buffer): Promise<{ ids: string[]; said: string[] }> {
  const messages: ProgressMessage[] = [];
  const chunks = Array.from({ length: Math.ceil(archive.length / 50_000) }, (_, index) =>
    archive.subarray(index * 50_000, (index + 1) * 50_000),
  );
  const images = await rooms.images.load(Readable.from(chunks), (message) => messages.push(message));
  return {
    ids: images.map(({ id }) => id),
    said: messages.flatMap(({ stream }) => (stream === undefined ? [] : [stream])),
  };
}

function twoLayers(): FixtureImage {
  return buildImage({
    layers: [
      tarOf([
        { name: 'a', data: 'old' },
        { name: 'b', data: 'gone' },
      ]),
      tarOf([{ name: 'a', data: 'new' }, { name: '.wh.b' }]),
    ],
  });
}

test('Docker archives and OCI layouts, plain, gzip and zstd', async () => {
  const image = buildBusyboxImage();
  const name = 'me/busybox:1';
  const archives = [
    dockerArchive([{ image, tags: [name] }]),
    ociArchive([{ image, name: `docker.io/${name}` }]),
  ];
  for (const archive of archives.flatMap((data) => [data, gzipSync(data), zstdCompressSync(data)])) {
    assert.deepEqual(await load(archive), { ids: [image.config.digest], said: [`Loaded image: ${name}\n`] });
    const loaded = rooms.images.get(name);
    assert.deepEqual(loaded.config.config?.Cmd, ['sh']);
    assert.match(
      readLayeredFile(rooms.snapshots.trees(loaded.chainIds), '/etc/group')?.toString() ?? '',
      /^root:x:0:/,
    );
    await rooms.images.remove(name, unused);
    assert.deepEqual(
      [rooms.images.list(), rooms.blobs.digests(), rooms.snapshots.layers(), rooms.leftovers()],
      [[], [], [], []],
    );
  }
});

test('several images, several tags, images without a name, layers of old archives that are links', async () => {
  const [one, two] = [buildBusyboxImage(), twoLayers()];
  const both = await load(
    dockerArchive([
      { image: one, tags: ['a:1', 'b:2'] },
      { image: two, tags: [] },
    ]),
  );
  assert.deepEqual(both.ids, [one.config.digest, two.config.digest]);
  assert.deepEqual(both.said, [
    'Loaded image: a:1\n',
    'Loaded image: b:2\n',
    `Loaded image ID: ${two.config.digest}\n`,
  ]);
  const trees = rooms.snapshots.trees(rooms.images.get(two.config.digest).chainIds);
  assert.equal(readLayeredFile(trees, '/a')?.toString(), 'new');
  assert.equal(readLayeredFile(trees, '/b'), undefined);

  const layer = one.layers[0];
  assert.ok(layer);
  const linked: TarEntry[] = [
    { name: 'first/layer.tar', data: layer.tar },
    { name: 'second/layer.tar', type: 'symlink', link: '../first/layer.tar' },
    { name: 'c.json', data: buildImage({ layers: [layer.tar, layer.tar] }).config.data },
    {
      name: 'manifest.json',
      data: JSON.stringify([
        { Config: 'c.json', RepoTags: ['twice:1'], Layers: ['first/layer.tar', 'second/layer.tar'] },
      ]),
    },
  ];
  await load(tarOf(linked));
  assert.equal(rooms.images.get('twice:1').chainIds.length, 2);
});

test('what is wrong with an archive is said, and nothing of it stays', async () => {
  const image = twoLayers();
  const good = dockerArchive([{ image, tags: ['x:1'] }]);
  const lying = {
    ...image,
    layers: image.layers.map((layer) => ({ ...layer, tar: tarOf([{ name: 'other' }]) })),
  };
  const bad: Array<[string, Buffer, RegExp]> = [
    ['no archive', Buffer.from('hello '.repeat(500)), /invalid image archive/],
    ['empty', Buffer.alloc(0), /invalid image archive/],
    ['cut', good.subarray(0, 1500), /invalid image archive/],
    ['no manifest', tarOf([{ name: 'x', data: 'y' }]), /neither manifest.json nor index.json/],
    [
      'missing file',
      tarOf([{ name: 'manifest.json', data: '[{"Config":"no.json","Layers":[],"RepoTags":[]}]' }]),
      /no file no.json/,
    ],
    ['not JSON', tarOf([{ name: 'manifest.json', data: '{' }]), /not JSON/],
    [
      'other layer',
      dockerArchive([{ image: lying, tags: ['x:1'] }]),
      /failed to register layer: layer verification failed/,
    ],
    ['bad name', dockerArchive([{ image, tags: ['../../x'] }]), /invalid reference format/],
    ['broken gzip', gzipSync(good).fill(0xff, 200, 300), /invalid image archive/],
  ];
  for (const [name, archive, message] of bad) {
    await assert.rejects(load(archive), (error) => isEngineError(error) && message.test(error.message), name);
    assert.deepEqual(
      [rooms.images.list(), rooms.blobs.digests(), rooms.snapshots.layers(), rooms.leftovers()],
      [[], [], [], []],
      name,
    );
  }
});

test('an import is an image of one layer with the changes, and its layer is a blob', async () => {
  const tar = busyboxRootTar();
  const options = {
    reference: 'imported',
    message: 'by hand',
    changes: ['CMD ["sh"]', 'ENV PATH=/bin'],
    platform: 'linux/arm64/v8',
  };
  for (const data of [tar, gzipSync(tar), zstdCompressSync(tar)]) {
    const image = await rooms.images.import(Readable.from([data]), options);
    assert.deepEqual(image.repoTags, ['imported:latest']);
    assert.deepEqual(image.config.config, { Cmd: ['sh'], Env: ['PATH=/bin'] });
    assert.equal(image.config.architecture, 'arm64');
    assert.equal(image.config.history?.[0]?.comment, 'by hand');
    const diffId = image.config.rootfs.diff_ids[0] ?? '';
    assert.equal(
      `sha256:${createHash('sha256')
        .update(readFileSync(rooms.blobs.path(diffId)))
        .digest('hex')}`,
      diffId,
    );
    assert.equal(rooms.images.history('imported')[0]?.size, image.size);
  }
  await assert.rejects(rooms.images.import(Readable.from([tar]), { changes: ['RUN x'] }), (error) =>
    isEngineError(error, 'invalid-argument'),
  );
  await assert.rejects(
    rooms.images.import(Readable.from([tar]), { reference: 'BAD', changes: [] }),
    /invalid reference format/,
  );
  await assert.rejects(rooms.images.import(Readable.from([randomBytes(3000)]), { changes: [] }), (error) =>
    isEngineError(error, 'invalid-argument'),
  );
  assert.deepEqual(rooms.leftovers(), []);
});

test('load and import end when they are cancelled, however little comes', async () => {
  const archives = [dockerArchive([{ image: twoLayers(), tags: [] }]), busyboxRootTar()];
  for (const data of archives.flatMap((archive) => [archive, gzipSync(archive)])) {
    for (const length of [3, Math.min(data.length - 100, 100_000)]) {
      for (const operation of ['load', 'import'] as const) {
        const endless = new Readable({ read() {} });
        endless.push(data.subarray(0, length));
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 20);
        const result =
          operation === 'load'
            ? rooms.images.load(endless, () => undefined, controller.signal)
            : rooms.images.import(endless, { changes: [] }, controller.signal);
        await assert.rejects(result, (error) => isEngineError(error, 'cancelled'), `${operation} ${length}`);
        assert.deepEqual([rooms.leftovers(), rooms.blobs.digests()], [[], []]);
      }
    }
  }
});

test('images are found by name, ID, the beginning of an ID, and survive a restart', async () => {
  const image = buildBusyboxImage();
  const id = image.config.digest;
  await load(dockerArchive([{ image, tags: ['busybox:latest'] }]));
  rooms.images.tag('busybox', 'localhost:5000/me/bb');
  await rooms.reopen();
  for (const name of [
    'busybox',
    'busybox:latest',
    'library/busybox',
    'docker.io/library/busybox',
    'localhost:5000/me/bb:latest',
    id,
    id.slice(7),
    id.slice(7, 19),
    id.slice(0, 12),
  ]) {
    assert.equal(rooms.images.get(name).id, id, name);
  }
  assert.deepEqual(rooms.images.get(id).repoTags, ['busybox:latest', 'localhost:5000/me/bb:latest']);
  const missing: Array<[string, string]> = [
    ['nope', 'No such image: nope:latest'],
    ['busybox:1', 'No such image: busybox:1'],
    ['a'.repeat(64), `No such image: ${'a'.repeat(64)}`],
  ];
  for (const [name, message] of missing) {
    assert.throws(
      () => rooms.images.get(name),
      (error) => isEngineError(error, 'not-found') && error.message === message,
    );
    assert.equal(rooms.images.find(name), undefined);
  }
  assert.throws(
    () => rooms.images.tag('busybox', 'UPPER'),
    (error) => isEngineError(error, 'invalid-argument'),
  );
  assert.throws(
    () => rooms.images.tag('nope', 'x'),
    (error) => isEngineError(error, 'not-found'),
  );
});

test('removal: names first, then the image; what is used is kept, in Docker’s words', async () => {
  const image = buildBusyboxImage();
  const id = image.config.digest;
  const short = id.slice(7, 19);
  const container = 'c'.repeat(64);
  const used = (running: boolean) => ({ ...unused, usedBy: () => ({ id: container, running }) });
  await load(dockerArchive([{ image, tags: ['one:1', 'two:1'] }]));
  const conflict = (message: string) => (error: unknown) =>
    isEngineError(error, 'conflict') && error.message === message;

  await assert.rejects(
    rooms.images.remove(short, unused),
    conflict(
      `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    ),
  );
  assert.deepEqual(await rooms.images.remove('two:1', used(false)), [{ untagged: 'two:1' }]);
  await assert.rejects(
    rooms.images.remove('one:1', used(false)),
    conflict(
      `conflict: unable to remove repository reference "one:1" (must force) - container cccccccccccc is using its referenced image ${short}`,
    ),
  );
  await assert.rejects(
    rooms.images.remove(short, used(false)),
    conflict(
      `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container cccccccccccc`,
    ),
  );
  await assert.rejects(
    rooms.images.remove(id, { ...used(true), force: true }),
    conflict(
      `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container cccccccccccc`,
    ),
  );
  // By name and with force, the name goes and the image stays for its container.
  assert.deepEqual(await rooms.images.remove('one:1', { ...used(true), force: true }), [
    { untagged: 'one:1' },
  ]);
  assert.deepEqual(rooms.images.get(id).repoTags, []);
  assert.deepEqual(await rooms.images.remove(id, unused), [
    { deleted: id },
    { deleted: image.layers[0]?.diffId },
  ]);
  await assert.rejects(rooms.images.remove(id, unused), (error) => isEngineError(error, 'not-found'));
});

test('layers that a container stands on outlive their image, until it goes', async () => {
  const image = twoLayers();
  await load(dockerArchive([{ image, tags: ['x:1'] }]));
  const { chainIds, id } = rooms.images.get('x:1');
  await rooms.snapshots.create('c1', chainIds);
  const removed = await rooms.images.remove('x:1', { ...unused, force: true });
  assert.deepEqual(removed, [{ untagged: 'x:1' }, { deleted: id }]);
  assert.deepEqual(rooms.snapshots.layers().toSorted(), chainIds.toSorted());
  await rooms.reopen();
  assert.deepEqual(rooms.snapshots.layers().toSorted(), chainIds.toSorted());
  await rooms.snapshots.remove('c1');
  assert.deepEqual((await rooms.images.collectGarbage()).toSorted(), chainIds.toSorted());
  assert.deepEqual(rooms.snapshots.layers(), []);
});

test('a shared layer goes with its last image', async () => {
  const base = tarOf([{ name: 'base' }]);
  const images = ['1', '2'].map((name) => buildImage({ layers: [base, tarOf([{ name }])] }));
  await load(dockerArchive(images.map((image, index) => ({ image, tags: [`x:${index}`] }))));
  await rooms.images.remove('x:0', unused);
  assert.equal(rooms.snapshots.layers().length, 2);
  assert.ok(rooms.blobs.has(images[1]?.layers[0]?.diffId ?? ''));
  await rooms.images.remove('x:1', unused);
  assert.deepEqual([rooms.snapshots.layers(), rooms.blobs.digests()], [[], []]);
});
