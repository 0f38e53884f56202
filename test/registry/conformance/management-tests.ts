/** distribution-spec, "Content Management", "Error Codes" and names. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { assertError, descriptor, jsonOf, type RegistryClient } from './client.ts';

const absent = digestOf('absent');

export function managementTests(client: RegistryClient): void {
  tagTests(client);
  manifestTests(client);
  blobTests(client);
  errorTests(client);
}

function tagTests(client: RegistryClient): void {
  test('Deleting tags (end-9): 202, then 404; the manifest and its other tags stay', async () => {
    const repository = client.repository();
    const { digest, data } = await client.pushImage(repository, 'gone');
    await client.putManifest(repository, 'stays', data);
    assert.equal((await client.ask('DELETE', `/v2/${repository}/manifests/gone`)).status, 202);
    assertError(await client.getManifest(repository, 'gone'), 404, 'MANIFEST_UNKNOWN');
    for (const reference of ['stays', digest])
      assert.equal((await client.getManifest(repository, reference)).status, 200);
    const again = await client.ask('DELETE', `/v2/${repository}/manifests/gone`);
    assertError(again, 404, 'MANIFEST_UNKNOWN');
  });
}

function manifestTests(client: RegistryClient): void {
  test('Deleting Manifests (end-9): 202, then 404 for the digest and every tag that named it', async () => {
    const repository = client.repository();
    const { digest, data } = await client.pushImage(repository, 'one');
    await client.putManifest(repository, 'two', data);
    const other = await client.pushImage(repository, 'other');
    assert.equal((await client.ask('DELETE', `/v2/${repository}/manifests/${digest}`)).status, 202);
    for (const reference of ['one', 'two', digest])
      assertError(await client.getManifest(repository, reference), 404, 'MANIFEST_UNKNOWN');
    assert.equal((await client.getManifest(repository, other.digest)).status, 200);
    const list = await client.ask('GET', `/v2/${repository}/tags/list`);
    assert.deepEqual(jsonOf<{ tags: string[] }>(list).tags, ['other']);
  });

  test('Deleting Manifests (end-9): 404 for what is not there, also in a repository that does not exist', async () => {
    const repository = client.repository();
    await client.pushImage(repository, 'v1');
    for (const name of [repository, client.repository()])
      for (const reference of [absent, 'none'])
        assert.equal((await client.ask('DELETE', `/v2/${name}/manifests/${reference}`)).status, 404);
    const bad = await client.ask('DELETE', `/v2/${repository}/manifests/sha256:bad`);
    assertError(bad, 400, 'DIGEST_INVALID');
  });

  test('Deleting Manifests: what was deleted can be pushed again', async () => {
    const repository = client.repository();
    const { digest, data } = await client.pushImage(repository, 'v1');
    await client.ask('DELETE', `/v2/${repository}/manifests/${digest}`);
    assert.equal((await client.putManifest(repository, 'v1', data)).status, 201);
    assert.deepEqual((await client.getManifest(repository, 'v1')).body, data);
  });
}

function blobTests(client: RegistryClient): void {
  test('Deleting Blobs (end-10): 202, then 404 for GET, HEAD and DELETE, while other repositories keep theirs', async () => {
    const repository = client.repository();
    const other = client.repository();
    const data = randomBytes(100);
    const digest = await client.pushBlob(repository, data);
    await client.pushBlob(other, data);
    const path = `/v2/${repository}/blobs/${digest}`;
    assert.equal((await client.ask('GET', path)).status, 200);
    assert.equal((await client.ask('DELETE', path)).status, 202);
    assertError(await client.ask('GET', path), 404, 'BLOB_UNKNOWN');
    assert.equal((await client.ask('HEAD', path)).status, 404);
    assertError(await client.ask('DELETE', path), 404, 'BLOB_UNKNOWN');
    assert.deepEqual((await client.ask('GET', `/v2/${other}/blobs/${digest}`)).body, data);
  });

  test('Deleting Blobs (end-10): a manifest that names a deleted blob is refused until the blob is pushed again', async () => {
    const repository = client.repository();
    const layer = randomBytes(100);
    const digest = await client.pushBlob(repository, layer);
    const config = Buffer.from('{}');
    await client.pushBlob(repository, config);
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: descriptor(mediaTypes.ociConfig, config),
      layers: [descriptor(mediaTypes.ociLayer, layer)],
    });
    await client.ask('DELETE', `/v2/${repository}/blobs/${digest}`);
    assertError(await client.putManifest(repository, 'v1', manifest), 400, 'MANIFEST_BLOB_UNKNOWN');
    await client.pushBlob(repository, layer);
    assert.equal((await client.putManifest(repository, 'v1', manifest)).status, 201);
  });

  test('Deleting Blobs: one that a manifest needs is kept (405)', async () => {
    const repository = client.repository();
    const { layer, digest } = await client.pushImage(repository, 'v1');
    const path = `/v2/${repository}/blobs/${layer}`;
    assertError(await client.ask('DELETE', path), 405, 'UNSUPPORTED');
    assert.equal((await client.ask('GET', path)).status, 200);
    await client.ask('DELETE', `/v2/${repository}/manifests/${digest}`);
    assert.equal((await client.ask('DELETE', path)).status, 202);
  });

  test('Deleting Blobs (end-10): 404 for what is not there, 400 for a malformed digest', async () => {
    const path = `/v2/${client.repository()}/blobs`;
    assertError(await client.ask('DELETE', `${path}/${absent}`), 404, 'BLOB_UNKNOWN');
    assertError(await client.ask('DELETE', `${path}/sha256:bad`), 400, 'DIGEST_INVALID');
  });
}

function errorTests(client: RegistryClient): void {
  test('Repository name: what does not match the grammar is NAME_INVALID', async () => {
    for (const name of ['Upper', 'a//b', '-a', 'a-', 'a..b', 'a___b', 'ä', 'a/', '/a', 'x'.repeat(256)]) {
      const path = `/v2/${encodeURI(name)}/manifests/v1`;
      assertError(await client.ask('GET', path), 400, 'NAME_INVALID');
    }
    const post = await client.ask('POST', '/v2/Upper/blobs/uploads/');
    assertError(post, 400, 'NAME_INVALID');
  });

  test('Repository name: everything that matches the grammar is one, also the words of the API', async () => {
    for (const name of [
      'a',
      'a/b/c/d',
      'a__b',
      'a---b',
      '0.x_y',
      'tags/list',
      'x/blobs/uploads',
      'manifests/blobs',
    ]) {
      const repository = `${client.repository()}/${name}`;
      const { data } = await client.pushImage(repository, 'v1');
      assert.deepEqual((await client.getManifest(repository, 'v1')).body, data, name);
      const list = await client.ask('GET', `/v2/${repository}/tags/list`);
      assert.deepEqual(jsonOf(list), { name: repository, tags: ['v1'] });
    }
  });

  test('Error Codes: unknown endpoints are 404, unknown methods 405 with Allow', async () => {
    for (const path of ['/v1/', '/v2/a/b', '/v2/x/manifests', '/v2/x/tags', '/nothing', '/v2/%E0%A4%A/x'])
      assert.equal((await client.ask('GET', path)).status, 404, path);
    const answer = await client.ask('POST', `/v2/${client.repository()}/manifests/v1`);
    assertError(answer, 405, 'UNSUPPORTED');
    assert.match(answer.headers.allow ?? '', /GET.*PUT.*DELETE/);
    const blob = await client.ask('PUT', `/v2/${client.repository()}/blobs/${absent}`);
    assertError(blob, 405, 'UNSUPPORTED');
  });

  test('Error Codes: a refused request with a body is answered, and its connection serves the next one', async () => {
    const repository = client.repository();
    const body = randomBytes(2_000_000);
    const put = await client.ask('PUT', `/v2/${repository}/manifests/sha256:bad`, { body });
    assertError(put, 400, 'DIGEST_INVALID');
    const patch = await client.ask('PATCH', `/v2/${repository}/blobs/uploads/none`, { body: [body] });
    assertError(patch, 404, 'BLOB_UPLOAD_UNKNOWN');
    assert.equal((await client.ask('GET', '/v2/')).status, 200);
  });
}
