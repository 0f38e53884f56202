/** The stock command line and the API against a daemon and Debian's registry: push, reload, log in, search, inspect, and pulls that outlive a crash. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { GantryRegistry } from '../support/gantry-registry.ts';
import { buildBusyboxImage, buildImage, buildIndex } from '../support/image-fixtures.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { tarOf } from '../support/tar-writer.ts';
import { ThrottledProxy } from '../support/throttled-proxy.ts';

let daemon: TestDaemon;
let registry: TestRegistry;
let guarded: TestRegistry;
let configFolder: string;
before(async () => {
  configFolder = mkdtempSync(join(tmpdir(), 'gantry-docker-config-'));
  // User "ann", password "secret", bcrypt.
  const htpasswd = 'ann:$2b$04$CprpQBBKMYxHS/fXFSUxM.pzZMhQSeVv3qOXxezGkbI7s59IQaYue\n';
  [daemon, registry, guarded] = await Promise.all([
    TestDaemon.start(),
    startRegistry(),
    startRegistry({ htpasswd }),
  ]);
});
after(async () => {
  await daemon.close();
  await Promise.all([registry.stop(), guarded.stop()]);
  rmSync(configFolder, { recursive: true });
});

/** Linux takes 0.0.0.0 for this host, and nobody takes it for loopback, which is insecure by itself. */
function outside({ host }: TestRegistry): string {
  return host.replace('127.0.0.1', '0.0.0.0');
}

test('a push that fails for want of TLS names the setting; reloaded, it works, and no container notices', async () => {
  const name = `${outside(registry)}/team/busybox:v1`;
  const container = await daemon.ok(['run', '-d', 'busybox', 'sleep', '600']);
  await daemon.ok(['tag', 'busybox', name]);
  const refused = await daemon.docker(['push', name]);
  assert.equal(refused.code, 1);
  assert.match(refused.stdout, /The push refers to repository \[0\.0\.0\.0:\d+\/team\/busybox\]/);
  assert.match(refused.stderr, /http: server gave HTTP response to HTTPS client/);
  assert.match(refused.stderr, /Add "0\.0\.0\.0:\d+" to "insecure-registries" in daemon\.json and reload/);
  writeFileSync(daemon.configFile, JSON.stringify({ 'insecure-registries': [outside(registry)] }));
  daemon.hangUp();
  for (let waited = 0; waited < 5000; waited += 20) {
    if (daemon.log().includes('Reloaded configuration')) break;
    await sleep(20);
  }
  const pushed = await daemon.docker(['push', name]);
  assert.equal(pushed.code, 0, pushed.stderr);
  assert.match(pushed.stdout, /^[0-9a-f]{12}: Pushed$/m);
  const digest = /^v1: digest: (sha256:[0-9a-f]{64}) size: \d+$/m.exec(pushed.stdout)?.[1];
  assert.ok(digest, pushed.stdout);
  assert.match((await daemon.docker(['push', name])).stdout, /^[0-9a-f]{12}: Layer already exists$/m);
  assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Running}}', container]), 'true');
  await daemon.ok(['rmi', name]);
  await daemon.ok(['pull', `${outside(registry)}/team/busybox@${digest}`]);
  const events = await daemon.ok([
    ...['events', '--since', '10m', '--until', String(Date.now() / 1000), '--filter', 'event=push'],
    ...['--format', '{{.Actor.ID}} {{.Actor.Attributes.name}}'],
  ]);
  assert.ok(events.split('\n').includes(`${name} ${name.replace(':v1', '')}`), events);
});

test('push -a and pull -a', async () => {
  const name = `${registry.host}/many`;
  await daemon.ok(['tag', 'busybox', `${name}:one`]);
  await daemon.ok(['tag', 'busybox', `${name}:two`]);
  const pushed = await daemon.ok(['push', '-a', name]);
  assert.match(pushed, /^one: digest: /m);
  assert.match(pushed, /^two: digest: /m);
  await daemon.ok(['rmi', `${name}:one`, `${name}:two`]);
  const pulled = await daemon.ok(['pull', '-a', name]);
  assert.match(pulled, new RegExp(`^Status: Downloaded newer image for ${name}$`, 'm'));
  const tags = await daemon.ok(['images', '--format', '{{.Tag}}', name]);
  assert.deepEqual(tags.split('\n').toSorted(), ['one', 'two']);
  const absent = await daemon.docker(['push', 'never/seen']);
  assert.match(absent.stderr, /An image does not exist locally with the tag: never\/seen/);
});

test('log in, push, log out', async () => {
  const name = `${guarded.host}/private`;
  const env = { DOCKER_CONFIG: configFolder };
  await daemon.ok(['tag', 'busybox', name]);
  assert.match((await daemon.docker(['push', name], { env })).stderr, /no basic auth credentials/);
  const wrong = await daemon.docker(['login', '-u', 'ann', '--password-stdin', guarded.host], {
    env,
    input: 'wrong',
  });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /Get "http:\/\/127\.0\.0\.1:\d+\/v2\/": unauthorized: authentication required/);
  const login = await daemon.ok(['login', '-u', 'ann', '--password-stdin', guarded.host], {
    env,
    input: 'secret',
  });
  assert.match(login, /Login Succeeded/);
  assert.match(await daemon.ok(['push', name], { env }), /latest: digest: sha256:/);
  assert.match(readFileSync(join(configFolder, 'config.json'), 'utf8'), new RegExp(guarded.host));
  await daemon.ok(['logout', guarded.host], { env });
  assert.equal((await daemon.docker(['pull', name], { env })).code, 1);
});

test('distribution, manifests and search over the API', async () => {
  const [own, other] = [
    buildBusyboxImage(),
    buildImage({
      layers: [tarOf([{ name: 'x' }])],
      platform: { architecture: 'arm64', os: 'linux', variant: 'v8' },
    }),
  ];
  const digest = await registry.pushIndex('deep/er/multi', 'v', buildIndex([own, other]), [own, other]);
  const name = `${registry.host}/deep/er/multi:v`;
  const distribution = await callApi(daemon.socket, 'GET', `/v1.51/distribution/${name}/json`);
  assert.equal(distribution.status, 200);
  assert.equal(distribution.json.Descriptor.digest, digest);
  assert.equal(distribution.json.Descriptor.mediaType, 'application/vnd.oci.image.index.v1+json');
  assert.deepEqual(distribution.json.Platforms, [
    { architecture: 'amd64', os: 'linux' },
    { architecture: 'arm64', os: 'linux' },
  ]);
  const manifests = await callApi(daemon.socket, 'GET', `/gantry/manifests/${name}?expand=1`);
  assert.deepEqual(
    manifests.json.map((row: { Digest: string; Data: string }) => [
      row.Digest,
      Buffer.from(row.Data, 'base64').toString(),
    ]),
    [own, other].map(({ manifest }) => [manifest.digest, manifest.data.toString()]),
  );
  const absent = await callApi(daemon.socket, 'GET', `/distribution/${registry.host}/none/json`);
  assert.equal(absent.status, 404);
  assert.match(await daemon.ok(['search', `${registry.host}/multi`]), /deep\/er\/multi/);
  const search = (query: string) => callApi(daemon.socket, 'GET', `/images/search?${query}`);
  assert.equal((await search(`term=${registry.host}/multi&limit=101`)).status, 400);
  assert.equal((await search(`term=${registry.host}/multi&filters={"color":["red"]}`)).status, 400);
  const official = encodeURIComponent('{"is-official":["true"]}');
  assert.deepEqual((await search(`term=${registry.host}/multi&filters=${official}`)).json, []);
  const reloaded = await callApi(daemon.socket, 'POST', '/auth', { serveraddress: registry.host });
  assert.deepEqual([reloaded.status, reloaded.json.Status], [200, 'Login Succeeded']);
});

test('a pull goes on where it was after kill -9', async () => {
  const image = buildImage({
    layers: [tarOf([{ name: 'big', data: randomBytes(12_000_000) }])],
    config: { Cmd: ['x'] },
  });
  await registry.push('crash', 'v', image);
  const proxy = await ThrottledProxy.start(Number(new URL(registry.url).port));
  try {
    proxy.rate = 12_000_000;
    const interrupted = daemon.docker(['pull', `${proxy.host}/crash:v`]);
    await proxy.until(() => proxy.down > 7_000_000);
    await daemon.kill9();
    await interrupted;
    proxy.down = 0;
    proxy.rate = 0;
    await daemon.launch();
    assert.match(await daemon.ok(['pull', `${proxy.host}/crash:v`]), /Downloaded newer image/);
    // What had come was kept, as far as it was written: buffers hold two megabytes at most, and the kernel some.
    assert.ok(proxy.down < 9_000_000, `${proxy.down} bytes came again`);
  } finally {
    await proxy.close();
  }
});

test('a push goes on where it was after kill -9 of the registry, and of the daemon', async () => {
  const own = await GantryRegistry.start();
  const proxy = await ThrottledProxy.start(own.port);
  const bring = async (tag: string): Promise<string> => {
    const image = buildImage({ layers: [tarOf([{ name: 'big', data: randomBytes(12_000_000) }])] });
    await registry.push('pushed', tag, image);
    await daemon.ok(['pull', `${registry.host}/pushed:${tag}`]);
    await daemon.ok(['tag', `${registry.host}/pushed:${tag}`, `${proxy.host}/pushed:${tag}`]);
    return image.manifest.digest;
  };
  try {
    const first = await bring('one');
    proxy.rate = 12_000_000;
    const pushing = daemon.docker(['push', `${proxy.host}/pushed:one`]);
    await proxy.until(() => proxy.up > 7_000_000);
    await own.kill9();
    await own.launch();
    const { code, stdout, stderr } = await pushing;
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^one: digest: ${first} size: `, 'm'));
    // Not twice twelve: what the registry had is kept, but for what was on the way.
    assert.ok(proxy.up < 20_000_000, `${proxy.up} bytes were sent`);

    const second = await bring('two');
    proxy.up = 0;
    const interrupted = daemon.docker(['push', `${proxy.host}/pushed:two`]);
    await proxy.until(() => proxy.up > 7_000_000);
    await daemon.kill9();
    assert.notEqual((await interrupted).code, 0);
    await daemon.launch();
    proxy.up = 0;
    assert.match(
      await daemon.ok(['push', `${proxy.host}/pushed:two`]),
      new RegExp(`^two: digest: ${second} size: `, 'm'),
    );
    assert.ok(proxy.up < 9_000_000, `${proxy.up} bytes were sent again`);
    await daemon.ok(['rmi', '-f', `${registry.host}/pushed:two`, `${proxy.host}/pushed:two`]);
    await daemon.ok(['pull', `${own.host}/pushed:two`]);
  } finally {
    await proxy.close();
    await own.close();
  }
});
