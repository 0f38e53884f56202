/** Images made to exhaust: many files, many layers, little that becomes much. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { HostileBench, withLayer } from '../support/hostile-images.ts';
import {
  buildImage,
  busyboxRootTar,
  digestOf,
  dockerArchive,
  type FixtureBlob,
  type FixtureImage,
} from '../support/image-fixtures.ts';
import { tarEntry, tarHeader, tarOf } from '../support/tar-writer.ts';

let bench: HostileBench;
before(async () => {
  bench = await HostileBench.start();
});
after(() => bench.close());
afterEach(() => bench.check());

test('a hundred thousand files', async () => {
  const files = Array.from({ length: 100_000 }, (_, index) =>
    tarEntry({ name: `many/${index % 100}/${index}` }),
  );
  const layer = Buffer.concat([...files, Buffer.alloc(1024)]);
  const image = buildImage({ layers: [busyboxRootTar(), layer], compression: 'gzip' });
  bench.registry.add('many', image);
  const { isTaken, text, name } = await bench.pull('many');
  assert.ok(isTaken, text);
  assert.equal(await bench.run(name, 'find /many -type f | wc -l'), '100000');
  await bench.daemon.ok(['rmi', name]);
});

function ofLayers(count: number): FixtureImage {
  const tars = Array.from({ length: count - 1 }, (_, index) =>
    tarOf([{ name: `l/${index}`, data: String(index) }]),
  );
  return buildImage({ layers: [busyboxRootTar(), ...tars] });
}

test('127 and 200 layers run; more than a kernel takes are refused before anything is made', async () => {
  for (const count of [127, 200]) {
    const name = `hostile:layers${count}`;
    const loaded = await bench.load(dockerArchive([{ image: ofLayers(count), tags: [name] }]), name);
    assert.ok(loaded.isTaken, loaded.text);
    assert.equal(await bench.run(name, 'ls /l | wc -l; cat /l/0'), `${count - 1}\n0`);
    await bench.daemon.ok(['rmi', name]);
  }
  await bench.refused(ofLayers(501), /more than 500 layers/);
});

/** Compressed bytes of a tar whose one file has so many gigabytes of zeros. */
function bomb(gigabytes: number, compress: (data: Buffer) => Buffer): Buffer {
  const part = compress(Buffer.alloc(64 * 1024 * 1024));
  const head = compress(tarHeader({ name: 'bomb', size: gigabytes * 1024 ** 3 }));
  return Buffer.concat([head, ...Array.from({ length: gigabytes * 16 }, () => part)]);
}

test('bombs are refused long before they fill the disk', async () => {
  const data = bomb(2, (plain) => gzipSync(plain, { level: 9 }));
  assert.ok(data.length < 5_000_000);
  const layer: FixtureBlob = {
    digest: digestOf(data),
    mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
    data,
  };
  bench.registry.add('bomb', withLayer(layer, digestOf(Buffer.from('whatever'))));
  bench.isRefused(await bench.pull('bomb'), /expands to more than \d+ bytes/);
  const whole = bomb(2, (plain) => zstdCompressSync(plain));
  bench.isRefused(await bench.load(whole, 'bomb'), /expands to more than \d+ bytes/);
});
