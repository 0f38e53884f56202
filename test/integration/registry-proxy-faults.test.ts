/** The pull-through cache before an upstream that misbehaves: many at once, wrong bytes, broken downloads, limits, redirects. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestOf } from '../../src/oci/digest.ts';
import type { UpstreamOptions } from '../../src/registry/proxy/upstream-options.ts';
import { pushImage } from '../support/registry.ts';
import { type FakeRegistry, startFakeRegistry } from '../support/registry-fake.ts';
import {
  type CachingRegistry,
  digestAt,
  getBlob,
  getManifest,
  image,
  layerOf,
  startProxy,
} from '../support/registry-proxy.ts';

function blobRequests(fake: FakeRegistry, digest: string): number {
  return fake.requests.filter(({ method, path }) => method === 'GET' && path.endsWith(digest)).length;
}

describe('a cache of an upstream that misbehaves', () => {
  let fake: FakeRegistry;
  let proxy: CachingRegistry;
  const setUp = async (options: Partial<UpstreamOptions> = {}): Promise<void> => {
    fake = await startFakeRegistry();
    proxy = await startProxy({ remoteUrl: fake.url, revalidate: 0, ...options });
  };
  const tearDown = async (): Promise<void> => {
    await proxy.stop();
    await fake.stop();
  };

  test('twenty who pull at once cost the upstream one request each for manifest and layer', async () => {
    await setUp();
    try {
      const one = image(5_000_000);
      const { digest, data } = layerOf(one);
      fake.add('latest', one);
      const pulls = Array.from({ length: 20 }, async () => {
        assert.equal(await digestAt(proxy, `many|${one.manifest.digest}`), one.manifest.digest);
        assert.ok((await getBlob(proxy, 'many', digest)).equals(data));
      });
      await Promise.all(pulls);
      assert.equal(blobRequests(fake, digest), 1);
      assert.equal(blobRequests(fake, one.manifest.digest), 1);
      assert.equal((await proxy.storage.blob('many', digest))?.size, data.length);
    } finally {
      await tearDown();
    }
  });

  test('wrong bytes break the transfer, and are not kept', async () => {
    await setUp();
    try {
      const data = randomBytes(600_000);
      const digest = digestOf(data);
      const damaged = Buffer.from(data);
      damaged[300_000] = (damaged[300_000] ?? 0) ^ 1;
      fake.put(digest, { digest, mediaType: 'application/octet-stream', data: damaged });
      await assert.rejects(getBlob(proxy, 'wrong', digest), (error) => error instanceof TypeError);
      assert.equal(await proxy.storage.blob('wrong', digest), undefined);
      assert.match(proxy.warnings.join('\n'), /other bytes/);
      fake.put(digest, { digest, mediaType: 'application/octet-stream', data });
      assert.ok((await getBlob(proxy, 'wrong', digest)).equals(data));
    } finally {
      await tearDown();
    }
  });

  test('a manifest of other bytes than its digest is refused', async () => {
    await setUp();
    try {
      const [one, two] = [image(), image()];
      fake.put(one.manifest.digest, two.manifest);
      const answer = await getManifest(proxy, `wrong|${one.manifest.digest}`);
      assert.ok(answer.status >= 500, String(answer.status));
      assert.deepEqual(await proxy.storage.manifests('wrong'), []);
    } finally {
      await tearDown();
    }
  });

  test('a download that breaks off goes on where it was', async () => {
    await setUp();
    try {
      const data = randomBytes(3_000_000);
      const digest = digestOf(data);
      fake.put(digest, { digest, mediaType: 'application/octet-stream', data });
      let isBroken = false;
      fake.intercept = (request, response) => {
        if (isBroken || request.url?.endsWith(digest) !== true) return false;
        isBroken = true;
        response.writeHead(200, { 'content-length': data.length });
        response.write(data.subarray(0, 1_000_000), () => setTimeout(() => response.destroy(), 50));
        return true;
      };
      assert.ok((await getBlob(proxy, 'broken', digest)).equals(data));
      const ranges = fake.requests.map(({ headers }) => headers.range);
      assert.match(ranges.join(' '), /bytes=[1-9][0-9]*-/);
    } finally {
      await tearDown();
    }
  });

  test('a client that leaves does not stop the fill', async () => {
    await setUp();
    try {
      const data = randomBytes(2_000_000);
      const digest = digestOf(data);
      let finish: () => void = () => undefined;
      fake.intercept = (request, response) => {
        if (request.url?.endsWith(digest) !== true) return false;
        response.writeHead(200, { 'content-length': data.length });
        response.write(data.subarray(0, 1_000_000));
        finish = () => void response.end(data.subarray(1_000_000));
        return true;
      };
      const leaving = new AbortController();
      const answer = await fetch(`${proxy.url}/v2/left/blobs/${digest}`, { signal: leaving.signal });
      const reader = answer.body?.getReader();
      const first = await reader?.read();
      assert.ok((first?.value?.length ?? 0) > 0, 'bytes come before the upstream has sent all');
      leaving.abort();
      await reader?.cancel().catch(() => undefined);
      await sleep(50);
      finish();
      for (let waited = 0; (await proxy.storage.blob('left', digest)) === undefined; waited += 20) {
        assert.ok(waited < 5000, 'the fill ends without its client');
        await sleep(20);
      }
      assert.ok((await getBlob(proxy, 'left', digest)).equals(data));
      assert.equal(blobRequests(fake, digest), 1);
    } finally {
      await tearDown();
    }
  });

  test('a rate limit is passed on where nothing is here, and hidden where something is', async () => {
    await setUp();
    try {
      const one = image();
      fake.add('latest', one);
      assert.equal(await digestAt(proxy, 'limited|latest'), one.manifest.digest);
      fake.intercept = (_request, response) => {
        response.writeHead(429, { 'content-type': 'application/json', 'retry-after': '120' });
        response.end(
          '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}',
        );
        return true;
      };
      assert.equal(await digestAt(proxy, 'limited|latest'), one.manifest.digest);
      const before429 = fake.requests.length;
      assert.equal(await digestAt(proxy, 'limited|latest'), one.manifest.digest);
      assert.equal(fake.requests.length, before429, 'the upstream is left alone meanwhile');
      const refused = await getManifest(proxy, 'limited|other');
      assert.equal(refused.status, 429);
      assert.match(await refused.text(), /TOOMANYREQUESTS.*pull rate limit/);
    } finally {
      await tearDown();
    }
  });

  test('credentials go to the upstream, and not to where it sends its blobs from', async () => {
    const elsewhere = await startFakeRegistry();
    await setUp({ username: 'tester', password: 'secret' });
    try {
      const data = randomBytes(1000);
      const digest = digestOf(data);
      elsewhere.put(digest, { digest, mediaType: 'application/octet-stream', data });
      fake.intercept = (request, response) => {
        if (request.headers.authorization === undefined) {
          response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end('{}');
          return true;
        }
        response.writeHead(307, { location: `${elsewhere.url}${request.url}` }).end();
        return true;
      };
      assert.ok((await getBlob(proxy, 'secret', digest)).equals(data));
      assert.equal(fake.requests.at(-1)?.headers.authorization, `Basic ${btoa('tester:secret')}`);
      assert.equal(elsewhere.requests.length, 1);
      assert.equal(elsewhere.requests[0]?.headers.authorization, undefined);
    } finally {
      await tearDown();
      await elsewhere.stop();
    }
  });

  test('a blob that was pushed elsewhere is not seen through a cached repository', async () => {
    await setUp();
    try {
      const ours = image();
      await pushImage(proxy.url, 'private/ours', 'latest', ours);
      const answer = await fetch(`${proxy.url}/v2/public/theirs/blobs/${layerOf(ours).digest}`);
      assert.equal(answer.status, 404);
    } finally {
      await tearDown();
    }
  });

  test('a layer that is here already is not downloaded for another image of the upstream', async () => {
    await setUp();
    try {
      const one = image(100_000);
      fake.add('latest', one);
      await digestAt(proxy, 'first|latest');
      await getBlob(proxy, 'first', layerOf(one).digest);
      await digestAt(proxy, 'second|latest');
      assert.ok((await getBlob(proxy, 'second', layerOf(one).digest)).equals(layerOf(one).data));
      assert.equal(blobRequests(fake, layerOf(one).digest), 1);
    } finally {
      await tearDown();
    }
  });
});
