/** distribution-spec, "Pushing Manifests" and "Pushing Manifests with Subject". */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { digestOf } from '../../../src/oci/digest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { assertError, descriptor, jsonOf, locationOf, type RegistryClient, withQuery } from './client.ts';

const mib = 1024 * 1024;

export function pushManifestTests(client: RegistryClient): void {
  acceptedTests(client);
  refusedTests(client);
  referenceTests(client);
  subjectTests(client);
}

function acceptedTests(client: RegistryClient): void {
  test('Pushing Manifests (end-7): by tag and by digest, 201 with a pullable Location and the digest', async () => {
    const repository = client.repository();
    const { data, digest } = await client.pushImage(repository);
    for (const reference of ['v1', digest]) {
      const answer = await client.putManifest(repository, reference, data);
      assert.equal(answer.status, 201);
      assert.equal(answer.headers['docker-content-digest'], digest);
      const pulled = await client.ask('GET', locationOf(answer), {
        headers: { Accept: mediaTypes.ociManifest },
      });
      assert.deepEqual(pulled.body, data);
    }
  });

  test('Pushing Manifests: a tag moves to what was pushed last, and the older one stays by digest', async () => {
    const repository = client.repository();
    const first = await client.pushImage(repository, 'latest');
    const second = await client.pushImage(repository, 'latest');
    assert.equal(
      (await client.getManifest(repository, 'latest')).headers['docker-content-digest'],
      second.digest,
    );
    assert.equal((await client.getManifest(repository, first.digest)).status, 200);
  });

  test('Pushing Manifests: parameters of Content-Type are ignored; Docker types and indexes keep theirs', async () => {
    const repository = client.repository();
    const image = await client.pushImage(repository);
    const withCharset = await client.putManifest(
      repository,
      'charset',
      image.data,
      `${mediaTypes.ociManifest}; charset=utf-8`,
    );
    assert.equal(withCharset.status, 201);
    const pulled = await client.getManifest(repository, 'charset');
    assert.equal(pulled.headers['content-type'], mediaTypes.ociManifest);
    const { config, layers } = image.document;
    for (const document of [
      { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config, layers },
      {
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [{ ...descriptor(mediaTypes.ociManifest, image.data) }],
      },
      { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] },
    ]) {
      const { data } = await client.pushDocument(repository, 'typed', document);
      const answer = await client.getManifest(repository, 'typed');
      assert.equal(answer.headers['content-type'], document.mediaType);
      assert.deepEqual(answer.body, data);
    }
  });

  test('Pushing Manifests: the list of blobs may be empty, and mediaType may be missing', async () => {
    const repository = client.repository();
    const config = Buffer.from('{}');
    await client.pushBlob(repository, config);
    const document = {
      schemaVersion: 2,
      config: descriptor('application/vnd.oci.empty.v1+json', config),
      layers: [],
    };
    const { data } = await client.pushDocument(repository, 'empty', document);
    const answer = await client.getManifest(repository, 'empty');
    assert.deepEqual(answer.body, data);
    assert.equal(answer.headers['content-type'], mediaTypes.ociManifest);
  });

  test('Pushing Manifests: up to 4 megabytes are taken, more than 4 MiB are 413', async () => {
    const repository = client.repository();
    const image = await client.pushImage(repository);
    const fill = (size: number): Buffer => {
      const text = JSON.stringify({ ...image.document, annotations: { fill: '' } });
      return Buffer.from(text.replace('"fill":""', `"fill":"${'x'.repeat(size - text.length)}"`));
    };
    assert.equal((await client.putManifest(repository, 'large', fill(4 * mib))).status, 201);
    assert.equal((await client.getManifest(repository, 'large')).body.length, 4 * mib);
    const tooLarge = await client.putManifest(repository, 'huge', fill(4 * mib + 1));
    assertError(tooLarge, 413, 'MANIFEST_INVALID');
    const streamed = await client.ask('PUT', `/v2/${repository}/manifests/huge`, {
      headers: { 'Content-Type': mediaTypes.ociManifest },
      body: [fill(4 * mib), Buffer.alloc(mib, ' ')],
    });
    assertError(streamed, 413, 'MANIFEST_INVALID');
  });

  test('Pushing Manifests by digest with ?tag=: all tags name it, and OCI-Tag says so', async () => {
    const repository = client.repository();
    const { data, digest } = await client.pushImage(repository);
    const answer = await client.ask('PUT', `/v2/${repository}/manifests/${digest}?tag=one&tag=two`, {
      headers: { 'Content-Type': mediaTypes.ociManifest },
      body: data,
    });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['oci-tag'], 'one, two');
    for (const tag of ['one', 'two'])
      assert.equal((await client.getManifest(repository, tag)).headers['docker-content-digest'], digest);
  });
}

function refusedTests(client: RegistryClient): void {
  test('Pushing Manifests: another digest than that of the bytes is DIGEST_INVALID', async () => {
    const repository = client.repository();
    const { data } = await client.pushImage(repository);
    assertError(await client.putManifest(repository, digestOf('other'), data), 400, 'DIGEST_INVALID');
    assertError(await client.putManifest(repository, 'sha256:abc', data), 400, 'DIGEST_INVALID');
    assertError(
      await client.putManifest(repository, `sha512:${'0'.repeat(128)}`, data),
      400,
      'DIGEST_INVALID',
    );
    assertError(await client.getManifest(repository, digestOf('other')), 404, 'MANIFEST_UNKNOWN');
  });

  test('Pushing Manifests: what is no manifest is MANIFEST_INVALID', async () => {
    const repository = client.repository();
    const { document } = await client.pushImage(repository);
    const { config, layers } = document;
    const bad: unknown[] = [
      'no JSON',
      '',
      'null',
      '[]',
      { ...document, schemaVersion: 1 },
      { ...document, config: undefined },
      { ...document, layers: 'none' },
      { ...document, manifests: [] },
      { ...document, layers: [{ digest: 'sha256:x', size: 1, mediaType: 'a/b' }] },
      { ...document, subject: { digest: 'sha256:x' } },
      { schemaVersion: 2, mediaType: mediaTypes.ociIndex, config, layers },
      { schemaVersion: 2, mediaType: 'application/x', config, layers },
    ];
    for (const one of bad) {
      const body = typeof one === 'string' ? one : JSON.stringify(one);
      assertError(await client.putManifest(repository, 'bad', body), 400, 'MANIFEST_INVALID');
    }
    assertError(await client.getManifest(repository, 'bad'), 404, 'MANIFEST_UNKNOWN');
  });

  test('Pushing Manifests: another Content-Type than mediaType is MANIFEST_INVALID, a bad tag too', async () => {
    const repository = client.repository();
    const { data } = await client.pushImage(repository);
    for (const mediaType of [mediaTypes.dockerManifest, mediaTypes.ociIndex, 'text/plain'])
      assertError(await client.putManifest(repository, 'v1', data, mediaType), 400, 'MANIFEST_INVALID');
    for (const tag of ['.dot', '-dash', 'x'.repeat(129), 'with%20space'])
      assertError(await client.putManifest(repository, tag, data), 400, 'MANIFEST_INVALID');
  });
}

function referenceTests(client: RegistryClient): void {
  test('Push: a manifest whose blobs are missing is MANIFEST_BLOB_UNKNOWN, and names one', async () => {
    const repository = client.repository();
    const { document } = await client.pushImage(repository);
    const missing = descriptor(mediaTypes.ociLayer, randomBytes(20));
    for (const bad of [
      { ...document, layers: [missing] },
      { ...document, config: { ...missing, mediaType: mediaTypes.ociConfig } },
    ]) {
      const answer = await client.putManifest(repository, 'v1', JSON.stringify(bad));
      const { detail } = assertError(answer, 400, 'MANIFEST_BLOB_UNKNOWN');
      assert.equal(detail?.['digest'], missing['digest']);
    }
    const index = {
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ ...missing, mediaType: mediaTypes.ociManifest }],
    };
    const answer = await client.putManifest(repository, 'v1', JSON.stringify(index), mediaTypes.ociIndex);
    assertError(answer, 400, 'MANIFEST_BLOB_UNKNOWN');
  });

  test('Push: blobs of another repository do not count, until they are mounted', async () => {
    const source = client.repository();
    const { data, config, layer } = await client.pushImage(source);
    const target = client.repository();
    assertError(await client.putManifest(target, 'v1', data), 400, 'MANIFEST_BLOB_UNKNOWN');
    for (const mount of [config, layer])
      await client.ask('POST', withQuery(`/v2/${target}/blobs/uploads/`, { mount, from: source }));
    assert.equal((await client.putManifest(target, 'v1', data)).status, 201);
  });

  test('Push: layers that lie elsewhere (urls) need not be here', async () => {
    const repository = client.repository();
    const { document } = await client.pushImage(repository);
    const foreign = {
      ...descriptor('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', randomBytes(20)),
      urls: ['https://layers.example.org/1'],
    };
    await client.pushDocument(repository, 'foreign', {
      ...document,
      mediaType: mediaTypes.dockerManifest,
      layers: [foreign],
    });
  });
}

function subjectTests(client: RegistryClient): void {
  test('Pushing Manifests with Subject: OCI-Subject names the subject, also where that does not exist', async () => {
    const repository = client.repository();
    const subject = descriptor(mediaTypes.ociManifest, 'a manifest that comes later');
    const { data } = await client.pushImage(repository, 'v1', { subject });
    const answer = await client.putManifest(repository, 'v2', data);
    assert.equal(answer.headers['oci-subject'], subject['digest']);
    const plain = await client.pushImage(repository);
    const without = await client.putManifest(repository, 'v3', plain.data);
    assert.equal(without.headers['oci-subject'], undefined);
    const referrers = await client.ask('GET', `/v2/${repository}/referrers/${String(subject['digest'])}`);
    assert.equal(jsonOf<{ manifests: unknown[] }>(referrers).manifests.length, 1);
  });
}
