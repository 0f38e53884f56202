/** Logs through the whole engine: written by a shim, rotated, read from both ends and followed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

function numbers(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index)).join('\n');
}

test('a rotated log is read from its beginning and from its end', async () => {
  const options = ['--log-opt', 'max-size=100k', '--log-opt', 'max-file=3'];
  await daemon.ok(['run', '--name', 'rotated', ...options, 'busybox', 'seq', '1', '20000']);
  const id = await daemon.ok(['inspect', '--format', '{{.Id}}', 'rotated']);
  const log = join(daemon.dataRoot, 'containers', id, `${id}-json.log`);
  assert.ok(existsSync(`${log}.1`) && existsSync(`${log}.2`) && !existsSync(`${log}.3`));
  const kept = (await daemon.ok(['logs', 'rotated'])).split('\n').map(Number);
  assert.equal(kept.at(-1), 20_000);
  assert.ok(
    kept.every((number, index) => index === 0 || number === (kept[index - 1] ?? 0) + 1),
    'without a gap',
  );
  assert.equal(await daemon.ok(['logs', '--tail', '1500', 'rotated']), numbers(18_501, 20_000));
  assert.equal(await daemon.ok(['logs', '--tail', '0', 'rotated']), '');
});

test('a follower through many rotations sees every line, and ends with the container', async () => {
  const options = ['--log-opt', 'max-size=50k', '--log-opt', 'max-file=4'];
  const script = 'for i in $(seq 1 60); do seq $((i*100-99)) $((i*100)); usleep 10000; done';
  await daemon.ok(['run', '-d', '--name', 'followed', ...options, 'busybox', 'sh', '-c', script]);
  assert.equal(await daemon.ok(['logs', '-f', 'followed']), numbers(1, 6000));
});

test('streams are kept apart and in order; details and times come before', async () => {
  await daemon.ok([
    'run',
    '--name',
    'both',
    '--label',
    'tier=front',
    '--log-opt',
    'labels=tier',
    'busybox',
    'sh',
    '-c',
    'echo out; sleep 0.05; echo err >&2; sleep 0.05; echo out2',
  ]);
  const { stdout, stderr } = await daemon.docker(['logs', '--details', '-t', 'both']);
  assert.match(stdout, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z tier=front out\n[^\n]* tier=front out2\n$/);
  assert.match(stderr, /^[^\n]* tier=front err\n$/);
});

test('a client that goes away ends its follower', async () => {
  await daemon.ok(['run', '-d', '--name', 'quiet', 'busybox', 'sh', '-c', 'echo here; exec sleep 1000']);
  const before = Number(await daemon.ok(['info', '--format', '{{.NFd}}']));
  const [program = '', ...args] = daemon.dockerArgv(['logs', '-f', 'quiet']);
  const clients = Array.from({ length: 5 }, () => spawn(program, args));
  await Promise.all(clients.map((client) => new Promise((resolve) => client.stdout.once('data', resolve))));
  for (const client of clients) client.kill('SIGKILL');
  await Promise.all(clients.map((client) => new Promise((resolve) => client.once('close', resolve))));
  let now = Number.POSITIVE_INFINITY;
  for (let waited = 0; waited < 50 && now > before; waited += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    now = Number(await daemon.ok(['info', '--format', '{{.NFd}}']));
  }
  assert.ok(now <= before, `${now} descriptors, ${before} before`);
});

test('following a container that has ended ends at once; without a log there is an error', async () => {
  await daemon.ok(['run', '--name', 'ended', 'busybox', 'echo', 'done']);
  assert.equal(await daemon.ok(['logs', '-f', 'ended'], { timeout: 10_000 }), 'done');
  await daemon.ok(['run', '-d', '--name', 'silent', '--log-driver', 'none', 'busybox', 'true']);
  assert.match(
    (await daemon.docker(['logs', 'silent'])).stderr,
    /configured logging driver does not support reading/,
  );
});

test('events tell the life of a container with its attributes', async () => {
  const since = String(Date.now() / 1000);
  await daemon
    .ok(['run', '--rm', '--name', 'life', '--label', 'a=b', '-v', 'told:/x', 'busybox', 'sh', '-c', 'exit 3'])
    .catch(() => '');
  const until = String(Date.now() / 1000 + 1);
  const format = '{{.Type}} {{.Action}} {{.Actor.Attributes.exitCode}}';
  const all = await daemon.ok(['events', '--since', since, '--until', until, '--format', format]);
  const told = all.split('\n').map((line) => line.replace(' <no value>', ''));
  const expected = [
    'volume create',
    'container create',
    'network connect',
    'volume mount',
    'container start',
    'container die 3',
    'network disconnect',
    'volume unmount',
    'container destroy',
  ];
  for (const line of expected) assert.ok(told.includes(line), `${line} in ${told.join(', ')}`);
  const filtered = await daemon.ok([
    'events',
    '--since',
    since,
    '--until',
    until,
    '--filter',
    'label=a=b',
    '--filter',
    'event=die',
    '--format',
    '{{.Actor.Attributes.name}} {{.Actor.Attributes.image}}',
  ]);
  assert.equal(filtered, 'life busybox');
});
