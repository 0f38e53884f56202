/** The registry inside the daemon: it serves the engine's own store, and neither collects what the other needs. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runProgram, TestDaemon } from '../support/daemon.ts';
import { buildBusyboxImage, type FixtureImage, ociArchive } from '../support/image-fixtures.ts';
import { freePort } from '../support/registry.ts';
import { tarOf } from '../support/tar-writer.ts';

const limit = { timeout: 60_000 };
let daemon: TestDaemon;
let host: string;
let image: FixtureImage;
let reference: string;

before(async () => {
  host = `127.0.0.1:${await freePort()}`;
  daemon = await TestDaemon.start({ busybox: false, flags: ['--registry-addr', host] });
  image = buildBusyboxImage({ extraLayers: [tarOf([{ name: 'own', data: 'x'.repeat(100_000) }])] });
  reference = `${host}/team/app`;
  await daemon.ok(['load'], { input: ociArchive([{ image, name: 'docker.io/library/app:latest' }]) });
});
after(() => daemon.close());

/** Inode and time of the last write, by file below the engine's store. */
function storeFiles(): Map<string, string> {
  const root = join(daemon.dataRoot, 'images');
  const files = ['blobs/sha256', 'ingest', 'uploads'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => join(folder, name)),
  );
  return new Map(
    files.map((name) => {
      const { ino, mtimeMs, size } = statSync(join(root, name));
      return [name, `${ino} ${mtimeMs} ${size}`];
    }),
  );
}

function has(digest: string): boolean {
  return storeFiles().has(`blobs/sha256/${digest.slice(7)}`);
}

async function status(path: string, method = 'HEAD'): Promise<number> {
  const { status: code } = await fetch(`http://${host}/v2/${path}`, { method });
  return code;
}

test('a push from this host copies nothing: the same files serve both', limit, async () => {
  const earlier = storeFiles();
  await daemon.ok(['tag', 'app', reference]);
  await daemon.ok(['push', reference]);
  const later = storeFiles();
  for (const [name, facts] of earlier) assert.equal(later.get(name), facts, name);
  const added = [...later.keys()].filter((name) => !earlier.has(name));
  const manifestOnly = added.every((name) => Number(later.get(name)?.split(' ')[2]) < 10_000);
  assert.ok(manifestOnly && added.length <= 1, `new files: ${added.join(', ')}`);
  for (const { digest } of image.layers) assert.equal(await status(`team/app/blobs/${digest}`), 200);
  const manifest = await fetch(`http://${host}/v2/team/app/manifests/latest`, {
    headers: { accept: image.manifest.mediaType },
  });
  assert.equal(manifest.status, 200);
});

test('what the registry holds outlives the image, and comes back by a pull', limit, async () => {
  await daemon.ok(['rmi', '-f', 'app', reference]);
  for (const { digest } of image.layers) assert.ok(has(digest));
  await daemon.stop();
  await daemon.launch();
  await daemon.ok(['image', 'prune', '-af']);
  for (const { digest } of [image.config, ...image.layers]) {
    assert.ok(has(digest));
    assert.equal(await status(`team/app/blobs/${digest}`), 200);
  }
  await daemon.ok(['pull', reference]);
  assert.equal(await daemon.ok(['run', '--rm', reference, 'wc', '-c', '/own']), '100000 /own');
});

test('what is deleted in the registry stays while the image needs it', limit, async () => {
  const manifest = await fetch(`http://${host}/v2/team/app/manifests/latest`, { method: 'HEAD' });
  const digest = manifest.headers.get('docker-content-digest') ?? '';
  assert.equal(await status(`team/app/manifests/${digest}`, 'DELETE'), 202);
  assert.equal(await status('team/app/manifests/latest'), 404);
  for (const layer of image.layers) assert.ok(has(layer.digest));
  assert.equal(await daemon.ok(['run', '--rm', reference, 'wc', '-c', '/own']), '100000 /own');
});

test('the daemon says who may reach it, and refuses an address that is none', limit, async () => {
  const argv = [process.execPath, 'dist/gantryd.js', '--registry-addr', '5000', '--validate'];
  const bad = await runProgram(argv);
  assert.notEqual(bad.code, 0);
  assert.match(bad.stderr, /invalid registry-addr: 5000[\s\S]*HOST:PORT/);
  assert.match(daemon.log(), new RegExp(`registry listening on ${host}`));
  assert.doesNotMatch(daemon.log(), /lets everyone/);
});
