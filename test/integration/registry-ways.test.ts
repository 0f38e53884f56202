/** Ways to registries: proxies, Docker Hub through one, mirrors of any registry, rate limits, search, and tags in pages. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import type { ProgressMessage } from '../../src/images/image-types.ts';
import { makeAuthority, makeCertificate } from '../support/certificates.ts';
import { type ForwardProxy, startForwardProxy } from '../support/forward-proxy.ts';
import { buildBusyboxImage, buildImage, digestOf, dockerArchive } from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { type FakeRegistry, startFakeRegistry } from '../support/registry-fake.ts';
import { tarOf } from '../support/tar-writer.ts';

const hub = 'registry-1.docker.io';
const image = buildBusyboxImage();
let root: string;
let folder: string;
let secure: TestRegistry;
let plain: TestRegistry;
let proxy: ForwardProxy;
let fake: FakeRegistry;
let rooms: ImageRooms;

before(async () => {
  root = mkdtempSync(join(tmpdir(), 'gantry-ways-'));
  const authority = makeAuthority(root, 'authority');
  const server = makeCertificate(root, 'server', authority, [hub, 'index.docker.io', '127.0.0.1']);
  const tls = {
    certificate: readFileSync(server.certificate, 'utf8'),
    key: readFileSync(server.key, 'utf8'),
  };
  folder = join(root, 'certs.d');
  mkdirSync(join(folder, hub), { recursive: true });
  copyFileSync(authority.certificate, join(folder, hub, 'ca.crt'));
  [secure, plain] = await Promise.all([startRegistry({ tls }), startRegistry()]);
});
after(async () => {
  await Promise.all([secure.stop(), plain.stop()]);
  rmSync(root, { recursive: true, force: true });
});
beforeEach(async () => {
  [proxy, fake, rooms] = await Promise.all([startForwardProxy(), startFakeRegistry(), openImageRooms()]);
  proxy.targets.set(`${hub}:443`, portOf(secure));
  proxy.targets.set('registry.example:80', portOf(plain));
});
afterEach(async () => {
  await rooms.close();
  await Promise.all([proxy.stop(), fake.stop()]);
});

function portOf({ url }: TestRegistry): number {
  return Number(new URL(url).port);
}

async function pull(reference: string): Promise<ProgressMessage[]> {
  const messages: ProgressMessage[] = [];
  await rooms.images.pull({ reference, progress: (message) => messages.push(message) });
  return messages;
}

async function push(name: string): Promise<void> {
  const archive = dockerArchive([{ image, tags: ['busybox:latest'] }]);
  await rooms.images.load(Readable.from([archive]), () => undefined);
  rooms.images.tag('busybox', name);
  await rooms.images.push({ reference: name, allTags: false, progress: () => undefined });
}

test('Docker Hub through a proxy, pushed to and pulled from', async () => {
  const httpsProxy = proxy.url.replace('http://', 'http://me:word@');
  rooms.images.configure({
    mirrors: [],
    insecureRegistries: [],
    certificateFolders: [folder],
    proxies: { httpsProxy },
  });
  await push('me/app:v');
  await pull('me/app:v');
  assert.ok(proxy.requests.length >= 1);
  assert.deepEqual(new Set(proxy.requests), new Set([`CONNECT ${hub}:443`]));
  assert.deepEqual([...proxy.credentials], [`Basic ${Buffer.from('me:word').toString('base64')}`]);
  assert.ok(rooms.images.get('me/app:v').repoDigests[0]?.startsWith('me/app@sha256:'));
});

test('plain HTTP through a proxy without tunnels; no-proxy, and loopback, go directly', async () => {
  const insecureRegistries = ['registry.example'];
  const proxies = { httpProxy: proxy.url, httpsProxy: proxy.url, noProxy: '' };
  rooms.images.configure({ mirrors: [], insecureRegistries, proxies });
  await push('registry.example/a:v');
  assert.ok(proxy.requests.some((line) => line.startsWith('PUT http://registry.example/v2/a/manifests/v')));
  proxy.requests.length = 0;
  await push(`${plain.host}/b:v`);
  rooms.images.configure({
    mirrors: [],
    insecureRegistries,
    proxies: { ...proxies, noProxy: 'other.test, .example' },
  });
  await assert.rejects(pull('registry.example/a:v'), /dial tcp: lookup registry\.example/);
  assert.deepEqual(proxy.requests, []);
  rooms.images.configure({ mirrors: [], insecureRegistries, proxies: { httpsProxy: 'ftp://x' } });
  await assert.rejects(pull('registry.other/a:v'), {
    code: 'invalid-argument',
    message: 'the proxy ftp://x cannot be used',
  });
});

test('mirrors of any registry, with a prefix or a namespace; one that fails is passed over', async () => {
  fake.add('v', image);
  rooms.images.configure({
    mirrors: [],
    insecureRegistries: [],
    mirrorsFor: { 'ghcr.example': ['http://127.0.0.1:1', `${fake.url}/cache/ghcr`] },
  });
  const auth = { username: 'ann', password: 'secret' };
  await rooms.images.pull({ reference: 'ghcr.example/team/app:v', progress: () => undefined, auth });
  assert.deepEqual(rooms.images.get('ghcr.example/team/app:v').repoTags, ['ghcr.example/team/app:v']);
  for (const { path, headers } of fake.requests) {
    assert.match(path, /^\/v2\/cache\/ghcr\/team\/app\/(manifests|blobs)\/[^/]+\?ns=ghcr\.example$/);
    assert.equal(headers.authorization, undefined);
  }
  // Pushes go to the registry itself.
  rooms.images.tag('ghcr.example/team/app:v', 'ghcr.example/team/app:w');
  fake.requests.length = 0;
  await assert.rejects(
    rooms.images.push({ reference: 'ghcr.example/team/app:w', allTags: false, progress: () => undefined }),
    /lookup ghcr\.example/,
  );
  assert.equal(fake.requests.length, 0);
});

test('a rate limit is explained, and waited for only where that is short', async () => {
  fake.intercept = (_, response) => {
    response.writeHead(429, {
      'retry-after': '3600',
      'ratelimit-limit': '100;w=21600',
      'ratelimit-remaining': '0;w=21600',
      'docker-ratelimit-source': '192.0.2.7',
    });
    response.end(
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}',
    );
    return true;
  };
  await assert.rejects(pull(`${fake.host}/x`), {
    code: 'unavailable',
    message: 'toomanyrequests: You have reached your pull rate limit.',
    hint: 'the registry allows 100 pulls in 6 hours, counted for 192.0.2.7: wait 60 minutes, log in to get a higher limit, or use a mirror (registry-mirrors in daemon.json)',
  });
  assert.equal(fake.requests.filter(({ path }) => path.startsWith('/v2/')).length, 1);
});

test('all tags, in pages; what is no image for this host is told of and left out', async () => {
  const chart = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {
        mediaType: 'application/vnd.cncf.helm.config.v1+json',
        digest: image.config.digest,
        size: 2,
      },
      layers: [],
    }),
  );
  const other = buildImage({ layers: [tarOf([{ name: 'x' }])] });
  fake.add('a', image);
  fake.add('c', other);
  fake.put('chart', {
    digest: digestOf(chart),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    data: chart,
  });
  const pages: Record<string, [tags: string[], next?: string]> = {
    '/v2/x/tags/list': [['a'], '/v2/x/tags/list?n=1&last=a'],
    '/v2/x/tags/list?n=1&last=a': [['chart', 'c'], '/v2/x/tags/list?n=1&last=c'],
    '/v2/x/tags/list?n=1&last=c': [[]],
  };
  fake.intercept = (request, response) => {
    const page = pages[request.url ?? ''];
    if (page === undefined) return false;
    const [tags, next] = page;
    response.writeHead(200, next === undefined ? {} : { link: `<${next}>; rel="next"` });
    response.end(JSON.stringify({ name: 'x', tags }));
    return true;
  };
  const messages: ProgressMessage[] = [];
  const pulled = await rooms.images.pullAll({
    reference: `${fake.host}/x`,
    progress: (message) => messages.push(message),
  });
  assert.deepEqual(
    pulled.flatMap(({ repoTags }) => repoTags),
    [`${fake.host}/x:a`, `${fake.host}/x:c`],
  );
  assert.ok(
    messages.some(
      ({ id, status }) =>
        id === 'chart' &&
        status === 'Skipped: unsupported media type application/vnd.cncf.helm.config.v1+json',
    ),
  );
  assert.deepEqual(messages.at(-1), { status: `Status: Downloaded newer image for ${fake.host}/x` });
  await assert.rejects(pull(`${fake.host}/x:chart`), {
    code: 'invalid-argument',
    message: 'unsupported media type application/vnd.cncf.helm.config.v1+json',
  });
});

test('search: the old interface where there is one, the catalogue elsewhere', async () => {
  const asked: string[] = [];
  fake.intercept = (request, response) => {
    const { url = '' } = request;
    if (!url.startsWith('/v1/search')) return false;
    asked.push(url);
    const result = { name: 'app', description: 'An app', star_count: 7, is_official: true };
    response.end(JSON.stringify({ results: [result, 'nonsense'] }));
    return true;
  };
  assert.deepEqual(await rooms.images.search(`${fake.host}/app`, 5), [
    { name: 'app', description: 'An app', starCount: 7, isOfficial: true, isAutomated: false },
  ]);
  assert.deepEqual(asked, ['/v1/search?q=app&n=5']);
  await plain.push('find/one', 'v', image);
  await plain.push('find/two', 'v', image);
  const names = async (term: string, limit: number): Promise<string[]> =>
    (await rooms.images.search(`${plain.host}/${term}`, limit)).map(({ name }) => name);
  assert.deepEqual(await names('find', 25), [`${plain.host}/find/one`, `${plain.host}/find/two`]);
  assert.deepEqual(await names('find', 1), [`${plain.host}/find/one`]);
  assert.deepEqual(await names('nothing', 25), []);
});
