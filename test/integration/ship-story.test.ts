/** The self-hosting story by the stock docker CLI: a registry of one's own from the image that `npm run image:registry` makes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dockerCli, TestDaemon } from '../support/daemon.ts';
import { freePort } from '../support/registry.ts';

const skip = dockerCli === undefined && 'no docker CLI';
const directory = mkdtempSync(join(tmpdir(), 'gantry-ship-'));
const archive = join(directory, 'registry.tar');

let home: TestDaemon;
let other: TestDaemon;
/** The home daemon's bridge: an address that no client takes for its own machine. */
let host = '';
let port = 0;

before(async () => {
  if (skip !== false) return;
  const made = spawnSync(process.execPath, ['scripts/image-registry.ts', '--output', archive], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  assert.equal(made.status, 0, made.stderr);
  home = await TestDaemon.start();
  port = await freePort();
  host = `${home.subnet.split('/')[0]}:${port}`;
  other = await TestDaemon.start({ busybox: false, config: { 'insecure-registries': [host] } });
});

after(async () => {
  await other?.close();
  await home?.close();
  rmSync(directory, { recursive: true, force: true });
});

async function answers(url: string): Promise<number> {
  for (let waited = 0; waited < 10_000; waited += 20) {
    const status = await fetch(url).then(
      (response) => response.status,
      () => 0,
    );
    if (status !== 0) return status;
    await sleep(20);
  }
  throw new Error(
    `${url} does not answer; the registry says: ${(await home.docker(['logs', 'registry'])).stderr}`,
  );
}

function stateOf(name: string): Promise<string> {
  return home.ok(['inspect', '-f', '{{.State.Pid}} {{.State.StartedAt}} {{.State.Running}}', name]);
}

/** Waits until the reloaded daemon says that it knows the registry. */
async function reloaded(daemon: TestDaemon): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 20) {
    const known = await daemon.ok([
      'info',
      '-f',
      '{{range $name, $_ := .RegistryConfig.IndexConfigs}}{{$name}} {{end}}',
    ]);
    if (known.includes(host)) return;
    await sleep(20);
  }
  throw new Error(`the daemon did not reload:\n${daemon.log()}`);
}

test('the image loads as registry:2 and serves', { skip }, async () => {
  assert.match(await home.ok(['load', '-i', archive]), /Loaded image: registry:2/);
  const config = await home.ok(['image', 'inspect', '-f', '{{json .Config}}', 'registry:2']);
  assert.deepEqual(JSON.parse(config).ExposedPorts, { '5000/tcp': {} });
  assert.deepEqual(Object.keys(JSON.parse(config).Volumes), ['/var/lib/registry']);
  await home.ok([
    'run',
    '-d',
    '-p',
    `${port}:5000`,
    '--name',
    'registry',
    '-v',
    'images:/var/lib/registry',
    'registry:2',
  ]);
  assert.equal(await answers(`http://${host}/v2/`), 200);
});

test('a push without TLS is refused, and the error names the setting', { skip }, async () => {
  await home.ok(['tag', 'busybox', `${host}/busybox`]);
  const { code, stderr } = await home.docker(['push', `${host}/busybox`]);
  assert.notEqual(code, 0);
  assert.match(stderr, /server gave HTTP response to HTTPS client/);
  assert.match(stderr, /insecure-registries/);
});

let digest = '';

test('insecure-registries is reloaded without touching a container; push prints digest and size', {
  skip,
}, async () => {
  const running = await stateOf('registry');
  writeFileSync(home.configFile, JSON.stringify({ 'insecure-registries': [host] }));
  home.hangUp();
  await reloaded(home);
  const pushed = await home.ok(['push', `${host}/busybox`]);
  const match = /^latest: digest: (sha256:[0-9a-f]{64}) size: \d+$/m.exec(pushed);
  assert.ok(match, pushed);
  digest = match[1] ?? '';
  assert.equal(await stateOf('registry'), running);
  assert.match(await home.ok(['push', `${host}/busybox`]), /Layer already exists/);
});

test('a second daemon pulls by tag and by digest, and runs it', { skip }, async () => {
  const byTag = await other.ok(['pull', `${host}/busybox`]);
  assert.ok(byTag.includes(`Digest: ${digest}`), byTag);
  await other.ok(['rmi', `${host}/busybox`]);
  const byDigest = await other.ok(['pull', `${host}/busybox@${digest}`]);
  assert.ok(byDigest.includes(`Digest: ${digest}`), byDigest);
  assert.equal(await other.ok(['run', '--rm', `${host}/busybox@${digest}`, 'echo', 'shipped']), 'shipped');
});

test('garbage is collected in the container while it serves, and changes nothing that is tagged', {
  skip,
}, async () => {
  const said = await home.ok([
    'exec',
    'registry',
    'registry',
    'garbage-collect',
    '/etc/docker/registry/config.yml',
  ]);
  assert.match(said, /^0 manifests, 0 blobs and 0 uploads deleted/);
  const manifest = await fetch(`http://${host}/v2/busybox/manifests/latest`);
  assert.equal(manifest.headers.get('docker-content-digest'), digest);
  await manifest.arrayBuffer();
});

test('a new container on the same volume has the images of the old one', { skip }, async () => {
  await home.ok(['rm', '-f', 'registry']);
  await home.ok([
    ...['run', '-d', '-p', `${port}:5000`, '--name', 'registry', '-v', 'images:/var/lib/registry'],
    ...['-e', 'REGISTRY_STORAGE_DELETE_ENABLED=true', 'registry:2'],
  ]);
  await answers(`http://${host}/v2/`);
  const tags = await fetch(`http://${host}/v2/busybox/tags/list`);
  assert.deepEqual(await tags.json(), { name: 'busybox', tags: ['latest'] });
  await other.ok(['rmi', '-f', `${host}/busybox@${digest}`]);
  assert.ok((await other.ok(['pull', `${host}/busybox`])).includes(`Digest: ${digest}`));
  await home.ok(['stop', 'registry']);
  assert.equal(await home.ok(['inspect', '-f', '{{.State.ExitCode}}', 'registry']), '0');
  assert.match((await home.docker(['logs', 'registry'])).stderr, /SIGTERM: ending/);
});

test('passwords, a configuration file and the password tool, as people use them', { skip }, async () => {
  const line = await home.ok([
    'run',
    '--rm',
    '--entrypoint',
    'htpasswd',
    'registry:2',
    '-Bbn',
    'ann',
    'pass word',
  ]);
  assert.match(line, /^ann:\$2[aby]\$10\$/);
  writeFileSync(join(directory, 'htpasswd'), `${line}\n`);
  writeFileSync(
    join(directory, 'config.yml'),
    'version: 0.1\nstorage: {filesystem: {rootdirectory: /data}}\nhttp: {addr: ":5001"}\n',
  );
  await home.ok(['rm', 'registry']);
  await home.ok([
    ...['run', '-d', '-p', `${port}:5001`, '--name', 'registry'],
    ...['-v', `${join(directory, 'config.yml')}:/etc/docker/registry/config.yml`],
    ...['-v', `${join(directory, 'htpasswd')}:/auth/htpasswd`],
    ...['-e', 'REGISTRY_AUTH=htpasswd', '-e', 'REGISTRY_AUTH_HTPASSWD_REALM=Registry Realm'],
    ...['-e', 'REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd', 'registry:2'],
  ]);
  assert.equal(await answers(`http://${host}/v2/`), 401);
  const env = { DOCKER_CONFIG: join(directory, 'docker') };
  const refused = await home.docker(['push', `${host}/busybox`], { env });
  assert.notEqual(refused.code, 0);
  await home.ok(['login', host, '-u', 'ann', '--password-stdin'], { env, input: 'pass word' });
  assert.match(await home.ok(['push', `${host}/busybox`], { env }), new RegExp(`digest: ${digest}`));
});
