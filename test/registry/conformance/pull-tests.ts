/** distribution-spec, "Pull": manifests and blobs by GET and HEAD, ranges and conditions. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { assertError, descriptor, type RegistryClient } from './client.ts';

const absent = digestOf('nothing has this digest');

export function pullTests(client: RegistryClient): void {
  manifestTests(client);
  negotiationTests(client);
  blobTests(client);
  rangeTests(client);
}

function manifestTests(client: RegistryClient): void {
  test('Determining Support (end-1): GET /v2/ is 200', async () => {
    const answer = await client.ask('GET', '/v2/');
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0');
    assert.equal((await client.ask('GET', '/v2')).status, 200);
  });

  test('Pulling manifests (end-3): GET by tag and by digest gives the bytes that were pushed, their type and digest', async () => {
    const repository = client.repository();
    const { digest, data } = await client.pushImage(repository, 'v1');
    for (const reference of ['v1', digest, digest.replace(':', '%3A')]) {
      const answer = await client.getManifest(repository, reference);
      assert.equal(answer.status, 200);
      assert.deepEqual(answer.body, data);
      assert.equal(answer.headers['content-type'], mediaTypes.ociManifest);
      assert.equal(answer.headers['docker-content-digest'], digest);
      assert.equal(answer.headers['content-length'], String(data.length));
    }
  });

  test('Checking if content exists (end-3): HEAD of a manifest gives size, type and digest, and no body', async () => {
    const repository = client.repository();
    const { digest, data } = await client.pushImage(repository, 'v1');
    for (const reference of ['v1', digest]) {
      const answer = await client.getManifest(repository, reference, 'HEAD');
      assert.equal(answer.status, 200);
      assert.equal(answer.body.length, 0);
      assert.equal(answer.headers['content-length'], String(data.length));
      assert.equal(answer.headers['content-type'], mediaTypes.ociManifest);
      assert.equal(answer.headers['docker-content-digest'], digest);
    }
  });

  test('Pulling manifests (end-3): what does not exist is 404, also by HEAD and for impossible references', async () => {
    const repository = client.repository();
    await client.pushImage(repository, 'v1');
    for (const reference of ['none', absent, '.INVALID', 'x'.repeat(129)]) {
      const answer = await client.getManifest(repository, reference);
      assertError(answer, 404, 'MANIFEST_UNKNOWN');
      const head = await client.getManifest(repository, reference, 'HEAD');
      assert.equal(head.status, 404);
      assert.equal(head.body.length, 0);
    }
  });

  test('Pushing Manifests: pulling from a repository that does not exist is 404', async () => {
    assertError(await client.getManifest(client.repository(), 'latest'), 404, 'MANIFEST_UNKNOWN');
    assertError(await client.ask('GET', `/v2/${client.repository()}/blobs/${absent}`), 404, 'BLOB_UNKNOWN');
  });

  test('Pulling manifests: a manifest of one repository is not seen in another', async () => {
    const repository = client.repository();
    const { digest } = await client.pushImage(repository, 'v1');
    assertError(await client.getManifest(client.repository(), digest), 404, 'MANIFEST_UNKNOWN');
  });

  test('Pulling manifests: a conditional GET of what the client has is 304 (RFC 9110)', async () => {
    const repository = client.repository();
    const { digest } = await client.pushImage(repository, 'v1');
    const path = `/v2/${repository}/manifests/v1`;
    for (const known of [`"${digest}"`, digest, `"other", W/"${digest}"`, '*']) {
      const answer = await client.ask('GET', path, {
        headers: { Accept: mediaTypes.ociManifest, 'If-None-Match': known },
      });
      assert.equal(answer.status, 304);
      assert.equal(answer.body.length, 0);
      assert.equal(answer.headers.etag, `"${digest}"`);
    }
    const other = await client.ask('GET', path, { headers: { 'If-None-Match': `"${absent}"` } });
    assert.equal(other.status, 200);
  });
}

function negotiationTests(client: RegistryClient): void {
  test('Pulling manifests, Accept: an OCI document that the client does not take is MANIFEST_UNKNOWN; no header takes anything', async () => {
    const repository = client.repository();
    const { digest } = await client.pushImage(repository, 'v1');
    const path = `/v2/${repository}/manifests/v1`;
    const docker = await client.ask('GET', path, { headers: { Accept: mediaTypes.dockerManifest } });
    assertError(docker, 404, 'MANIFEST_UNKNOWN');
    for (const headers of [
      {},
      { Accept: '*/*' },
      { Accept: `text/plain, ${mediaTypes.ociManifest};q=0.5` },
    ]) {
      const answer = await client.ask('GET', path, { headers });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['docker-content-digest'], digest);
    }
  });

  test('Pulling manifests, Accept: a Docker manifest list is answered by its linux/amd64 part where lists are not taken', async () => {
    const repository = client.repository();
    const image = await client.pushImage(repository);
    const part = { ...descriptor(mediaTypes.ociManifest, image.data), digest: image.digest };
    const list = await client.pushDocument(repository, 'list', {
      schemaVersion: 2,
      mediaType: mediaTypes.dockerManifestList,
      manifests: [{ ...part, platform: { os: 'linux', architecture: 'amd64' } }],
    });
    const path = `/v2/${repository}/manifests/list`;
    const old = await client.ask('GET', path, { headers: { Accept: mediaTypes.ociManifest } });
    assert.equal(old.headers['docker-content-digest'], image.digest);
    assert.deepEqual(old.body, image.data);
    const current = await client.ask('GET', path, { headers: { Accept: mediaTypes.dockerManifestList } });
    assert.equal(current.headers['docker-content-digest'], list.digest);
    assert.equal(current.headers['content-type'], mediaTypes.dockerManifestList);
  });
}

function blobTests(client: RegistryClient): void {
  test('Pulling blobs (end-2): GET gives the bytes and their digest, HEAD the size; small, empty and large', async () => {
    const repository = client.repository();
    for (const data of [Buffer.from('small'), Buffer.alloc(0), randomBytes(6_000_000)]) {
      const digest = await client.pushBlob(repository, data);
      const path = `/v2/${repository}/blobs/${digest}`;
      const answer = await client.ask('GET', path);
      assert.equal(answer.status, 200);
      assert.ok(answer.body.equals(data), `a blob of ${data.length} bytes`);
      assert.equal(answer.headers['docker-content-digest'], digest);
      const head = await client.ask('HEAD', path);
      assert.equal(head.status, 200);
      assert.equal(head.headers['content-length'], String(data.length));
      assert.equal(head.headers['docker-content-digest'], digest);
      assert.equal(head.body.length, 0);
    }
  });

  test('Pulling blobs (end-2): what is not in the repository is 404, also by HEAD and where another one has it', async () => {
    const digest = await client.pushBlob(client.repository(), randomBytes(50));
    const repository = client.repository();
    for (const one of [absent, digest]) {
      assertError(await client.ask('GET', `/v2/${repository}/blobs/${one}`), 404, 'BLOB_UNKNOWN');
      assert.equal((await client.ask('HEAD', `/v2/${repository}/blobs/${one}`)).status, 404);
    }
  });

  test('Content digests: a malformed digest is DIGEST_INVALID, and so is an algorithm that is not known', async () => {
    const repository = client.repository();
    for (const bad of ['sha256:1234', `sha256:${'A'.repeat(64)}`, 'nodigest', `sha512:${'0'.repeat(128)}`])
      assertError(await client.ask('GET', `/v2/${repository}/blobs/${bad}`), 400, 'DIGEST_INVALID');
    const other = await client.ask('GET', `/v2/${repository}/blobs/sha512:${'0'.repeat(128)}`);
    assert.match(other.body.toString(), /sha256 only/);
  });

  test('Pulling blobs: caches are told that content never changes, and ask with If-None-Match (RFC 9110)', async () => {
    const repository = client.repository();
    const digest = await client.pushBlob(repository, randomBytes(50));
    const path = `/v2/${repository}/blobs/${digest}`;
    const first = await client.ask('GET', path);
    assert.match(first.headers['cache-control'] ?? '', /max-age=\d+/);
    assert.equal(first.headers.etag, `"${digest}"`);
    const second = await client.ask('GET', path, {
      headers: { 'If-None-Match': String(first.headers.etag) },
    });
    assert.equal(second.status, 304);
    assert.equal(second.body.length, 0);
  });
}

function rangeTests(client: RegistryClient): void {
  const ranges: Array<[header: string, first: number, last: number]> = [
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=90-', 90, 99],
    ['bytes=90-5000', 90, 99],
    ['bytes=-7', 93, 99],
    ['bytes=-5000', 0, 99],
  ];

  test('Range request support: first, middle, open and suffix ranges are 206 with Content-Range', async () => {
    const repository = client.repository();
    const small = randomBytes(100);
    const large = Buffer.concat([small, randomBytes(5_000_000)]);
    for (const data of [small, large]) {
      const digest = await client.pushBlob(repository, data);
      for (const [header, first, last] of ranges) {
        const isWhole = data === small;
        if (!isWhole && (header.includes('5000') || !/-\d/.test(header) || header.includes('=-'))) continue;
        const answer = await client.ask('GET', `/v2/${repository}/blobs/${digest}`, {
          headers: { Range: header },
        });
        assert.equal(answer.status, 206, header);
        assert.equal(answer.headers['content-range'], `bytes ${first}-${last}/${data.length}`);
        assert.deepEqual(answer.body, data.subarray(first, last + 1), header);
      }
    }
  });

  test('Range request support: the rest of a large blob, as an interrupted pull asks for it', async () => {
    const repository = client.repository();
    const data = randomBytes(5_000_000);
    const digest = await client.pushBlob(repository, data);
    const path = `/v2/${repository}/blobs/${digest}`;
    const rest = await client.ask('GET', path, { headers: { Range: 'bytes=4999000-' } });
    assert.equal(rest.status, 206);
    assert.deepEqual(rest.body, data.subarray(4_999_000));
    const head = await client.ask('HEAD', path, { headers: { Range: 'bytes=10-19' } });
    assert.equal(head.headers['content-length'], String(data.length), 'HEAD knows no ranges');
  });

  test('Range request support: a range outside of the blob is 416 with its size', async () => {
    const repository = client.repository();
    const digest = await client.pushBlob(repository, randomBytes(100));
    for (const range of ['bytes=100-', 'bytes=5000-6000', 'bytes=-0']) {
      const answer = await client.ask('GET', `/v2/${repository}/blobs/${digest}`, {
        headers: { Range: range },
      });
      assert.equal(answer.status, 416, range);
      assert.equal(answer.headers['content-range'], 'bytes */100');
    }
  });

  test('Range request support: malformed, several and outdated ranges give the whole (RFC 9110)', async () => {
    const repository = client.repository();
    const data = randomBytes(100);
    const digest = await client.pushBlob(repository, data);
    const path = `/v2/${repository}/blobs/${digest}`;
    for (const range of ['bytes=', 'bytes=5-3', 'lines=1-2', 'bytes=0-1,5-6', 'bytes=x-y']) {
      const answer = await client.ask('GET', path, { headers: { Range: range } });
      assert.equal(answer.status, 200, range);
      assert.deepEqual(answer.body, data);
    }
    const outdated = { Range: 'bytes=0-9', 'If-Range': `"${absent}"` };
    assert.equal((await client.ask('GET', path, { headers: outdated })).status, 200);
    const current = { Range: 'bytes=0-9', 'If-Range': `"${digest}"` };
    assert.equal((await client.ask('GET', path, { headers: current })).status, 206);
  });
}
