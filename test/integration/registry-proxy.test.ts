/** The pull-through cache between real registries: what comes from an upstream, stays, moves, and survives its upstream. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { buildIndex } from '../support/image-fixtures.ts';
import { hasRegistry, pushImage, startRegistry, type TestRegistry } from '../support/registry.ts';
import { digestAt, getBlob, getManifest, image, layerOf, startProxy } from '../support/registry-proxy.ts';

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
