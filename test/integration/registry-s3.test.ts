/** The registry's storage in an S3 bucket keeps the storage contract. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { digestOf } from '../../src/oci/digest.ts';
import { createUpstreamCache } from '../../src/registry/proxy/upstream-cache.ts';
import { openS3Storage } from '../../src/registry/s3/s3-storage.ts';
import { type ContractSubject, storageContract } from '../registry/storage-contract.ts';
import { startFakeRegistry } from '../support/registry-fake.ts';
import { serveRegistry } from '../support/registry-parts.ts';
import { startS3, type TestS3, whyNoS3 } from '../support/s3.ts';

const missing = await whyNoS3();
let server: TestS3;

async function openSubject(): Promise<ContractSubject> {
  const options = await server.bucket();
  const subject: ContractSubject = {
    storage: await openS3Storage(options),
    reopen: async () => {
      await subject.storage.close();
      subject.storage = await openS3Storage(options);
      return subject.storage;
    },
    dispose: () => subject.storage.close(),
  };
  return subject;
}

if (missing !== undefined) test('the S3 storage', { skip: missing }, () => undefined);
else {
  before(async () => {
    server = await startS3();
  });
  after(() => server.stop());
  storageContract('S3', openSubject);

  test('a pull-through cache keeps what it brings in a bucket', { timeout: 20_000 }, async () => {
    const fake = await startFakeRegistry();
    const storage = await openS3Storage(await server.bucket());
    const upstreams = createUpstreamCache({ storage, upstreams: [{ remoteUrl: fake.url }] });
    const served = await serveRegistry({ storage, upstreams });
    try {
      const data = randomBytes(12 * 1024 * 1024);
      const digest = digestOf(data);
      fake.put(digest, { digest, mediaType: 'application/octet-stream', data });
      const pulls = Array.from({ length: 5 }, async () => {
        const answer = await fetch(`${served.url}/v2/cached/blobs/${digest}`);
        assert.equal(digestOf(Buffer.from(await answer.arrayBuffer())), digest);
      });
      await Promise.all(pulls);
      assert.equal(fake.requests.length, 1);
      assert.equal((await storage.blob('cached', digest))?.size, data.length);
    } finally {
      await upstreams.close();
      await served.stop();
      await fake.stop();
    }
  });
}
