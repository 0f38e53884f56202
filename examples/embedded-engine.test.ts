/**
 * A test with an engine of its own: no daemon, no socket, and nothing left when it is over. As root:
 * `node --test embedded-engine.test.ts`, with an archive of `docker save busybox` named by BUSYBOX_TAR.
 */
import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Client, drain } from 'gantry/client';
import { createEngine, type EmbeddedEngine } from 'gantry/engine';

let engine: EmbeddedEngine;
let client: Client;

before(async () => {
  engine = await createEngine();
  client = engine.client();
  await drain(client.images.load(createReadStream(process.env['BUSYBOX_TAR'] ?? 'busybox.tar')));
});

after(() => engine.close());

test('a program in a container turns its input round', async () => {
  const { stdout, exitCode } = await client.containers.run(
    { Image: 'busybox', Cmd: ['rev'] },
    { input: 'desserts\n' },
  );
  assert.deepEqual([stdout, exitCode], ['stressed\n', 0]);
});

test('a service is reached at its address', async () => {
  const { Id } = await client.containers.create({
    Image: 'busybox',
    Cmd: ['sh', '-c', 'echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp'],
    Healthcheck: {
      Test: ['CMD', 'wget', '-q', '-O', '/dev/null', 'http://127.0.0.1/'],
      Interval: 100_000_000,
    },
  });
  const healthy = (async () => {
    const filters = { container: Id, event: 'health_status' };
    for await (const { Action } of client.system.events({ filters }))
      if (Action.endsWith(': healthy')) return;
  })();
  await client.containers.start(Id);
  await healthy;
  const { NetworkSettings } = await client.containers.inspect(Id);
  const response = await fetch(`http://${NetworkSettings.Networks['bridge']?.IPAddress}/`);
  assert.equal(await response.text(), 'hello\n');
  await client.containers.remove(Id, { force: true });
});
