/** `docker save` and `load` by the stock command line: round trips keep every byte, whoever reads slowly or removes meanwhile. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import {
  buildBusyboxImage,
  buildImage,
  buildIndex,
  busyboxRootTar,
  digestOf,
  dockerArchive,
  type FixtureImage,
  ociArchive,
} from '../support/image-fixtures.ts';
import { type TarEntry, tarOf } from '../support/tar-writer.ts';

let daemon: TestDaemon;
let scratch: string;
before(async () => {
  daemon = await TestDaemon.start();
  scratch = mkdtempSync(join(tmpdir(), 'gantry-save-'));
});
after(async () => {
  await daemon.close();
  rmSync(scratch, { recursive: true });
});

/** Files of an archive by name. */
function contentOf(path: string, name: string): Buffer {
  return execFileSync('tar', ['xOf', path, name], { maxBuffer: 1 << 30 });
}

function namesIn(path: string): string[] {
  return execFileSync('tar', ['tf', path]).toString().trim().split('\n');
}

function layer(name: string, size = 10): Buffer {
  return tarOf([{ name, data: Buffer.alloc(size, name) }]);
}

test('compressed layers, manifests and IDs come back as they were, and what is shared is there once', async () => {
  const top = layer('top');
  const gzip = buildBusyboxImage({ extraLayers: [top], compression: 'gzip' });
  const zstd = buildBusyboxImage({ extraLayers: [layer('other')], compression: 'gzip', format: 'docker' });
  for (const [image, name] of [
    [gzip, 'saved/gzip:1'],
    [zstd, 'saved/docker:2'],
  ] as const)
    await daemon.ok(['load'], { input: ociArchive([{ image, name }]) });
  await daemon.ok(['tag', 'saved/gzip:1', 'reg.example:5000/saved:alias']);
  const path = join(scratch, 'two.tar');
  await daemon.ok(['save', '-o', path, 'saved/gzip:1', 'saved/docker:2', 'reg.example:5000/saved:alias']);
  const blobs = namesIn(path).filter((name) => /blobs\/sha256\/./.test(name));
  const expected = [gzip, zstd].flatMap((image) => [image.config, image.manifest, ...image.layers]);
  assert.deepEqual(
    blobs.toSorted(),
    [...new Set(expected.map(({ digest }) => `blobs/sha256/${digest.slice(7)}`))].toSorted(),
  );
  for (const { digest, data } of expected)
    assert.ok(contentOf(path, `blobs/sha256/${digest.slice(7)}`).equals(data), digest);
  const ids = await daemon.ok(['images', '-q', '--no-trunc', 'saved/*']);
  await daemon.ok(['rmi', '-f', 'saved/gzip:1', 'saved/docker:2', 'reg.example:5000/saved:alias']);
  assert.equal(
    (await daemon.ok(['load', '-i', path])).replaceAll(/Loading layer.*\n/g, ''),
    'Loaded image: saved/gzip:1\nLoaded image: reg.example:5000/saved:alias\nLoaded image: saved/docker:2',
  );
  assert.equal(await daemon.ok(['images', '-q', '--no-trunc', 'saved/*']), ids);
  const again = join(scratch, 'again.tar');
  await daemon.ok(['save', '-o', again, 'saved/gzip:1', 'saved/docker:2', 'reg.example:5000/saved:alias']);
  assert.ok(readFileSync(again).equals(readFileSync(path)));
});

test('skopeo and podman read what is saved, as either kind of archive', async () => {
  const path = join(scratch, 'tools.tar');
  await daemon.ok(['tag', 'busybox', 'tools:1']);
  await daemon.ok(['save', '-o', path, 'tools:1']);
  const config = await daemon.ok(['image', 'inspect', '-f', '{{.Id}}', 'tools:1']);
  for (const source of [`docker-archive:${path}:tools:1`, `oci-archive:${path}:1`]) {
    const target = join(scratch, `copy-${source.split(':', 1)[0]}`);
    const { status, stderr } = spawnSync('skopeo', ['copy', '--quiet', source, `dir:${target}`], {
      timeout: 60_000,
    });
    assert.equal(status, 0, stderr.toString());
    const manifest = JSON.parse(readFileSync(join(target, 'manifest.json'), 'utf8'));
    assert.equal(manifest.config.digest, config);
  }
});

test('a name without a tag means all tags; an ID means none; what is not there is said before the first byte', async () => {
  await daemon.ok(['tag', 'busybox', 'many:1']);
  await daemon.ok(['tag', 'busybox', 'many:2']);
  const path = join(scratch, 'many.tar');
  await daemon.ok(['save', '-o', path, 'many']);
  const [image] = JSON.parse(contentOf(path, 'manifest.json').toString());
  assert.deepEqual(image.RepoTags, ['many:1', 'many:2']);
  const id = await daemon.ok(['image', 'inspect', '-f', '{{.Id}}', 'many:1']);
  await daemon.ok(['save', '-o', path, id]);
  assert.equal(JSON.parse(contentOf(path, 'manifest.json').toString())[0].RepoTags, null);
  const missing = await daemon.docker(['save', '-o', path, 'busybox', 'nowhere:1']);
  assert.notEqual(missing.code, 0);
  assert.match(missing.stderr, /No such image: nowhere:1/);
  const platform = await daemon.docker(['save', '--platform', 'linux/riscv64', '-o', path, 'busybox']);
  assert.notEqual(platform.code, 0);
  assert.match(platform.stderr, /does not provide the specified platform \(linux\/riscv64\)/);
});

test('an image that is removed while it is saved is saved whole, and gone afterwards', async () => {
  const image = buildImage({ layers: [layer('big', 30_000_000)], compression: 'none' });
  await daemon.ok(['load'], { input: ociArchive([{ image, name: 'going:1' }]) });
  const chunks: Buffer[] = [];
  const asked = request({ socketPath: daemon.socket, path: '/images/going:1/get' });
  const ended = new Promise<void>((resolve, reject) => {
    asked.on('error', reject).on('response', (response) => {
      response.on('error', reject).on('end', () => resolve());
      response.once('data', (first: Buffer) => {
        response.pause();
        chunks.push(first);
        daemon.ok(['rmi', 'going:1']).then(() => {
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.resume();
        }, reject);
      });
    });
  });
  asked.end();
  await ended;
  const path = join(scratch, 'going.tar');
  writeFileSync(path, Buffer.concat(chunks));
  const { digest, data } = image.layers[0] ?? image.config;
  assert.ok(contentOf(path, `blobs/sha256/${digest.slice(7)}`).equals(data));
  const blob = join(daemon.dataRoot, 'images/blobs/sha256', digest.slice(7));
  for (let waited = 0; waited < 3000 && spawnSync('test', ['-e', blob]).status === 0; waited += 50)
    await sleep(50);
  assert.notEqual(spawnSync('test', ['-e', blob]).status, 0);
});

test('archives of every kind are loaded: links, nested indexes, attestations, xz, bzip2', async () => {
  const image = buildBusyboxImage({ extraLayers: [layer('kinds')] });
  const other = buildBusyboxImage({ platform: { architecture: 'riscv64', os: 'linux' } });
  const nested = nestedLayout([image, other]);
  const forms: Array<[string, Buffer]> = [
    ['nested', nested],
    ['xz', spawnSync('xz', ['-1'], { input: nested, maxBuffer: 1 << 30 }).stdout],
    ['bzip2', spawnSync('bzip2', ['-1'], { input: nested, maxBuffer: 1 << 30 }).stdout],
    ['gzip', gzipSync(nested, { level: 1 })],
  ];
  for (const [form, archive] of forms) {
    assert.match(await daemon.ok(['load'], { input: archive }), /Loaded image: kinds:1/, form);
    assert.equal(await daemon.ok(['image', 'inspect', '-f', '{{.Id}}', 'kinds:1']), image.config.digest);
    await daemon.ok(['rmi', 'kinds:1']);
  }
  await daemon.ok(['load', '--platform', 'linux/riscv64'], { input: nested });
  assert.equal(await daemon.ok(['image', 'inspect', '-f', '{{.Architecture}}', 'kinds:1']), 'riscv64');
  const absent = await daemon.docker(['load', '--platform', 'linux/s390x'], { input: nested });
  assert.notEqual(absent.code, 0);
  assert.match(absent.stderr, /requested platform \(linux\/s390x\) not found/);
  const broken = await daemon.docker(['load'], {
    input: forms[1]?.[1].subarray(0, 40_000) ?? Buffer.alloc(0),
  });
  assert.notEqual(broken.code, 0);
  assert.match(broken.stderr, /broken xz stream/);
});

/** An index in an index, with an attestation beside the images, as BuildKit makes them. */
function nestedLayout(images: readonly FixtureImage[]): Buffer {
  const attestation = buildImage({
    layers: [layer('attestation')],
    platform: { architecture: 'unknown', os: 'unknown' },
  });
  const inner = buildIndex([...images, attestation]);
  const blobs = [...images, attestation].flatMap((image) => [image.config, image.manifest, ...image.layers]);
  const byDigest = new Map([...blobs, inner].map((blob) => [blob.digest, blob]));
  const manifests = [
    {
      mediaType: inner.mediaType,
      digest: inner.digest,
      size: inner.data.length,
      annotations: { 'io.containerd.image.name': 'docker.io/library/kinds:1' },
    },
  ];
  return tarOf([
    { name: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', data: JSON.stringify({ schemaVersion: 2, manifests }) },
    ...[...byDigest.values()].map(
      (blob): TarEntry => ({ name: `blobs/sha256/${blob.digest.slice(7)}`, data: blob.data }),
    ),
  ]);
}

test('the newest name wins, and the one before is told of', async () => {
  const [one, two] = [1, 2].map((number) => buildBusyboxImage({ extraLayers: [layer(`v${number}`)] }));
  assert.ok(one !== undefined && two !== undefined);
  await daemon.ok(['load'], { input: dockerArchive([{ image: one, tags: ['moving:1'] }]) });
  const said = await daemon.ok(['load'], { input: dockerArchive([{ image: two, tags: ['moving:1'] }]) });
  assert.match(
    said,
    new RegExp(
      `The image moving:1 already exists, renaming the old one with ID ${one.config.digest} to empty string`,
    ),
  );
});

test('an import from a URL is read by the daemon, with its changes', async () => {
  const tar = gzipSync(busyboxRootTar());
  const server: Server = createServer((asked, answer) => {
    if (asked.url === '/moved.tgz') answer.writeHead(302, { location: '/root.tgz' }).end();
    else if (asked.url === '/root.tgz') answer.writeHead(200, { 'content-length': tar.length }).end(tar);
    else answer.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  try {
    const url = `http://127.0.0.1:${port}`;
    const said = await daemon.ok([
      'import',
      '-c',
      'CMD ["echo","imported"]',
      `${url}/moved.tgz`,
      'from-url:1',
    ]);
    assert.match(said, /^Downloading from http:.*\n[\s\S]*sha256:[0-9a-f]{64}$/);
    assert.equal(await daemon.ok(['run', '--rm', 'from-url:1']), 'imported');
    assert.equal(
      await daemon.ok(['image', 'inspect', '-f', '{{.Comment}}', 'from-url:1']),
      `Imported from ${url}/moved.tgz`,
    );
    const missing = await daemon.docker(['import', `${url}/none`, 'none:1']);
    assert.notEqual(missing.code, 0);
    assert.match(missing.stderr, /Got HTTP status code >= 400: 404/);
    const bad = await callApi(daemon.socket, 'POST', '/images/create?fromSrc=ftp%3A%2F%2F127.0.0.1%2Fx');
    assert.deepEqual([bad.status, /invalid URL/.test(bad.text)], [400, true]);
  } finally {
    server.close();
  }
});

test('what is loaded twice is the same image, and its digest is that of its bytes', async () => {
  const image = buildBusyboxImage({ extraLayers: [layer('twice')] });
  const archive = dockerArchive([{ image, tags: ['twice:1'] }]);
  await daemon.ok(['load'], { input: archive });
  await daemon.ok(['load'], { input: archive });
  assert.equal(
    await daemon.ok(['image', 'inspect', '-f', '{{.Id}}', 'twice:1']),
    digestOf(image.config.data),
  );
});
