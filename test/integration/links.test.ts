/** Links on the default bridge by the stock command line: hosts, variables, names, and what becomes of them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());

const sleeps = ['busybox', 'sleep', '1000'];

function hostsOf(name: string): Promise<string> {
  return daemon.ok(['exec', name, 'cat', '/etc/hosts']);
}

function addressOf(name: string): Promise<string> {
  return daemon.ok(['inspect', '-f', '{{.NetworkSettings.IPAddress}}', name]);
}

test('a linked container is known by its names and by variables, also to execs', async () => {
  await daemon.ok(['run', '-d', '--name', 'base', '--expose', '5432', '-e', 'MODE=fast', ...sleeps]);
  await daemon.ok(['run', '-d', '--name', 'web', '--link', 'base:my-db', '--link', 'base', ...sleeps]);
  const address = await addressOf('base');
  const hosts = await hostsOf('web');
  for (const name of ['my-db', 'base']) assert.match(hosts, new RegExp(`^${address}\\s+${name}$`, 'm'));
  const env = await daemon.ok(['exec', 'web', 'env']);
  for (const line of [
    `MY_DB_PORT=tcp://${address}:5432`,
    `MY_DB_PORT_5432_TCP_ADDR=${address}`,
    'MY_DB_NAME=/web/my-db',
    'MY_DB_ENV_MODE=fast',
    'BASE_NAME=/web/base',
  ]) {
    assert.ok(env.split('\n').includes(line), line);
  }
  await daemon.ok(['exec', 'web', 'ping', '-c1', '-W2', 'my-db']);
});

test('links show in inspect and ps, and lead to the container', async () => {
  const links = await daemon.ok(['inspect', '-f', '{{json .HostConfig.Links}}', 'web']);
  assert.deepEqual(JSON.parse(links), ['/base:/web/my-db', '/base:/web/base']);
  const names = await daemon.ok(['ps', '--no-trunc', '--filter', 'name=base', '--format', '{{.Names}}']);
  assert.deepEqual(names.split(',').sort(), ['base', 'web/base', 'web/my-db']);
  const id = await daemon.ok(['inspect', '-f', '{{.Id}}', 'base']);
  assert.equal(await daemon.ok(['inspect', '-f', '{{.Id}}', 'web/my-db']), id);
});

test('a container that starts anew is known by its new address', async () => {
  await daemon.ok(['stop', '-t', '0', 'base']);
  await daemon.ok(['run', '-d', '--name', 'other', ...sleeps]);
  await daemon.ok(['start', 'base']);
  const address = await addressOf('base');
  assert.match(await hostsOf('web'), new RegExp(`^${address}\\s+my-db$`, 'm'));
  await daemon.ok(['rename', 'base', 'store']);
  await daemon.ok(['restart', '-t', '0', 'web']);
  assert.match(await hostsOf('web'), new RegExp(`^${address}\\s+my-db$`, 'm'));
});

test('rm --link takes the link away and leaves the containers', async () => {
  assert.equal(await daemon.ok(['rm', '--link', '/web/my-db']), '/web/my-db');
  assert.doesNotMatch(await hostsOf('web'), /my-db/);
  assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Status}}', 'store']), 'running');
  const own = await daemon.docker(['rm', '--link', 'web']);
  assert.match(own.stderr, /Conflict, cannot remove the default link name of the container/);
});

test('what cannot be linked is refused in words of docker', async () => {
  const missing = await daemon.docker(['create', '--link', 'nobody', ...sleeps]);
  assert.match(missing.stderr, /could not get container for nobody: No such container: nobody/);
  await daemon.ok(['stop', '-t', '0', 'web', 'store']);
  const start = await daemon.docker(['start', 'web']);
  assert.match(start.stderr, /Cannot link to a non running container: \/store AS \/web\/base/);
});
