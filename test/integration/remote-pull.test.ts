/** `docker -H tcp://… run -itd alpine` when alpine is only in a registry, and the same container seen by curl. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';
import { buildBusyboxImage } from '../support/image-fixtures.ts';
import { freePort, hasRegistry, startRegistry, type TestRegistry } from '../support/registry.ts';

let daemon: TestDaemon;
let registry: TestRegistry;
let port: number;
before(async () => {
  assert.ok(hasRegistry(), 'docker-registry is missing: apt-get install docker-registry');
  registry = await startRegistry();
  port = await freePort();
  await registry.push('library/alpine', 'latest', buildBusyboxImage());
  daemon = await TestDaemon.start({
    busybox: false,
    hosts: [`tcp://127.0.0.1:${port}`],
    flags: ['--tls=false', '--registry-mirror', `http://${registry.host}`],
  });
});
after(async () => {
  await daemon.close();
  await registry.stop();
});

test('run -itd alpine over TCP pulls it, prints an ID, and ps shows it on the other side', async () => {
  const over = (...args: string[]): ReturnType<typeof runProgram> =>
    runProgram([dockerCli ?? 'bin/gantry', '-H', `tcp://127.0.0.1:${port}`, ...args]);
  const started = await over('run', '-itd', '--name', 'far', 'alpine');
  assert.equal(started.code, 0, started.stderr);
  assert.match(started.stderr, /Unable to find image 'alpine:latest' locally/);
  assert.match(started.stderr, /latest: Pulling from library\/alpine/);
  assert.match(started.stderr, /Pull complete/);
  assert.match(started.stderr, /Digest: sha256:[0-9a-f]{64}/);
  assert.match(started.stderr, /Status: Downloaded newer image for alpine:latest/);
  assert.match(started.stdout, /^[0-9a-f]{64}\n$/);
  assert.match(await daemon.ok(['ps']), /alpine\s+"sh"\s.*\sUp .*far/);
});

test('GET /containers/json gives the fields that Docker gives, with their types', async () => {
  const answer = await fetch(`http://127.0.0.1:${port}/containers/json`);
  const listed: Array<Record<string, unknown>> = JSON.parse(await answer.text());
  const kinds = Object.fromEntries(
    Object.entries(listed[0] ?? {}).map(([key, value]) => [
      key,
      Array.isArray(value) ? 'array' : typeof value,
    ]),
  );
  assert.deepEqual(kinds, {
    Id: 'string',
    Names: 'array',
    Image: 'string',
    ImageID: 'string',
    Command: 'string',
    Created: 'number',
    Ports: 'array',
    Labels: 'object',
    State: 'string',
    Status: 'string',
    HostConfig: 'object',
    NetworkSettings: 'object',
    Mounts: 'array',
    ...('ImageManifestDescriptor' in (listed[0] ?? {}) ? { ImageManifestDescriptor: 'object' } : {}),
  });
});

test('pulled again it is up to date; by digest it is the same image', async () => {
  const again = await daemon.ok(['pull', 'alpine']);
  assert.match(again, /Status: Image is up to date for alpine:latest/);
  const digest = /Digest: (sha256:[0-9a-f]{64})/.exec(again)?.[1] ?? '';
  await daemon.ok(['pull', `alpine@${digest}`]);
  assert.equal(
    await daemon.ok(['inspect', '-f', '{{.Id}}', `alpine@${digest}`]),
    await daemon.ok(['inspect', '-f', '{{.Id}}', 'alpine']),
  );
});

test('an image that no registry has is said so in Docker’s words', async () => {
  const missing = await daemon.docker(['run', '--rm', `${registry.host}/no/such:tag`]);
  assert.equal(missing.code, 125);
  assert.match(
    missing.stderr,
    /manifest for .*\/no\/such:tag not found|pull access denied|repository does not exist/,
  );
});
