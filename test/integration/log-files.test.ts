/** Logs that are kept here: compressed, cleared while they grow, with odd bytes and long lines, as the daemon's configuration says. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { TestDaemon } from '../support/daemon.ts';
import { eventually } from '../support/log-receivers.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start({
    config: { 'log-driver': 'local', 'log-opts': { 'max-size': '64k', 'max-file': '4' } },
  });
});
after(async () => {
  const log = daemon.log();
  await daemon.close();
  assert.doesNotMatch(log, /garbage collection|could not compress/);
});

async function logOf(name: string): Promise<string> {
  const id = await daemon.ok(['inspect', '--format', '{{.Id}}', name]);
  return join(daemon.dataRoot, 'containers', id, `${id}-json.log`);
}

function lines(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index)).join('\n');
}

test('the default driver compresses what it rotates; all of it is read', async () => {
  const script = 'for i in $(seq 0 7); do seq $((i*500+1)) $((i*500+500)); done; read x; seq 4001 4500';
  await daemon.ok(['run', '-d', '-i', '--name', 'local', 'busybox', 'sh', '-c', script]);
  assert.equal(
    await daemon.ok(['inspect', '--format', '{{.HostConfig.LogConfig}}', 'local']),
    '{local map[max-file:4 max-size:64k]}',
  );
  const log = await logOf('local');
  await eventually('compressed files', () => existsSync(`${log}.3.gz`) && existsSync(`${log}.1.gz`));
  assert.ok(!existsSync(`${log}.1`) && !existsSync(`${log}.3`));
  assert.match(
    gunzipSync(readFileSync(`${log}.3.gz`)).toString(),
    /^(\{"log":"\d+\\n","stream":"stdout","time":"[^"]+"\}\n)+$/,
  );
  const kept = await daemon.ok(['logs', 'local']);
  assert.equal(kept, lines(Number(/^\d+/.exec(kept)?.[0]), 4000));
  assert.ok(kept.length > 5000, 'more than one file');
  assert.equal(await daemon.ok(['logs', '--tail', '2000', 'local']), lines(2001, 4000));
  const timed = await daemon.ok(['logs', '-t', '--tail', '2000', 'local']);
  const [since = ''] = /^\S+/.exec(timed) ?? [];
  assert.ok((await daemon.ok(['logs', '--since', since, 'local'])).split('\n').length >= 2000);
  const follower = daemon.docker(['logs', '-f', '--tail', '2000', 'local']);
  await sleep(300);
  const typing = spawn(
    daemon.dockerArgv(['attach', 'local'])[0] ?? '',
    daemon.dockerArgv(['attach', 'local']).slice(1),
  );
  typing.stdin.end('\n');
  assert.equal((await follower).stdout.trimEnd(), lines(2001, 4500));
});

test('what a container that has ended left is compressed too', async () => {
  const options = [
    '--log-driver',
    'json-file',
    '--log-opt',
    'compress=true',
    '--log-opt',
    'max-size=20k',
    '--log-opt',
    'max-file=3',
  ];
  await daemon.ok(['run', '--name', 'ended', ...options, 'busybox', 'seq', '1', '1000']);
  const log = await logOf('ended');
  await eventually(
    'both compressed',
    () => existsSync(`${log}.1.gz`) && existsSync(`${log}.2.gz`) && !existsSync(`${log}.1`),
  );
  const kept = await daemon.ok(['logs', 'ended']);
  assert.equal(kept, lines(Number(/^\d+/.exec(kept)?.[0]), 1000));
  await daemon.ok(['start', '-a', 'ended']);
  assert.equal(await daemon.ok(['logs', '--tail', '3', 'ended']), lines(998, 1000));
});

test('a log is cleared while the container writes it: nothing older is left, nothing newer is lost', async () => {
  const script = 'i=0; while [ $i -lt 6000 ]; do seq $((i+1)) $((i+20)); i=$((i+20)); usleep 5000; done';
  await daemon.ok(['run', '-d', '--name', 'cleared', 'busybox', 'sh', '-c', script]);
  const follower = daemon.docker(['logs', '-f', 'cleared']);
  await eventually('rotated files', async () => {
    const log = await logOf('cleared');
    return existsSync(`${log}.1`) || existsSync(`${log}.1.gz`);
  });
  const last = Number(await daemon.ok(['logs', '--tail', '1', 'cleared']));
  const cleared = await daemon.gantry(['logs', '--clear', 'cleared']);
  assert.deepEqual([cleared.code, cleared.stdout, cleared.stderr], [0, '', '']);
  const first = await eventually('a new line', async () =>
    Number(/^\d+/.exec(await daemon.ok(['logs', 'cleared']))?.[0]),
  );
  assert.ok(first >= last && first < last + 3000, `${first} after ${last}`);
  assert.equal((await follower).stdout.trimEnd(), lines(1, 6000), 'who follows sees all');
  const kept = await daemon.ok(['logs', 'cleared']);
  assert.equal(kept, lines(Number(/^\d+/.exec(kept)?.[0]), 6000));
});

test('a log is cleared where its container has ended; there must be one', async () => {
  await daemon.ok(['run', '--name', 'over', 'busybox', 'seq', '1', '5000']);
  assert.equal((await daemon.gantry(['logs', '--clear', 'over'])).code, 0);
  assert.equal(await daemon.ok(['logs', 'over']), '');
  const directory = join(await logOf('over'), '..');
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.includes('json.log')),
    [],
  );
  await daemon.ok(['start', '-a', 'over']);
  assert.equal(await daemon.ok(['logs', '--tail', '1', 'over']), '5000');
  await daemon.ok(['run', '--name', 'silent', '--log-driver', 'none', 'busybox', 'echo', 'x']);
  const silent = await daemon.gantry(['logs', '--clear', 'silent']);
  assert.notEqual(silent.code, 0);
  assert.match(silent.stderr, /configured logging driver does not support reading/);
  assert.match((await daemon.gantry(['logs', '--clear', 'nobody'])).stderr, /No such container: nobody/);
});

test('a log that somebody truncates by hand is followed on', async () => {
  const script = 'seq 1 100; read x; seq 101 200';
  await daemon.ok(['run', '-d', '-i', '--name', 'cut', 'busybox', 'sh', '-c', script]);
  const log = await logOf('cut');
  const follower = daemon.docker(['logs', '-f', 'cut']);
  await sleep(400);
  truncateSync(log, 0);
  const [program = '', ...args] = daemon.dockerArgv(['attach', 'cut']);
  spawn(program, args).stdin.end('\n');
  assert.equal((await follower).stdout.trimEnd(), lines(1, 200));
  assert.equal(await daemon.ok(['logs', 'cut']), lines(101, 200));
});

test('attributes stand in the lines of json-file, and are shown with --details', async () => {
  const options = [
    '--log-opt',
    'labels=tier',
    '--log-opt',
    'env=MODE',
    '--log-opt',
    'tag={{.Name}}/{{.ImageName}}',
  ];
  await daemon.ok([
    'run',
    '--name',
    'attrs',
    '--log-driver',
    'json-file',
    ...options,
    '--label',
    'tier=fr"ont',
    '-e',
    'MODE=a b',
    'busybox',
    'echo',
    'x',
  ]);
  const [line = ''] = readFileSync(await logOf('attrs'), 'utf8').split('\n');
  assert.deepEqual(JSON.parse(line).attrs, { tier: 'fr"ont', MODE: 'a b', tag: 'attrs/busybox' });
  assert.equal(
    await daemon.ok(['logs', '--details', 'attrs']),
    'MODE=a+b,tag=attrs%2Fbusybox,tier=fr%22ont x',
  );
  assert.equal(await daemon.ok(['logs', 'attrs']), 'x');
});

test('odd bytes, long lines and characters at their seams', async () => {
  const script = [
    "printf 'a\\0b\\033[1m\\377\\r\\n'",
    "head -c 16383 /dev/zero | tr '\\0' x; printf 'ä€😀'; head -c 30000 /dev/zero | tr '\\0' y; echo",
    "printf 'no newline'",
  ].join('; ');
  await daemon.ok(['run', '--name', 'odd', 'busybox', 'sh', '-c', script]);
  const { stdout } = await daemon.docker(['logs', 'odd']);
  const long = `${'x'.repeat(16_383)}ä€😀${'y'.repeat(30_000)}`;
  assert.equal(stdout, `a\0b\u001b[1m\ufffd\r\n${long}\nno newline`);
});

test('a container that does not wait for its log writes it all the same', async () => {
  const options = [
    '--log-opt',
    'mode=non-blocking',
    '--log-opt',
    'max-buffer-size=16m',
    '--log-opt',
    'max-size=20m',
  ];
  await daemon.ok(['run', '--name', 'free', ...options, 'busybox', 'seq', '1', '100000']);
  assert.equal(await daemon.ok(['logs', 'free']), lines(1, 100_000));
  await daemon.ok(['start', '-a', 'free']);
  assert.equal((await daemon.gantry(['logs', '--clear', 'free'])).code, 0);
  assert.equal(await daemon.ok(['logs', 'free']), '');
});

test('options that do not go together are refused in words that Docker uses', async () => {
  const create = async (...options: string[]): Promise<string> =>
    (
      await daemon.docker([
        'create',
        ...options.flatMap((option) => ['--log-opt', option]),
        '--log-driver',
        'json-file',
        'busybox',
      ])
    ).stderr;
  assert.match(await create('colour=red'), /unknown log opt 'colour' for json-file log driver/);
  assert.match(await create('max-file=0'), /max-file cannot be less than 1/);
  assert.match(
    await create('max-file=1', 'compress=true'),
    /compress cannot be true when max-file is less than 2 or max-size is not set/,
  );
  assert.match(await create('mode=sometimes'), /logger: logging mode not supported: sometimes/);
  assert.match(
    await create('max-buffer-size=1m'),
    /max-buffer-size option is only supported with 'mode=non-blocking'/,
  );
});
