/** The S3 storage where things go wrong: restarts and crashes in mid-upload, collections of several instances beside pushes, bad settings. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, isEngineError } from '../../src/errors/engine-error.ts';
import { digestOf } from '../../src/oci/digest.ts';
import type { RegistryStorage } from '../../src/registry/registry-types.ts';
import { Bucket } from '../../src/registry/s3/bucket.ts';
import { blobKeys, encodeNumber } from '../../src/registry/s3/keys.ts';
import { listMultiparts } from '../../src/registry/s3/multipart.ts';
import type { S3StorageOptions } from '../../src/registry/s3/s3-options.ts';
import { openS3Storage } from '../../src/registry/s3/s3-storage.ts';
import { isStored, pushBlob, pushManifest } from '../registry/storage-contract-helpers.ts';
import { freePort } from '../support/registry.ts';
import { startS3, type TestS3, whyNoS3 } from '../support/s3.ts';

const mebibyte = 1024 * 1024;
const missing = await whyNoS3();

/** All keys of ours in the bucket, and the uploads that the service holds open. */
async function leftIn(options: S3StorageOptions): Promise<string[]> {
  const bucket = new Bucket(options);
  try {
    const open = await listMultiparts(bucket, '');
    return [...(await bucket.keys('')), ...open.map(({ key }) => `open multipart ${key}`)];
  } finally {
    bucket.close();
  }
}

async function withStorages(
  options: S3StorageOptions,
  count: number,
  work: (...storages: RegistryStorage[]) => Promise<void>,
): Promise<void> {
  const storages = await Promise.all(Array.from({ length: count }, () => openS3Storage(options)));
  try {
    await work(...storages);
  } finally {
    for (const storage of storages) await storage.close();
  }
}

async function bytesOf(storage: RegistryStorage, digest: string): Promise<Buffer> {
  return Buffer.concat(await (await storage.open(digest)).toArray());
}

/** Writes in the pieces in which HTTP brings bytes. */
async function writeAll(upload: { write(data: Uint8Array): Promise<void> }, data: Buffer): Promise<void> {
  for (let start = 0; start < data.length; start += 65_536)
    await upload.write(data.subarray(start, start + 65_536));
}

/** Pushes at one instance what the other must have then. Returns how often it went well. */
async function pushUntil(
  end: number,
  worker: number,
  storages: readonly RegistryStorage[],
  layers: readonly Buffer[],
  grace: number,
): Promise<number> {
  const storage = storages[worker % 2];
  const other = storages[(worker + 1) % 2];
  assert.ok(storage !== undefined && other !== undefined);
  const repository = `team/${worker}`;
  let pushes = 0;
  for (let round = 0; Date.now() < end; round += 1) {
    const since = Date.now();
    try {
      const chosen = layers.filter(() => Math.random() < 0.4);
      const digest = await pushChosen(storage, repository, chosen, `${worker} ${round}`);
      for (const needed of [...chosen.map(digestOf), digest])
        assert.ok(await isStored(other, needed), `${needed} is there`);
      assert.equal((await other.tag(repository, 't'))?.digest, digest);
      assert.ok((await other.manifest(repository, digest)) !== undefined);
      pushes += 1;
      // Long enough, now and then, for layers to become candidates.
      if (round % 3 === 2) await other.deleteManifest(repository, digest);
      await sleep(round % 5 === 4 ? grace * 1.2 : 20);
    } catch (error) {
      // On a machine that is this slow the grace had passed: nothing was promised.
      if (!isEngineError(error, 'not-found') || Date.now() - since < grace / 2) throw error;
    }
  }
  return pushes;
}

/** As clients do: only what is not there is sent. */
async function pushChosen(
  storage: RegistryStorage,
  repository: string,
  chosen: readonly Buffer[],
  note: string,
): Promise<string> {
  for (const data of chosen)
    if ((await storage.blob(repository, digestOf(data))) === undefined)
      await pushBlob(storage, repository, data);
  const references = chosen.map(digestOf);
  return (await pushManifest(storage, repository, { references, tags: ['t'], note })).digest;
}

describe('the S3 storage', { skip: missing ?? false }, () => {
  let server: TestS3;
  before(async () => {
    server = await startS3();
  });
  after(() => server.stop());

  test('an upload of many parts goes on at another instance, and nothing but the blob is left of it', async () => {
    const options = { ...(await server.bucket()), chunkSize: 5 * mebibyte };
    const data = randomBytes(13 * mebibyte + 12_345);
    await withStorages(options, 2, async (first, second) => {
      assert.ok(first !== undefined && second !== undefined);
      const upload = await first.beginUpload('a');
      await writeAll(upload, data.subarray(0, 7 * mebibyte));
      await upload.suspend();
      const { id } = upload.status;
      assert.equal((await second.uploadStatus('a', id))?.offset, 7 * mebibyte);
      const resumed = await second.resumeUpload('a', id);
      assert.ok(resumed !== undefined);
      await writeAll(resumed, data.subarray(7 * mebibyte));
      const blob = await resumed.commit(digestOf(data));
      assert.equal(blob.size, data.length);
      assert.ok((await bytesOf(first, blob.digest)).equals(data));
    });
    const left = await leftIn(options);
    assert.deepEqual(
      left.map((key) => key.split('/')[0]),
      ['blobs', 'data', 'repositories'],
    );
  });

  test('wrong bytes over two instances are found out, and nothing is left of them', async () => {
    const options = { ...(await server.bucket()), chunkSize: 5 * mebibyte };
    const data = randomBytes(6 * mebibyte);
    await withStorages(options, 2, async (first, second) => {
      const upload = await first?.beginUpload('a');
      assert.ok(upload !== undefined);
      await writeAll(upload, data);
      await upload.suspend();
      const resumed = await second?.resumeUpload('a', upload.status.id);
      await resumed?.write(Buffer.from('more'));
      await assert.rejects(
        async () => await resumed?.commit(digestOf(data)),
        (error) => isEngineError(error, 'data-loss'),
      );
      assert.equal(await second?.blob('a', digestOf(data)), undefined);
    });
    assert.deepEqual(await leftIn(options), []);
  });

  test('after a crash an upload goes on behind the last part that was sent', async () => {
    const options = { ...(await server.bucket()), chunkSize: 5 * mebibyte };
    const data = randomBytes(12 * mebibyte);
    await withStorages(options, 2, async (dying, living) => {
      const opened = await dying?.beginUpload('a');
      assert.ok(opened !== undefined && living !== undefined);
      const { id } = opened.status;
      await opened.suspend();
      const upload = await dying?.resumeUpload('a', id);
      assert.ok(upload !== undefined);
      await writeAll(upload, data);
      // Nobody ends it: the process is gone.
      let offset = 0;
      for (let waited = 0; offset < 10 * mebibyte && waited < 5000; waited += 20) {
        await sleep(20);
        offset = (await living.uploadStatus('a', id))?.offset ?? 0;
      }
      assert.equal(offset, 10 * mebibyte);
      const resumed = await living.resumeUpload('a', id);
      assert.equal(resumed?.status.offset, offset);
      await writeAll(resumed, data.subarray(offset));
      assert.equal((await resumed.commit(digestOf(data))).size, data.length);
      assert.ok((await bytesOf(living, digestOf(data))).equals(data));
    });
  });

  test('small chunks become parts, and what is too small for one waits in the bucket', async () => {
    const options = await server.bucket();
    const data = randomBytes(6 * mebibyte);
    await withStorages(options, 1, async (storage) => {
      const first = await storage?.beginUpload('a');
      assert.ok(storage !== undefined && first !== undefined);
      const { id } = first.status;
      await first.suspend();
      for (let start = 0; start < data.length; start += mebibyte) {
        const upload = await storage.resumeUpload('a', id);
        await upload?.write(data.subarray(start, start + mebibyte));
        await upload?.suspend();
      }
      const last = await storage.resumeUpload('a', id);
      assert.equal((await last?.commit(digestOf(data)))?.size, data.length);
      assert.ok((await bytesOf(storage, digestOf(data))).equals(data));
    });
  });

  test('what a collection has announced to delete is not relied on, and waited for by whoever needs it', async () => {
    const options = await server.bucket();
    await withStorages(options, 1, async (storage) => {
      assert.ok(storage !== undefined);
      const { digest } = await pushBlob(storage, 'a', 'doomed');
      const bucket = new Bucket(options);
      const held = (await bucket.keys(blobKeys(digest))).find((key) => key.includes('!held.'));
      const generation = held?.split('!held.')[1]?.split('.')[0] ?? '';
      const doom = (at: number): string =>
        `${blobKeys(digest)}doomed.${generation}.other.${encodeNumber(at)}`;
      const recent = doom(Date.now());
      await bucket.put(recent);
      assert.equal(await storage.blob('a', digest), undefined);
      const put = pushManifest(storage, 'a', { references: [digest], tags: ['one'] });
      const first = await Promise.race([put.then(() => 'put'), sleep(600, 'waiting')]);
      assert.equal(first, 'waiting');
      await bucket.remove([recent]);
      await put;
      assert.ok(await storage.blob('a', digest));
      await bucket.put(doom(Date.now() - 3_600_000));
      assert.ok(await storage.blob('a', digest), 'a collection that died an hour ago deletes nothing');
      bucket.close();
    });
  });

  test('two instances that collect all the time take nothing that pushes at both rely on', async () => {
    const grace = 1500;
    const options = { ...(await server.bucket()), grace };
    const layers = Array.from({ length: 5 }, (_, index) => Buffer.from(`layer ${index}`));
    await withStorages(options, 2, async (...storages) => {
      const end = Date.now() + 7000;
      const collecting = storages.map(async (storage) => {
        while (Date.now() < end) {
          await storage.collect({ grace, untagged: true, dryRun: false });
          await sleep(100);
        }
      });
      const pushing = [0, 1, 2].map((worker) => pushUntil(end, worker, storages, layers, grace));
      const pushes = await Promise.all(pushing);
      await Promise.all(collecting);
      const sum = pushes.reduce((total, count) => total + count, 0);
      assert.ok(sum >= 10, `${sum} pushes`);
      const [storage] = storages;
      assert.ok(storage !== undefined);
      for (const name of await storage.repositories({ limit: 10 }))
        for (const { digest } of await storage.manifests(name)) await storage.deleteManifest(name, digest);
      await storage.collect({ grace: 0, untagged: true, dryRun: false });
    });
    assert.deepEqual(await leftIn(options), [], 'no byte is left that nothing references');
  });

  test('a bucket that is not there, and an endpoint where nothing listens, are named with what to check', async () => {
    const options = await server.bucket();
    await assert.rejects(openS3Storage({ ...options, bucket: 'no-such-bucket' }), {
      code: 'unavailable',
      message: /there is no bucket no-such-bucket at http/,
      hint: /make the bucket/,
    });
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    await assert.rejects(openS3Storage({ ...options, endpoint }), {
      code: 'unavailable',
      message: /cannot be used: .*ECONNREFUSED/,
      hint: /regionendpoint/,
    });
    await assert.rejects(openS3Storage({ ...options, chunkSize: 1024 }), { code: 'invalid-argument' });
  });
});

/** Amazon's own errors, from a server that knows nothing else. */
async function withAnswers(
  answer: RequestListener,
  work: (endpoint: string) => Promise<void>,
): Promise<void> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  try {
    await work(`http://127.0.0.1:${port}`);
  } finally {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

const account = { bucket: 'b', accessKey: 'key', secretKey: 'secret' };

test('refused credentials are named with what to check', { timeout: 20_000 }, async () => {
  const refuse: RequestListener = (_request, response) => response.writeHead(403).end();
  await withAnswers(refuse, async (endpoint) => {
    await assert.rejects(openS3Storage({ ...account, endpoint }), {
      code: 'unavailable',
      message: /does not let us use the bucket b/,
      hint: /accesskey/,
    });
  });
});

test('a service that asks for fewer requests is asked again', { timeout: 20_000 }, async () => {
  let requests = 0;
  const throttle: RequestListener = (_request, response) => {
    requests += 1;
    if (requests <= 2) response.writeHead(503, { 'content-type': 'application/xml' });
    response.end(requests <= 2 ? '<Error><Code>SlowDown</Code><Message>Slow</Message></Error>' : '');
  };
  await withAnswers(throttle, async (endpoint) => {
    const storage = await openS3Storage({ ...account, endpoint });
    await storage.close();
    assert.equal(requests, 3);
  });
});

test('the errors of a storage are EngineErrors', { timeout: 20_000 }, async () => {
  let isUp = true;
  const answer: RequestListener = (_request, response) => {
    if (isUp) response.end();
    else
      response
        .writeHead(400, { 'content-type': 'application/xml' })
        .end('<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>');
  };
  await withAnswers(answer, async (endpoint) => {
    const storage = await openS3Storage({ ...account, endpoint });
    isUp = false;
    await assert.rejects(storage.tag('a', 'b'), (error) => {
      assert.ok(error instanceof EngineError);
      assert.equal(error.code, 'unavailable');
      assert.match(error.message, /ExpiredToken/);
      return true;
    });
    await storage.close();
  });
});
