/** `kill -9` of the registry and of the engine in mid-push and mid-pull: the next try goes on where it was, and no torn blob is ever seen. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { GantryRegistry } from '../support/gantry-registry.ts';
import { buildImage, type FixtureImage } from '../support/image-fixtures.ts';
import { pushImage } from '../support/registry.ts';
import { getManifest } from '../support/registry-requests.ts';
import { assertBlobsWhole } from '../support/registry-storage.ts';
import { tarOf } from '../support/tar-writer.ts';
import { ThrottledProxy } from '../support/throttled-proxy.ts';

const MB = 1_000_000;
/** Of both layers of an image: each is under way when a process is killed. */
const equal = [8 * MB, 8 * MB] as const;
/** The first is there when a process is killed. */
const unequal = [3 * MB, 13 * MB] as const;
/** Bytes of an image. */
const total = 16 * MB;
/** Bytes after which a process is killed. */
const killAt = 8 * MB;
/** What may go over the wire twice: what was in sockets and not yet on disk, manifests, headers. */
const slack = 4 * MB;
/** Bytes a second. */
const rate = 10 * MB;

type Sizes = readonly [number, number];

let registry: GantryRegistry;
let proxy: ThrottledProxy;
let daemon: TestDaemon;
before(async () => {
  registry = await GantryRegistry.start();
  proxy = await ThrottledProxy.start(registry.port);
  daemon = await TestDaemon.start({ busybox: false });
});
after(async () => {
  await daemon.close();
  await proxy.close();
  await registry.close();
});
beforeEach(() => {
  proxy.up = 0;
  proxy.down = 0;
  proxy.rate = rate;
});

/** Two layers that no compression makes smaller. */
function image(sizes: Sizes): FixtureImage {
  const layers = sizes.map((size) => tarOf([{ name: 'data', data: randomBytes(size) }]));
  return buildImage({ layers, compression: 'none' });
}

/** An image that the registry has as `NAME:latest`. Returns its name by way of the proxy. */
async function served(
  name: string,
  sizes: Sizes = equal,
): Promise<{ reference: string; pushed: FixtureImage }> {
  const pushed = image(sizes);
  await pushImage(registry.url, name, 'latest', pushed);
  return { reference: `${proxy.host}/${name}:latest`, pushed };
}

/** An image that the engine has and the registry has not. */
async function local(
  name: string,
  sizes: Sizes = equal,
): Promise<{ reference: string; pushed: FixtureImage }> {
  const { pushed } = await served(`${name}-source`, sizes);
  proxy.rate = 0;
  await daemon.ok(['pull', '--quiet', `${proxy.host}/${name}-source:latest`]);
  // Another registry, as far as the engine knows: nothing can be mounted.
  const reference = `localhost:${proxy.host.split(':')[1]}/${name}:latest`;
  await daemon.ok(['tag', `${proxy.host}/${name}-source:latest`, reference]);
  await removeFromRegistry(name, pushed);
  Object.assign(proxy, { up: 0, down: 0, rate });
  return { reference, pushed };
}

/** The source repository is only a way into the engine: a push must find nothing of it. */
async function removeFromRegistry(name: string, { manifest, layers }: FixtureImage): Promise<void> {
  const repository = `${registry.url}/v2/${name}-source`;
  const paths = [`manifests/${manifest.digest}`, ...layers.map(({ digest }) => `blobs/${digest}`)];
  for (const path of paths) {
    const { status } = await fetch(`${repository}/${path}`, { method: 'DELETE' });
    assert.equal(status, 202);
  }
}

/** What is published is whole, on both sides, at any moment. */
function assertNothingTorn(): void {
  assertBlobsWhole(registry.storage);
  assertBlobsWhole(daemon.dataRoot);
}

/** Asserts that each layer that the registry answers for is all there. Returns which it does answer for. */
async function assertSeenWhole(repository: string, { layers }: FixtureImage): Promise<boolean[]> {
  return await Promise.all(
    layers.map(async ({ digest, data }) => {
      const head = await fetch(`${registry.url}/v2/${repository}/blobs/${digest}`, { method: 'HEAD' });
      if (head.status === 404) return false;
      assert.equal(head.status, 200);
      assert.equal(Number(head.headers.get('content-length')), data.length);
      return true;
    }),
  );
}

async function assertServed(repository: string, { manifest }: FixtureImage): Promise<void> {
  assert.equal((await getManifest(registry.url, repository, 'latest')).digest, manifest.digest);
  assert.ok(assertBlobsWhole(registry.storage) > 0 && assertBlobsWhole(daemon.dataRoot) > 0);
}

/** The command again, unless its first run came through by itself. */
async function finish(first: Promise<{ code: number }>, args: string[]): Promise<void> {
  if ((await first).code !== 0) await daemon.ok(args);
}

test('the registry is killed in mid-push', async (t) => {
  const { reference, pushed } = await local('push-server');
  const push = daemon.docker(['push', reference]);
  await proxy.until(() => proxy.up > killAt);
  await registry.kill9();
  const before = proxy.up;
  assertNothingTorn();
  await registry.launch();
  await assertSeenWhole('push-server', pushed);
  await finish(push, ['push', reference]);
  t.diagnostic(`${before} bytes before the crash, ${proxy.up - before} after it, of ${total}`);
  assert.ok(proxy.up < total + slack, `${proxy.up} bytes went up for ${total}`);
  await assertServed('push-server', pushed);
});

test('the registry is killed in mid-pull', async (t) => {
  const { reference, pushed } = await served('pull-server');
  const pull = daemon.docker(['pull', reference]);
  await proxy.until(() => proxy.down > killAt);
  await registry.kill9();
  const before = proxy.down;
  assertNothingTorn();
  await registry.launch();
  await finish(pull, ['pull', reference]);
  t.diagnostic(`${before} bytes before the crash, ${proxy.down - before} after it, of ${total}`);
  assert.ok(proxy.down < total + slack, `${proxy.down} bytes came down for ${total}`);
  assert.equal(await daemon.ok(['image', 'inspect', '--format', '{{.Id}}', reference]), pushed.config.digest);
  await assertServed('pull-server', pushed);
});

test('the engine is killed in mid-pull', async (t) => {
  const { reference, pushed } = await served('pull-client');
  const pull = daemon.docker(['pull', reference]);
  await proxy.until(() => proxy.down > killAt);
  await daemon.kill9();
  const before = proxy.down;
  assert.notEqual((await pull).code, 0);
  assertNothingTorn();
  await daemon.launch();
  await daemon.ok(['pull', reference]);
  t.diagnostic(`${before} bytes before the crash, ${proxy.down - before} after it, of ${total}`);
  assert.ok(proxy.down < total + slack, `${proxy.down} bytes came down for ${total}`);
  assert.equal(await daemon.ok(['image', 'inspect', '--format', '{{.Id}}', reference]), pushed.config.digest);
  assertNothingTorn();
});

test('the engine is killed in mid-push', async (t) => {
  const { reference, pushed } = await local('push-client', unequal);
  const push = daemon.docker(['push', reference]);
  await proxy.until(() => proxy.up > killAt);
  await daemon.kill9();
  assert.notEqual((await push).code, 0);
  assertNothingTorn();
  const isThere = await assertSeenWhole('push-client', pushed);
  assert.deepEqual(isThere, [true, false]);
  // What the dead process wrote is still on its way.
  await proxy.until(() => proxy.connections === 0);
  const before = proxy.up;
  await daemon.launch();
  await daemon.ok(['push', reference]);
  t.diagnostic(`${before} bytes before the crash, ${proxy.up - before} after it, of ${total}`);
  const left = (pushed.layers[1]?.data.length ?? 0) + MB;
  assert.ok(proxy.up - before < left, `${proxy.up - before} bytes went up after the crash, for ${left}`);
  await assertServed('push-client', pushed);
});
