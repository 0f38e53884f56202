/** distribution-spec, "Pushing blobs": at once, in chunks, streamed, cancelled and mounted. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { digestOf } from '../../../src/oci/digest.ts';
import { type Answer, assertError, locationOf, type RegistryClient, withQuery } from './client.ts';

const octets = { 'Content-Type': 'application/octet-stream' };

async function assertBlob(client: RegistryClient, created: Answer, data: Buffer): Promise<void> {
  assert.equal(created.status, 201, created.body.toString());
  assert.equal(created.headers['docker-content-digest'], digestOf(data));
  const pulled = await client.ask('GET', locationOf(created));
  assert.equal(pulled.status, 200);
  assert.ok(pulled.body.equals(data));
}

export function pushBlobTests(client: RegistryClient): void {
  monolithicTests(client);
  singlePostTests(client);
  cancelTests(client);
  mountTests(client);
}

function monolithicTests(client: RegistryClient): void {
  test('Pushing a blob monolithically, POST then PUT (end-4a, end-6): 202 with a Location, then 201 with a pullable one', async () => {
    const repository = client.repository();
    const data = randomBytes(100_000);
    const begun = await client.ask('POST', `/v2/${repository}/blobs/uploads/`);
    assert.equal(begun.status, 202);
    assert.match(locationOf(begun), /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/);
    assert.equal(begun.headers['content-length'], '0');
    const digest = digestOf(data);
    const created = await client.ask('PUT', withQuery(locationOf(begun), { digest }), {
      headers: octets,
      body: data,
    });
    await assertBlob(client, created, data);
  });

  test('Pushing a blob monolithically (end-4a): the endpoint without its last slash is the same', async () => {
    const answer = await client.ask('POST', `/v2/${client.repository()}/blobs/uploads`);
    assert.equal(answer.status, 202);
    locationOf(answer);
  });

  test('Pushing a blob monolithically (end-6): the wrong digest is DIGEST_INVALID, and nothing is published', async () => {
    const repository = client.repository();
    const digest = digestOf('what was promised');
    const location = await client.startUpload(repository);
    const body = Buffer.from('what was sent');
    assertError(await client.ask('PUT', withQuery(location, { digest }), { body }), 400, 'DIGEST_INVALID');
    for (const one of [digest, digestOf(body)])
      assert.equal((await client.ask('HEAD', `/v2/${repository}/blobs/${one}`)).status, 404);
    assertError(await client.ask('GET', location), 404, 'BLOB_UPLOAD_UNKNOWN');
  });

  test('Pushing a blob monolithically (end-6): without a digest, or with a malformed one, 400, and the upload stays', async () => {
    const repository = client.repository();
    const location = await client.startUpload(repository);
    const body = Buffer.from('abc');
    assertError(await client.ask('PUT', location, { body }), 400, 'DIGEST_INVALID');
    for (const digest of ['sha256:abc', `sha512:${'0'.repeat(128)}`])
      assertError(await client.ask('PUT', withQuery(location, { digest }), { body }), 400, 'DIGEST_INVALID');
    const created = await client.ask('PUT', withQuery(location, { digest: digestOf(body) }), { body });
    assert.equal(created.status, 201);
  });

  test('Pushing a blob monolithically (end-5, end-6): an unknown upload is BLOB_UPLOAD_UNKNOWN, also in another repository', async () => {
    const repository = client.repository();
    const location = await client.startUpload(repository);
    const id = new URL(location, client.url).pathname.split('/').at(-1) ?? '';
    const strange = [
      `/v2/${repository}/blobs/uploads/00000000-0000-4000-8000-000000000000`,
      `/v2/${repository}/blobs/uploads/no-such-upload`,
      `/v2/${repository}/blobs/uploads/..%2f..%2fx`,
      `/v2/${client.repository()}/blobs/uploads/${id}`,
    ];
    for (const path of strange) {
      const body = Buffer.from('abc');
      const put = await client.ask('PUT', withQuery(path, { digest: digestOf(body) }), { body });
      for (const answer of [
        put,
        await client.ask('PATCH', path, { body }),
        await client.ask('GET', path),
        await client.ask('DELETE', path),
      ])
        assert.equal(answer.status, 404, `${path}: ${answer.body.toString()}`);
    }
  });

  test('Layer Upload De-duplication: pushing what is here, even twice at once, is 201 each time', async () => {
    const repository = client.repository();
    const data = randomBytes(200_000);
    const digests = await Promise.all([1, 2, 3].map(() => client.pushBlob(repository, data)));
    assert.deepEqual(new Set(digests), new Set([digestOf(data)]));
    assert.equal(await client.pushBlob(repository, data), digestOf(data));
  });
}

function singlePostTests(client: RegistryClient): void {
  test('Single POST (end-4b): 201 with a pullable Location', async () => {
    const repository = client.repository();
    const data = randomBytes(70_000);
    const path = withQuery(`/v2/${repository}/blobs/uploads/`, { digest: digestOf(data) });
    await assertBlob(client, await client.ask('POST', path, { headers: octets, body: data }), data);
    const empty = Buffer.alloc(0);
    const none = withQuery(`/v2/${repository}/blobs/uploads/`, { digest: digestOf(empty) });
    await assertBlob(client, await client.ask('POST', none, { headers: octets, body: empty }), empty);
  });

  test('Single POST (end-4b): the wrong or a malformed digest is 400, and nothing is published', async () => {
    const repository = client.repository();
    const body = randomBytes(70_000);
    for (const digest of [digestOf('other'), 'sha256:zz', '']) {
      const path = withQuery(`/v2/${repository}/blobs/uploads/`, { digest });
      assertError(await client.ask('POST', path, { headers: octets, body }), 400, 'DIGEST_INVALID');
    }
    assert.equal((await client.ask('HEAD', `/v2/${repository}/blobs/${digestOf(body)}`)).status, 404);
  });
}

function cancelTests(client: RegistryClient): void {
  test('Cancel a blob upload (end-14): DELETE is 204, and the upload is gone', async () => {
    const location = await client.startUpload(client.repository());
    await client.ask('PATCH', location, { body: Buffer.from('abc') });
    assert.equal((await client.ask('DELETE', location)).status, 204);
    assertError(await client.ask('GET', location), 404, 'BLOB_UPLOAD_UNKNOWN');
    assertError(await client.ask('DELETE', location), 404, 'BLOB_UPLOAD_UNKNOWN');
    assertError(
      await client.ask('PATCH', location, { body: Buffer.from('abc') }),
      404,
      'BLOB_UPLOAD_UNKNOWN',
    );
  });
}

function mountTests(client: RegistryClient): void {
  const mountPath = (repository: string, mount: string, from?: string): string =>
    withQuery(`/v2/${repository}/blobs/uploads/`, { mount, ...(from === undefined ? {} : { from }) });

  test('Mounting a blob from another repository (end-11): 201 with a pullable Location', async () => {
    const source = client.repository();
    const data = randomBytes(1000);
    const digest = await client.pushBlob(source, data);
    const target = client.repository();
    await assertBlob(client, await client.ask('POST', mountPath(target, digest, source)), data);
    assert.equal((await client.ask('HEAD', `/v2/${target}/blobs/${digest}`)).status, 200);
  });

  test('Mounting a blob (end-11): what cannot be mounted begins an upload, 202', async () => {
    const source = client.repository();
    const digest = await client.pushBlob(source, randomBytes(1000));
    const cases = [
      mountPath(client.repository(), digestOf('absent'), source),
      mountPath(client.repository(), digest, client.repository()),
      mountPath(client.repository(), digest, 'NOT/a/name'),
      mountPath(client.repository(), 'sha256:bad', source),
    ];
    for (const path of cases) {
      const answer = await client.ask('POST', path);
      assert.equal(answer.status, 202, path);
      const body = Buffer.from('uploaded instead');
      const put = withQuery(locationOf(answer), { digest: digestOf(body) });
      assert.equal((await client.ask('PUT', put, { body })).status, 201);
    }
  });

  test('Mounting a blob (end-11): without from, the blob is mounted where it is found, or an upload begins', async () => {
    const source = client.repository();
    const data = randomBytes(1000);
    const { layer } = await client.pushImage(source, 'v1');
    const digest = await client.pushBlob(source, data);
    for (const one of [digest, layer]) {
      const answer = await client.ask('POST', mountPath(client.repository(), one));
      assert.ok(answer.status === 201 || answer.status === 202, String(answer.status));
      locationOf(answer);
    }
    assert.equal((await client.ask('POST', mountPath(client.repository(), digestOf('absent')))).status, 202);
  });
}
