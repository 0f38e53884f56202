/** Restart policies by the stock command line: delays, counts, wishes of the user, restarts of the daemon, and signals that stop. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandResult, TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());

async function show(name: string, template: string): Promise<string> {
  return await daemon.ok(['inspect', '-f', template, name]);
}

function run(name: string, policy: string, script: string, flags: readonly string[] = []): Promise<string> {
  return daemon.ok([
    'run',
    '-d',
    '--name',
    name,
    '--restart',
    policy,
    ...flags,
    'busybox',
    'sh',
    '-c',
    script,
  ]);
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(50)) {
    if (await condition()) return;
  }
  assert.fail(`waited in vain: ${what}`);
}

test('always: again and again, with delays that double, until the user stops it', async () => {
  const began = Date.now() / 1000;
  await run('again', 'always', 'exit 3');
  await until('three restarts', async () => Number(await show('again', '{{.RestartCount}}')) >= 3);
  await until('it waits', async () => (await show('again', '{{.State.Status}}')) === 'restarting');
  assert.match(
    await daemon.ok(['ps', '--filter', 'status=restarting', '--format', '{{.Status}}']),
    /^Restarting \(3\)/,
  );
  assert.equal(await show('again', '{{.State.Running}} {{.State.Restarting}}'), 'true true');
  const exec = await daemon.docker(['exec', 'again', 'true']);
  assert.match(exec.stderr, /is restarting, wait until the container is running/);
  await daemon.ok(['stop', 'again']);
  const count = await show('again', '{{.RestartCount}}');
  assert.equal(await show('again', '{{.State.Status}} {{.State.ExitCode}}'), 'exited 3');
  await sleep(1000);
  assert.equal(await show('again', '{{.State.Status}} {{.RestartCount}}'), `exited ${count}`);
  const range = ['--since', String(began), '--until', String(Date.now() / 1000)];
  const filters = ['--filter', 'container=again', '--filter', 'event=start', '--format', '{{.TimeNano}}'];
  const starts = (await daemon.ok(['events', ...range, ...filters]))
    .split('\n')
    .map((time) => Number(time) / 1e6);
  const gaps = starts.slice(1).map((time, index) => time - (starts[index] ?? 0));
  assert.ok(
    (gaps[0] ?? 0) >= 100 && (gaps[1] ?? 0) >= 200 && (gaps[2] ?? 0) >= 400,
    `gaps ${gaps.join(' ')}`,
  );
  assert.ok((gaps[0] ?? 1000) < 800, `first gap ${gaps[0]}`);
  await daemon.ok(['rm', 'again']);
});

test('on-failure: not after a success, and only as often as is allowed', async () => {
  await run('twice', 'on-failure:2', 'exit 4');
  await run('good', 'on-failure', 'exit 0');
  await until('the last try', async () => (await show('twice', '{{.State.Status}}')) === 'exited');
  assert.equal(await show('twice', '{{.RestartCount}} {{.State.ExitCode}}'), '2 4');
  await until('the success', async () => (await show('good', '{{.State.Status}}')) === 'exited');
  assert.equal(await show('good', '{{.RestartCount}}'), '0');
  await daemon.ok(['start', 'twice']);
  await until('its own start counts anew', async () => (await show('twice', '{{.RestartCount}}')) === '2');
  await daemon.ok(['rm', '-f', 'twice', 'good']);
});

test('a daemon that starts again, after a kill or a stop, obeys policies and wishes', async () => {
  await Promise.all(
    ['always', 'unless-stopped', 'on-failure', 'no'].flatMap((policy) => [
      run(`keep-${policy}`, policy, 'sleep 1000'),
      run(`halt-${policy}`, policy, 'sleep 1000'),
    ]),
  );
  const halted = ['halt-always', 'halt-unless-stopped', 'halt-on-failure', 'halt-no'];
  await daemon.ok(['stop', '-t', '0', ...halted]);
  await run('loops', 'always', 'sleep 0.3; exit 1');
  for (const end of [() => daemon.kill9(), () => daemon.stop()]) {
    await end();
    await daemon.launch();
    await until(
      'the stopped one of always',
      async () => (await show('halt-always', '{{.State.Status}}')) === 'running',
    );
    const names = await daemon.ok([
      'ps',
      '--format',
      '{{.Names}}',
      '--filter',
      'name=keep',
      '--filter',
      'name=halt',
    ]);
    assert.deepEqual(names.split('\n').sort(), [
      'halt-always',
      'keep-always',
      'keep-no',
      'keep-on-failure',
      'keep-unless-stopped',
    ]);
    await daemon.ok(['kill', 'halt-always']);
  }
  const count = Number(await show('loops', '{{.RestartCount}}'));
  await until('it still restarts', async () => Number(await show('loops', '{{.RestartCount}}')) > count);
  await daemon.removeAll();
});

test('stop signal and patience: of the container, of the call, and of a restart', async () => {
  const script = 'trap "echo usr1; exit 5" USR1; trap "echo int; exit 6" INT; while :; do sleep 0.05; done';
  const patient = (await daemon.ok([
    ...['create', '--name', 'traps', '--stop-signal', 'USR1', '--stop-timeout', '7'],
    ...['busybox', 'sh', '-c', script],
  ])) as string;
  assert.equal(patient.length, 64);
  const round = async (args: readonly string[]): Promise<string> => {
    await daemon.ok(['start', 'traps']);
    await sleep(200);
    await daemon.ok([...args, 'traps']);
    return await show('traps', '{{.State.ExitCode}}');
  };
  assert.equal(await round(['stop']), '5');
  assert.equal(await round(['stop', '-s', 'INT']), '6');
  assert.equal(await round(['stop', '-s', 'CHLD', '-t', '0']), '137');
  await daemon.ok(['restart', '-s', 'INT', '-t', '3', 'traps']);
  assert.equal(
    await show('traps', '{{.State.Status}} {{.Config.StopSignal}} {{.Config.StopTimeout}}'),
    'running USR1 7',
  );
  await daemon.ok(['restart', '-s', 'INT', '-t', '3', 'traps']);
  assert.equal((await daemon.ok(['logs', 'traps'])).split('\n').at(-1), 'int');
  await daemon.ok(['rm', '-f', 'traps']);
});

test('--rm goes with no policy, and policies are checked', async () => {
  const refused = (args: readonly string[]): Promise<CommandResult> =>
    daemon.docker(['create', ...args, 'busybox', 'true']);
  assert.match(
    (await refused(['--rm', '--restart', 'always'])).stderr,
    /cannot specify both --restart and --rm/,
  );
  assert.match(
    (await refused(['--restart', 'sometimes'])).stderr,
    /invalid restart policy: unknown policy 'sometimes'/,
  );
  assert.match(
    (await refused(['--restart', 'always:3'])).stderr,
    /maximum retry count can only be used with 'on-failure'/,
  );
});
