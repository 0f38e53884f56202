/** The daemon may die at any moment: containers, logs, connections and exit codes are right all the same. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

const counting = 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done';

async function names(): Promise<string[]> {
  return (await daemon.ok(['ps', '--format', '{{.Names}}'])).split('\n').sort();
}

/** Sends a line over the connection and waits for its echo. */
async function echo(socket: Socket, line: string): Promise<string> {
  const answer = once(socket, 'data', { signal: AbortSignal.timeout(5000) });
  socket.write(`${line}\n`);
  return String((await answer)[0]).trim();
}

function numbersIn(logs: string): number[] {
  return logs
    .split('\n')
    .filter(Boolean)
    .map((line) => Number(line.replace('line ', '')));
}

test('kill -9 of the daemon while 20 containers run, log, hold a connection and one is attached', {
  timeout: 120_000,
}, async () => {
  for (let index = 0; index < 17; index += 1)
    await daemon.ok(['run', '-d', '--name', `count${index}`, 'busybox', 'sh', '-c', counting]);
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'server',
    '-p',
    '127.0.0.1::7',
    'busybox',
    'nc',
    '-ll',
    '-p',
    '7',
    '-e',
    'cat',
  ]);
  await daemon.ok(['run', '-d', '--name', 'ends', 'busybox', 'sh', '-c', 'sleep 2; exit 42']);
  await daemon.ok([
    'run',
    '-d',
    '-i',
    '--name',
    'held',
    'busybox',
    'sh',
    '-c',
    'while read line; do echo "got $line"; done; exit 6',
  ]);
  const port = Number((await daemon.ok(['port', 'server', '7/tcp'])).split(':').pop());
  const connection = connect(port, '127.0.0.1');
  await once(connection, 'connect');
  assert.equal(await echo(connection, 'before'), 'before');
  const [program = '', ...args] = daemon.dockerArgv(['attach', '--sig-proxy=false', 'held']);
  const attached = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  attached.stdin.write('one\n');
  await once(attached.stdout, 'data');
  const pids = await daemon.ok(['inspect', '-f', '{{.State.Pid}}', 'count0', 'server', 'held']);

  await daemon.kill9();
  assert.equal(
    await echo(connection, 'meanwhile'),
    'meanwhile',
    'the published connection goes on without a daemon',
  );
  for (const pid of pids.split('\n'))
    assert.doesNotThrow(() => readFileSync(`/proc/${pid}/status`), 'no container noticed');
  await sleep(2500);
  await daemon.launch();
  assert.equal(await echo(connection, 'afterwards'), 'afterwards');
  connection.destroy();
  attached.kill();

  const expected = [...Array.from({ length: 17 }, (_, index) => `count${index}`), 'held', 'server'].sort();
  assert.deepEqual(await names(), expected);
  assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Pid}}', 'count0', 'server', 'held']), pids);
  assert.equal(
    await daemon.ok(['inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'ends']),
    'exited 42',
  );
  const numbers = numbersIn(await daemon.ok(['logs', 'count0']));
  assert.ok(numbers.length > 50);
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => index + 1),
    'no log line is lost',
  );
  assert.equal(await daemon.ok(['exec', 'count3', 'echo', 'alive']), 'alive');
  const again = await daemon.docker(['attach', 'held'], { input: 'two\n', timeout: 2000 });
  assert.match(again.stdout, /got two/);
  await daemon.ok(['stop', '-t', '1', 'held']);
  await daemon.removeAll();
});

test('a connection made and a port published after the restart work too', async () => {
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'later',
    '-p',
    '127.0.0.1::7',
    'busybox',
    'nc',
    '-ll',
    '-p',
    '7',
    '-e',
    'cat',
  ]);
  await daemon.kill9();
  await daemon.launch();
  const port = Number((await daemon.ok(['port', 'later', '7/tcp'])).split(':').pop());
  const connection = connect(port, '127.0.0.1');
  await once(connection, 'connect');
  assert.equal(await echo(connection, 'new'), 'new');
  connection.destroy();
  await daemon.ok(['rm', '-f', 'later']);
});

test('a clean end of the daemon leaves containers running as well', async () => {
  await daemon.ok(['run', '-d', '--name', 'stays', 'busybox', 'sleep', '1000']);
  await daemon.stop();
  await daemon.launch();
  assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Running}}', 'stays']), 'true');
  await daemon.ok(['rm', '-f', 'stays']);
});
