/** Health checks by the stock command line: states, log, limits, pauses, restarts of the daemon, and restarting what is unhealthy. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';

interface Health {
  Status: string;
  FailingStreak: number;
  Log: Array<{ Start: string; End: string; ExitCode: number; Output: string }>;
}

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());

async function healthOf(name: string): Promise<Health | null> {
  return JSON.parse(await daemon.ok(['inspect', '-f', '{{json .State.Health}}', name]));
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(50)) {
    if (await condition()) return;
  }
  assert.fail(`waited in vain: ${what}\n${daemon.log().slice(-2000)}`);
}

function becomes(name: string, status: string): Promise<void> {
  return until(`${name} becomes ${status}`, async () => (await healthOf(name))?.Status === status);
}

function run(name: string, flags: readonly string[], command = 'touch /ok; sleep 100'): Promise<string> {
  return daemon.ok([
    'run',
    '-d',
    '--name',
    name,
    '--stop-timeout',
    '1',
    ...flags,
    'busybox',
    'sh',
    '-c',
    command,
  ]);
}

const quick = ['--health-interval', '100ms', '--health-retries', '2'];

test('a container is starting, healthy, unhealthy, healthy again; ps, filters and events show it', async () => {
  const began = Date.now() / 1000;
  await run('turns', [...quick, '--health-cmd', 'echo looked; test -e /ok']);
  assert.match(await daemon.ok(['ps', '--filter', 'name=turns', '--format', '{{.Status}}']), /\(he/);
  await becomes('turns', 'healthy');
  assert.match(
    await daemon.ok(['ps', '--filter', 'health=healthy', '--format', '{{.Status}}']),
    /\(healthy\)$/,
  );
  await daemon.ok(['exec', 'turns', 'rm', '/ok']);
  await becomes('turns', 'unhealthy');
  const bad = await healthOf('turns');
  assert.ok(bad !== null && bad.FailingStreak >= 2);
  assert.equal(bad.Log.at(-1)?.ExitCode, 1);
  assert.equal(bad.Log.at(-1)?.Output, 'looked\n');
  assert.ok(Date.parse(bad.Log[0]?.Start ?? '') <= Date.parse(bad.Log[0]?.End ?? ''));
  await daemon.ok(['exec', 'turns', 'touch', '/ok']);
  await becomes('turns', 'healthy');
  await until('five results are kept', async () => (await healthOf('turns'))?.Log.length === 5);
  assert.equal((await healthOf('turns'))?.FailingStreak, 0);
  const events = await daemon.ok([
    ...[
      'events',
      '--since',
      String(began),
      '--until',
      String(Date.now() / 1000),
      '--filter',
      'container=turns',
    ],
    ...['--format', '{{.Action}}'],
  ]);
  const changes = events.split('\n').filter((action) => action.startsWith('health_status'));
  assert.deepEqual(changes, ['health_status: healthy', 'health_status: unhealthy', 'health_status: healthy']);
  for (const action of ['exec_create', 'exec_start'])
    assert.match(events, new RegExp(`${action}: /bin/sh -c echo looked; test -e /ok`));
  assert.match(events, /exec_die/);
  assert.equal(await daemon.ok(['ps', '-q', '--filter', 'health=none']), '');
  await daemon.ok(['rm', '-f', 'turns']);
});

test('a check that takes too long is killed; long output is cut; a command that is missing is a failure', async () => {
  await Promise.all([
    run('late', [...quick, '--health-timeout', '200ms', '--health-cmd', 'echo so far; exec sleep 50']),
    run('loud', [...quick, '--health-cmd', 'yes | head -c 10000']),
    daemon.ok([
      ...['create', '--name', 'lost', '--health-interval', '100ms', '--health-retries', '1'],
      ...['--health-cmd', 'x', 'busybox', 'sleep', '100'],
    ]),
  ]);
  await becomes('late', 'unhealthy');
  const late = (await healthOf('late'))?.Log[0];
  assert.deepEqual([late?.ExitCode, late?.Output], [-1, 'Health check exceeded timeout (200ms): so far\n']);
  assert.doesNotMatch(await daemon.ok(['top', 'late']), /sleep 50/);
  await until('loud was checked', async () => (await healthOf('loud'))?.Log.length !== 0);
  const loud = (await healthOf('loud'))?.Log[0];
  assert.equal(loud?.Output.length, 4096 + '...'.length);
  assert.equal(loud?.ExitCode, 0);
  await daemon.ok(['start', 'lost']);
  await becomes('lost', 'unhealthy');
  assert.equal((await healthOf('lost'))?.Log[0]?.ExitCode, 127);
  await daemon.ok(['rm', '-f', 'late', 'loud', 'lost']);
});

test('failures within the start period do not count, and checks come more often there', async () => {
  await run('slow', [
    ...['--health-interval', '30s', '--health-retries', '1', '--health-start-period', '20s'],
    ...['--health-start-interval', '100ms', '--health-cmd', 'test -e /ready'],
  ]);
  await until('three checks', async () => ((await healthOf('slow'))?.Log.length ?? 0) >= 3);
  const starting = await healthOf('slow');
  assert.deepEqual([starting?.Status, starting?.FailingStreak], ['starting', 0]);
  assert.match(
    await daemon.ok(['ps', '--filter', 'health=starting', '--format', '{{.Status}}']),
    /\(health: starting\)/,
  );
  await daemon.ok(['exec', 'slow', 'touch', '/ready']);
  await becomes('slow', 'healthy');
  await daemon.ok(['rm', '-f', 'slow']);
});

test('no checks while a container is paused or has ended; they begin anew with the next run', async () => {
  await run('rests', [...quick, '--health-cmd', 'true']);
  await becomes('rests', 'healthy');
  await daemon.ok(['pause', 'rests']);
  const paused = await healthOf('rests');
  assert.equal(paused?.Status, 'unhealthy');
  await sleep(400);
  assert.deepEqual(await healthOf('rests'), paused);
  await daemon.ok(['unpause', 'rests']);
  await becomes('rests', 'healthy');
  await daemon.ok(['stop', 'rests']);
  assert.equal((await healthOf('rests'))?.Status, 'unhealthy');
  await daemon.ok(['start', 'rests']);
  await becomes('rests', 'healthy');
  await daemon.ok(['rm', '-f', 'rests']);
});

test('no healthcheck where none is asked for; nonsense is refused', async () => {
  await run('none', ['--no-healthcheck']);
  assert.equal(await healthOf('none'), null);
  assert.match(await daemon.ok(['ps', '--filter', 'health=none', '--format', '{{.Names}}']), /none/);
  await daemon.ok(['rm', '-f', 'none']);
  const short = await daemon.docker(['create', '--health-cmd', 'x', '--health-interval', '10us', 'busybox']);
  assert.equal(short.code, 1);
  assert.match(short.stderr, /Interval in Healthcheck cannot be less than 1ms/);
});

test('checks and their memory outlive the daemon, killed or stopped', async () => {
  await run('stays', [...quick, '--health-cmd', 'test -e /ok']);
  await becomes('stays', 'healthy');
  const { Log: earlier = [] } = (await healthOf('stays')) ?? {};
  await daemon.kill9();
  await daemon.launch();
  const again = await healthOf('stays');
  assert.equal(again?.Status, 'healthy');
  assert.ok(again.Log.some((one) => earlier.some((other) => other.Start === one.Start)));
  await daemon.ok(['exec', 'stays', 'rm', '/ok']);
  await becomes('stays', 'unhealthy');
  await daemon.stop();
  await daemon.launch();
  assert.equal((await healthOf('stays'))?.Status, 'unhealthy');
  assert.equal(
    await daemon.ok(['inspect', '-f', '{{json .ExecIDs}}', 'stays']).then((text) => text.length < 80),
    true,
  );
  await daemon.ok(['rm', '-f', 'stays']);
});

test('an unhealthy container is started again where that is asked for', async () => {
  const command = 'trap "exit 0" TERM; test -e /was && touch /ok; touch /was; while :; do sleep 0.1; done';
  const flags = [...quick, '--health-cmd', 'test -e /ok', '--label', 'gantry.restart-on-unhealthy=true'];
  await run('lives', flags, command);
  await becomes('lives', 'healthy');
  assert.equal(
    await daemon.ok(['inspect', '-f', '{{.RestartCount}} {{.State.Status}}', 'lives']),
    '1 running',
  );
  await daemon.ok(['rm', '-f', 'lives']);
  const made = await daemon.gantry(['create', '--name', 'asks', '--restart-on-unhealthy', 'busybox', 'true']);
  assert.equal(made.code, 0, made.stderr);
  const shown = await daemon.gantry(['inspect', 'asks']);
  assert.match(shown.stdout, /"RestartOnUnhealthy": true/);
  const refused = await daemon.gantry(['create', '--rm', '--restart-on-unhealthy', 'busybox', 'true']);
  assert.match(refused.stderr, /cannot specify both --restart-on-unhealthy and --rm/);
  await daemon.ok(['rm', 'asks']);
});
