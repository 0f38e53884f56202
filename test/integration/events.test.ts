/** Events by the stock command line and the API: what happened, from when until when, to which objects, and to readers that lag. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
let began: number;
before(async () => {
  daemon = await TestDaemon.start();
  began = Date.now() / 1000;
  await daemon.ok(['volume', 'create', 'store']);
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'one',
    '--label',
    'tier=web',
    '-v',
    'store:/data',
    'busybox',
    'sleep',
    '1000',
  ]);
  await daemon.ok(['exec', 'one', 'true']);
  await daemon.ok(['pause', 'one']);
  await daemon.ok(['unpause', 'one']);
  await daemon.ok(['rename', 'one', 'two']);
  await daemon.ok(['kill', '-s', 'CHLD', 'two']);
  await daemon.ok(['restart', '-t', '0', 'two']);
  await daemon.ok(['tag', 'busybox', 'other:tag']);
  await daemon.ok(['rmi', 'other:tag']);
  await daemon.ok(['rm', '-f', 'two']);
  await daemon.ok(['volume', 'rm', 'store']);
});
after(() => daemon.close());

/** Of everything that was done above. */
async function events(filters: readonly string[], format = '{{.Type}} {{.Action}}'): Promise<string[]> {
  const range = ['--since', String(began), '--until', (Date.now() / 1000).toFixed(6)];
  const text = await daemon.ok([
    'events',
    ...range,
    ...filters.flatMap((one) => ['--filter', one]),
    '--format',
    format,
  ]);
  return text === '' ? [] : text.split('\n');
}

test('all that happens to a container is told, in order', async () => {
  const told = await events(['type=container']);
  const expected = [
    ...['create', 'start', 'exec_create: true', 'exec_start: true', 'exec_die', 'pause', 'unpause', 'rename'],
    ...['kill', 'kill', 'kill', 'die', 'stop', 'start', 'restart', 'kill', 'die', 'destroy'],
  ].map((action) => `container ${action}`);
  assert.deepEqual(told, expected);
});

test('volumes, networks and images have events of their own', async () => {
  assert.deepEqual(await events(['type=volume']), [
    'volume create',
    'volume mount',
    'volume unmount',
    'volume mount',
    'volume unmount',
    'volume destroy',
  ]);
  assert.deepEqual(await events(['type=network', 'network=bridge']), [
    'network connect',
    'network disconnect',
    'network connect',
    'network disconnect',
  ]);
  assert.deepEqual(await events(['type=image']), ['image tag', 'image untag']);
});

test('filters: several of one name are alternatives, several names all count', async () => {
  assert.deepEqual(await events(['event=pause', 'event=unpause'], '{{.Action}}'), ['pause', 'unpause']);
  assert.deepEqual(await events(['event=exec_start', 'container=one'], '{{.Action}}'), ['exec_start: true']);
  assert.deepEqual(await events(['label=tier=web', 'event=create'], '{{.Actor.Attributes.name}}'), ['one']);
  assert.deepEqual(await events(['label=tier=db']), []);
  assert.deepEqual(await events(['image=busybox', 'event=die'], '{{.Actor.Attributes.exitCode}}'), [
    '137',
    '137',
  ]);
  assert.deepEqual(await events(['volume=store', 'event=create'], '{{.Actor.ID}}'), ['store']);
  assert.deepEqual(await events(['scope=swarm']), []);
  const unknown = await daemon.docker(['events', '--until', '1s', '--filter', 'colour=red']);
  assert.match(unknown.stderr, /invalid filter 'colour'/);
});

test('bounds with fractions of seconds are exact; until ends a wait', async () => {
  const [time = ''] = await events(['event=rename'], '{{.TimeNano}}');
  const at = `${time.slice(0, -9)}.${time.slice(-9)}`;
  const range = (since: string, until: string) => [
    'events',
    '--since',
    since,
    '--until',
    until,
    '--format',
    '{{.Action}}',
  ];
  assert.equal(await daemon.ok(range(at, at)), 'rename');
  const wait = Date.now();
  await daemon.ok(['events', '--until', `${(wait + 1500) / 1000}`]);
  assert.ok(Date.now() - wait >= 1400 && Date.now() - wait < 6000);
  const bad = await daemon.docker(['events', '--since', 'yesterday', '--until', '0s']);
  assert.equal(bad.code, 1);
});

test('a reader that never reads costs no memory without bounds, and holds up nobody', async () => {
  const lazy = connect(daemon.socket);
  lazy.pause();
  lazy.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
  const live = daemon.docker([
    'events',
    '--filter',
    'event=create',
    '--until',
    `${Date.now() / 1000 + 2}`,
    '--format',
    '{{.Actor.ID}}',
  ]);
  await sleep(300);
  await Promise.all(Array.from({ length: 20 }, (_, index) => daemon.ok(['volume', 'create', `v${index}`])));
  assert.equal((await live).stdout.split('\n').filter((line) => /^v\d+$/.test(line)).length, 20);
  lazy.destroy();
});
