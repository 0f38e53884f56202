/** Someone swaps registry:2 for Gantry on an existing volume: all that was pushed to a real docker-registry 2.8 is there. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { openLocalStorage } from '../../src/registry/storage/open-local-storage.ts';
import { buildImage, buildIndex, type FixtureImage } from '../support/image-fixtures.ts';
import { startRegistry } from '../support/registry.ts';
import { tarOf } from '../support/tar-writer.ts';

const limit = { timeout: 60_000 };

function image(text: string, format: 'oci' | 'docker', architecture = 'amd64'): FixtureImage {
  return buildImage({
    layers: [tarOf([{ name: 'base', data: 'base' }]), tarOf([{ name: 'file', data: text }])],
    format,
    platform: { architecture, os: 'linux' },
  });
}

const one = image('one', 'docker');
const two = image('two', 'oci');
const [amd, arm] = [image('many', 'oci', 'amd64'), image('many', 'oci', 'arm64')];
const index = buildIndex([amd, arm]);
/** A tree that a registry wrote. */
let volume: string;
let directory: string;

before(async () => {
  volume = mkdtempSync(join(tmpdir(), 'gantry-volume-'));
  const registry = await startRegistry();
  try {
    await registry.push('one', 'v1', one);
    await registry.push('one', 'latest', one);
    await registry.push('deep/er/two', 'latest', two);
    await registry.push('deep', 'gone', two);
    await registry.pushIndex('many', 'all', index, [amd, arm]);
    await fetch(`${registry.url}/v2/deep/manifests/${two.manifest.digest}`, { method: 'DELETE' });
    cpSync(join(registry.directory, 'data'), volume, { recursive: true });
  } finally {
    await registry.stop();
  }
});
after(() => rmSync(volume, { recursive: true, force: true }));

function fresh(): string {
  directory = mkdtempSync(join(tmpdir(), 'gantry-take-over-'));
  cpSync(volume, directory, { recursive: true });
  return directory;
}

function treeBlob(root: string, digest: string): string {
  const hex = digest.slice('sha256:'.length);
  return join(root, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data');
}

async function checkAll(storage: Awaited<ReturnType<typeof openLocalStorage>>): Promise<void> {
  assert.deepEqual(await storage.repositories({ limit: 10 }), ['deep/er/two', 'many', 'one']);
  assert.deepEqual(
    (await storage.tags('one', { limit: 10 }))?.map(({ name }) => name),
    ['latest', 'v1'],
  );
  assert.equal((await storage.tag('many', 'all'))?.digest, index.digest);
  const stored = await storage.manifest('many', index.digest);
  assert.deepEqual(new Set(stored?.references), new Set([amd.manifest.digest, arm.manifest.digest]));
  for (const [name, { manifest, config, layers }] of [
    ['one', one],
    ['deep/er/two', two],
    ['many', amd],
    ['many', arm],
  ] as const) {
    const found = await storage.manifest(name, manifest.digest);
    assert.equal(found?.mediaType, manifest.mediaType);
    assert.ok(Date.now() - (found?.pushedAt ?? 0) < 60_000);
    assert.ok((await storage.read(manifest.digest)).equals(manifest.data));
    for (const blob of [config, ...layers]) {
      assert.equal((await storage.blob(name, blob.digest))?.size, blob.data.length);
      const bytes: Uint8Array[] = await (await storage.open(blob.digest)).toArray();
      assert.ok(Buffer.concat(bytes).equals(blob.data));
    }
  }
}

test('everything is there, nothing was copied, and the old tree is as it was', limit, async (context) => {
  const root = fresh();
  context.after(() => rmSync(root, { recursive: true }));
  const messages: string[] = [];
  const storage = await openLocalStorage(root, { warn: (text) => messages.push(text) });
  await checkAll(storage);
  const layer = one.layers[1]?.digest ?? '';
  const ours = statSync(join(root, 'blobs/sha256', layer.slice(7)));
  assert.equal(ours.ino, statSync(treeBlob(root, layer)).ino);
  assert.match(messages.join('\n'), /took over 3 repositories, 5 manifests, 4 tags/);
  const { manifests } = await storage.collect({ grace: 0, untagged: true, dryRun: false });
  assert.equal(manifests, 0);
  await checkAll(storage);
  await storage.close();
  const again: string[] = [];
  const reopened = await openLocalStorage(root, { warn: (text) => again.push(text) });
  assert.deepEqual(again, [], 'it is taken over once');
  assert.equal(await reopened.deleteManifest('one', one.manifest.digest), true);
  await reopened.close();
  const third = await openLocalStorage(root);
  assert.equal(await third.manifest('one', one.manifest.digest), undefined, 'what was deleted stays so');
  await third.close();
});

test('a take-over that was interrupted is finished by the next start', limit, async (context) => {
  const root = fresh();
  context.after(() => rmSync(root, { recursive: true }));
  // A repository that cannot be read ends it half way.
  const obstacle = join(root, 'docker/registry/v2/repositories/one/_manifests/tags/v1/current/link');
  rmSync(obstacle);
  cpSync(join(root, 'docker/registry/v2/repositories/one/_layers'), obstacle, { recursive: true });
  await assert.rejects(openLocalStorage(root), (error) => isEngineError(error, 'failed-precondition'));
  assert.ok(readdirSync(join(root, 'blobs/sha256')).length > 0);
  rmSync(obstacle, { recursive: true });
  writeFileSync(obstacle, one.manifest.digest);
  const storage = await openLocalStorage(root);
  await checkAll(storage);
  await storage.close();
});

test(
  'a blob that is damaged in the old tree is never served, and heals by a push',
  limit,
  async (context) => {
    const root = fresh();
    context.after(() => rmSync(root, { recursive: true }));
    const layer = one.layers[1];
    assert.ok(layer !== undefined && existsSync(treeBlob(root, layer.digest)));
    writeFileSync(treeBlob(root, layer.digest), Buffer.alloc(layer.data.length));
    const storage = await openLocalStorage(root);
    try {
      await assert.rejects(
        storage.open(layer.digest),
        (error) => isEngineError(error, 'data-loss') || isEngineError(error, 'not-found'),
      );
      assert.equal(await storage.blob('one', layer.digest), undefined);
      const upload = await storage.beginUpload('one');
      await upload.write(layer.data);
      await upload.commit(layer.digest);
      await checkAll(storage);
    } finally {
      await storage.close();
    }
  },
);
