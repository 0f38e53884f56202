/** The pull-through cache between real registries: what comes from an upstream, stays, moves, and survives its upstream. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashSync } from 'bcryptjs';
import { digestOf } from '../../src/oci/digest.ts';
import { createUpstreamCache, type PurgingUpstreamCache } from '../../src/registry/proxy/upstream-cache.ts';
import type { UpstreamOptions } from '../../src/registry/proxy/upstream-options.ts';
import type { RegistryStorage } from '../../src/registry/registry-types.ts';
import { openLocalStorage } from '../../src/registry/storage/open-local-storage.ts';
import { buildImage, buildIndex, type FixtureBlob, type FixtureImage } from '../support/image-fixtures.ts';
import { hasRegistry, pushImage, startRegistry, type TestRegistry } from '../support/registry.ts';
import { type FakeRegistry, startFakeRegistry } from '../support/registry-fake.ts';
import { type ServedRegistry, serveRegistry } from '../support/registry-parts.ts';
import { tarOf } from '../support/tar-writer.ts';

interface Proxy {
  url: string;
  storage: RegistryStorage;
  cache: PurgingUpstreamCache;
  warnings: string[];
  stop(): Promise<void>;
}

/** A registry of ours over a file system, with upstreams. */
async function startProxy(...upstreams: UpstreamOptions[]): Promise<Proxy> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-proxy-'));
  const storage = await openLocalStorage(directory);
  const warnings: string[] = [];
  const cache = createUpstreamCache({ storage, upstreams, warn: (text) => void warnings.push(text) });
  const served: ServedRegistry = await serveRegistry({ storage, upstreams: cache });
  const stop = async (): Promise<void> => {
    await cache.close();
    await served.stop();
    await rm(directory, { recursive: true, force: true });
  };
  return { url: served.url, storage, cache, warnings, stop };
}

function image(size = 2000, architecture = 'amd64'): FixtureImage {
  const tar = tarOf([{ name: 'data', data: randomBytes(size) }]);
  return buildImage({ layers: [tar], compression: 'none', platform: { os: 'linux', architecture } });
}

function layerOf({ layers }: FixtureImage): FixtureBlob {
  assert.ok(layers[0] !== undefined);
  return layers[0];
}

async function getManifest(proxy: Proxy, path: string, query = ''): Promise<Response> {
  const accept = [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.oci.image.manifest.v1+json',
  ].join(', ');
  const [repository, reference] = path.split('|');
  return await fetch(`${proxy.url}/v2/${repository}/manifests/${reference}${query}`, { headers: { accept } });
}

async function digestAt(proxy: Proxy, path: string, query = ''): Promise<string> {
  const answer = await getManifest(proxy, path, query);
  const data = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, data.toString());
  return digestOf(data);
}

async function getBlob(proxy: Proxy, repository: string, digest: string): Promise<Buffer> {
  const answer = await fetch(`${proxy.url}/v2/${repository}/blobs/${digest}`);
  const data = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, data.subarray(0, 500).toString());
  return data;
}

function blobRequests(fake: FakeRegistry, digest: string): number {
  return fake.requests.filter(({ method, path }) => method === 'GET' && path.endsWith(digest)).length;
}

describe('a cache of docker-registry', {
  skip: hasRegistry() ? false : 'apt-get install docker-registry',
}, () => {
  let upstream: TestRegistry;
  before(async () => {
    upstream = await startRegistry();
  });
  after(() => upstream.stop());

  test('an image comes by tag, is the same byte for byte, and stays when the upstream is gone', async () => {
    const own = await startRegistry();
    const proxy = await startProxy({ remoteUrl: own.url, revalidate: 0 });
    try {
      const one = image();
      await own.push('team/app', 'v1', one);
      assert.equal(await digestAt(proxy, 'team/app|v1'), one.manifest.digest);
      assert.ok((await getBlob(proxy, 'team/app', one.config.digest)).equals(one.config.data));
      assert.ok((await getBlob(proxy, 'team/app', layerOf(one).digest)).equals(layerOf(one).data));
      assert.equal((await proxy.storage.manifest('team/app', one.manifest.digest))?.cached, true);
      await own.stop();
      assert.equal(await digestAt(proxy, 'team/app|v1'), one.manifest.digest);
      assert.ok((await getBlob(proxy, 'team/app', layerOf(one).digest)).equals(layerOf(one).data));
      const missing = await getManifest(proxy, 'team/app|v2');
      assert.equal(missing.status, 503, 'what is not here cannot be had now');
      assert.match(await missing.text(), /connect|refused/i);
    } finally {
      await proxy.stop();
      await own.stop();
    }
  });

  test('a tag that moved upstream moves here, one that was deleted goes', async () => {
    const proxy = await startProxy({ remoteUrl: upstream.url, revalidate: 0 });
    try {
      const [one, two] = [image(), image()];
      await upstream.push('moving', 'latest', one);
      assert.equal(await digestAt(proxy, 'moving|latest'), one.manifest.digest);
      await upstream.push('moving', 'latest', two);
      assert.equal(await digestAt(proxy, 'moving|latest'), two.manifest.digest);
      assert.equal(await digestAt(proxy, `moving|${one.manifest.digest}`), one.manifest.digest);
      const gone = await fetch(`${upstream.url}/v2/moving/manifests/${two.manifest.digest}`, {
        method: 'DELETE',
      });
      assert.equal(gone.status, 202);
      assert.equal((await getManifest(proxy, 'moving|latest')).status, 404);
      assert.equal(await proxy.storage.tag('moving', 'latest'), undefined);
    } finally {
      await proxy.stop();
    }
  });

  test('a tag is not asked for again within its time', async () => {
    const proxy = await startProxy({ remoteUrl: upstream.url, revalidate: 60_000 });
    try {
      const [one, two] = [image(), image()];
      await upstream.push('fresh', 'latest', one);
      assert.equal(await digestAt(proxy, 'fresh|latest'), one.manifest.digest);
      await upstream.push('fresh', 'latest', two);
      assert.equal(await digestAt(proxy, 'fresh|latest'), one.manifest.digest);
      assert.deepEqual(proxy.cache.counts().manifest.misses, 1);
      assert.deepEqual(proxy.cache.counts().manifest.hits, 1);
    } finally {
      await proxy.stop();
    }
  });

  test('an index stays with the one platform that was asked for, and a collection takes nothing of it', async () => {
    const own = await startRegistry();
    const proxy = await startProxy({ remoteUrl: own.url, revalidate: 0 });
    try {
      const [amd, arm] = [image(2000, 'amd64'), image(2000, 'arm64')];
      const index = buildIndex([amd, arm]);
      await own.pushIndex('multi', 'latest', index, [amd, arm]);
      assert.equal(await digestAt(proxy, 'multi|latest'), index.digest);
      assert.equal(await digestAt(proxy, `multi|${amd.manifest.digest}`), amd.manifest.digest);
      await getBlob(proxy, 'multi', layerOf(amd).digest);
      const report = await proxy.storage.collect({ grace: 0, untagged: true, dryRun: false });
      assert.deepEqual(report, { blobs: 0, manifests: 0, uploads: 0, freed: 0 });
      await own.stop();
      assert.equal(await digestAt(proxy, 'multi|latest'), index.digest);
      assert.ok((await getBlob(proxy, 'multi', layerOf(amd).digest)).equals(layerOf(amd).data));
      assert.equal((await getManifest(proxy, `multi|${arm.manifest.digest}`)).status, 503);
    } finally {
      await proxy.stop();
      await own.stop();
    }
  });

  test('pushes are taken, and win over the upstream', async () => {
    const proxy = await startProxy({ remoteUrl: upstream.url, revalidate: 0 });
    try {
      const [theirs, ours] = [image(), image()];
      await upstream.push('both', 'latest', theirs);
      assert.equal(await digestAt(proxy, 'both|latest'), theirs.manifest.digest);
      await pushImage(proxy.url, 'both', 'latest', ours);
      assert.equal(await digestAt(proxy, 'both|latest'), ours.manifest.digest);
      await upstream.push('both', 'latest', image());
      assert.equal(await digestAt(proxy, 'both|latest'), ours.manifest.digest);
      assert.equal((await proxy.storage.tag('both', 'latest'))?.cached, undefined);
      assert.equal(await digestAt(proxy, `both|${theirs.manifest.digest}`), theirs.manifest.digest);
    } finally {
      await proxy.stop();
    }
  });

  test('an image whose layers are upstream is pushed here without sending them', async () => {
    const proxy = await startProxy({ remoteUrl: upstream.url, revalidate: 0 });
    try {
      const theirs = image(3_000_000);
      await upstream.push('again', 'latest', theirs);
      // As docker does: it asks for each blob, and sends none that is there.
      await pushImage(proxy.url, 'again', 'mine', theirs);
      assert.equal(await digestAt(proxy, 'again|mine'), theirs.manifest.digest);
      assert.equal((await proxy.storage.tag('again', 'mine'))?.cached, undefined);
      assert.equal((await proxy.storage.manifest('again', theirs.manifest.digest))?.cached, undefined);
    } finally {
      await proxy.stop();
    }
  });

  test('several upstreams stand below their prefixes and behind their namespaces', async () => {
    const other = await startRegistry();
    const proxy = await startProxy(
      { remoteUrl: upstream.url, prefix: 'first', namespaces: ['docker.io'], revalidate: 0 },
      { remoteUrl: other.url, prefix: 'second', namespaces: ['ghcr.io'], revalidate: 0 },
    );
    try {
      const [one, two] = [image(), image()];
      await upstream.push('team/same', 'latest', one);
      await other.push('team/same', 'latest', two);
      assert.equal(await digestAt(proxy, 'first/team/same|latest'), one.manifest.digest);
      assert.equal(await digestAt(proxy, 'second/team/same|latest'), two.manifest.digest);
      assert.equal(await digestAt(proxy, 'team/same|latest', '?ns=docker.io'), one.manifest.digest);
      assert.equal(await digestAt(proxy, 'team/same|latest', '?ns=ghcr.io'), two.manifest.digest);
      assert.equal(await digestAt(proxy, 'team/same|latest', '?ns=docker.io'), one.manifest.digest);
      assert.equal((await getManifest(proxy, 'team/nowhere|latest')).status, 404);
      assert.equal((await getManifest(proxy, 'team/nowhere|latest', '?ns=quay.io')).status, 404);
    } finally {
      await proxy.stop();
      await other.stop();
    }
  });

  test('what nobody pulled for its time is purged, what is local or in use is not', async () => {
    const hour = 3_600_000;
    const proxy = await startProxy({ remoteUrl: upstream.url, ttl: hour });
    try {
      const [theirs, ours] = [image(), image()];
      await upstream.push('aged', 'latest', theirs);
      await digestAt(proxy, 'aged|latest');
      await getBlob(proxy, 'aged', layerOf(theirs).digest);
      await pushImage(proxy.url, 'aged', 'ours', ours);
      assert.equal(await proxy.cache.purge(Date.now() + hour / 2), 0);
      assert.equal(await proxy.cache.purge(Date.now() + 2 * hour), 1);
      assert.equal(await proxy.storage.tag('aged', 'latest'), undefined);
      assert.equal(await digestAt(proxy, 'aged|ours'), ours.manifest.digest);
      const report = await proxy.storage.collect({ grace: 0, untagged: false, dryRun: false });
      assert.equal(report.blobs, 2, 'its manifest and its layer');
      assert.equal(await digestAt(proxy, 'aged|latest'), theirs.manifest.digest, 'it comes again');
    } finally {
      await proxy.stop();
    }
  });

  test('credentials open an upstream that wants them, wrong ones are not passed on to the client', async () => {
    const closed = await startRegistry({ htpasswd: `tester:${hashSync('secret', 4)}\n` });
    const right = await startProxy({ remoteUrl: closed.url, username: 'tester', password: 'secret' });
    const wrong = await startProxy({ remoteUrl: closed.url, username: 'tester', password: 'wrong' });
    try {
      const one = image();
      const authorization = `Basic ${btoa('tester:secret')}`;
      await pushImage(closed.url, 'any', 'latest', one, { authorization });
      assert.equal(await digestAt(right, 'any|latest'), one.manifest.digest);
      assert.ok((await getBlob(right, 'any', layerOf(one).digest)).equals(layerOf(one).data));
      const answer = await getManifest(wrong, 'any|latest');
      assert.equal(answer.status, 403);
      assert.equal(answer.headers.get('www-authenticate'), null);
    } finally {
      await right.stop();
      await wrong.stop();
      await closed.stop();
    }
  });
});

describe('a cache of an upstream that misbehaves', () => {
  let fake: FakeRegistry;
  let proxy: Proxy;
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
