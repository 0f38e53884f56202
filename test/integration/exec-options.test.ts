/** Options of execs by the stock command line and the API, what is known of them, also after the daemon's restart, and where they are refused. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
  await daemon.ok(['run', '-d', '--name', 'home', '-e', 'BASE=1', 'busybox', 'sleep', '1000']);
});
after(() => daemon.close());

interface Answer {
  status: number;
  body: unknown;
}

function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
  return new Promise((resolve, reject) => {
    const sent = request(
      { socketPath: daemon.socket, method, path, headers, timeout: 10_000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: text === '' ? undefined : JSON.parse(text) });
        });
      },
    );
    sent.on('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
  });
}

function field(body: unknown, name: string): unknown {
  return typeof body === 'object' && body !== null
    ? Object.entries(body).find(([key]) => key === name)?.[1]
    : undefined;
}

async function createExec(options: Record<string, unknown>): Promise<string> {
  const { status, body } = await call('POST', '/containers/home/exec', options);
  assert.equal(status, 201, JSON.stringify(body));
  return String(field(body, 'Id'));
}

test('user, variables, directory and privileges', async () => {
  const exec = (...args: string[]): Promise<string> => daemon.ok(['exec', ...args]);
  assert.equal(await exec('-u', 'nobody', 'home', 'id', '-un'), 'nobody');
  assert.equal(await exec('-u', '12:34', 'home', 'sh', '-c', 'id -u; id -g'), '12\n34');
  assert.equal(
    await exec('-e', 'MORE=2', '-e', 'BASE=3', '-w', '/etc', 'home', 'sh', '-c', 'echo $BASE $MORE; pwd'),
    '3 2\n/etc',
  );
  const capabilities = (flags: string[]): Promise<string> =>
    exec(...flags, 'home', 'sed', '-n', 's/^CapEff:.//p', '/proc/self/status');
  const [plain, privileged] = [await capabilities([]), await capabilities(['--privileged'])];
  assert.ok(BigInt(`0x${privileged}`) > BigInt(`0x${plain}`));
  const missing = await daemon.docker(['exec', '-u', 'nobody-here', 'home', 'true']);
  assert.match(missing.stdout, /unable to find user nobody-here: no matching entries in passwd file/);
  assert.equal((await daemon.docker(['exec', 'home', 'no-such-command'])).code, 127);
  assert.equal((await daemon.docker(['exec', 'home', 'sh', '-c', 'exit 9'])).code, 9);
});

test('an exec can be asked about before, while and after it runs', async () => {
  const id = await createExec({
    ...{
      Cmd: ['sh', '-c', 'sleep 0.5; exit 3'],
      Tty: true,
      Privileged: true,
      User: 'root',
      DetachKeys: 'ctrl-a',
    },
    ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
  });
  const { body: before } = await call('GET', `/exec/${id}/json`);
  assert.deepEqual(
    { ...Object(before), ContainerID: '' },
    {
      ...{
        ID: id,
        Running: false,
        ExitCode: null,
        Pid: 0,
        CanRemove: false,
        ContainerID: '',
        DetachKeys: 'AQ==',
      },
      ...{ OpenStdin: true, OpenStdout: true, OpenStderr: true },
      ProcessConfig: {
        tty: true,
        entrypoint: 'sh',
        arguments: ['-c', 'sleep 0.5; exit 3'],
        privileged: true,
        user: 'root',
      },
    },
  );
  assert.equal((await call('POST', `/exec/${id}/resize?h=20&w=70`)).status, 409);
  assert.equal((await call('POST', `/exec/${id}/start`, { Detach: true, Tty: true })).status, 200);
  const { body: running } = await call('GET', `/exec/${id}/json`);
  assert.equal(field(running, 'Running'), true);
  assert.ok(Number(field(running, 'Pid')) > 1);
  assert.equal((await call('POST', `/exec/${id}/resize?h=20&w=70`)).status, 200);
  assert.equal((await call('POST', `/exec/${id}/start`, { Detach: true })).status, 409);
  assert.match(await daemon.ok(['inspect', '-f', '{{json .ExecIDs}}', 'home']), new RegExp(id));
  for (const deadline = Date.now() + 5000; Date.now() < deadline; await sleep(50)) {
    if (field((await call('GET', `/exec/${id}/json`)).body, 'Running') === false) break;
  }
  const { body: ended } = await call('GET', `/exec/${id}/json`);
  assert.deepEqual([field(ended, 'Running'), field(ended, 'ExitCode')], [false, 3]);
  assert.equal(await daemon.ok(['inspect', '-f', '{{json .ExecIDs}}', 'home']), 'null');
  assert.equal((await call('GET', '/exec/nothing/json')).status, 404);
});

test('execs that run, that ended, and that end meanwhile are known to the next daemon', async () => {
  const start = async (script: string): Promise<string> => {
    const id = await createExec({ Cmd: ['sh', '-c', script] });
    assert.equal((await call('POST', `/exec/${id}/start`, { Detach: true })).status, 200);
    return id;
  };
  const ids = [await start('sleep 1000'), await start('exit 4'), await start('sleep 0.6; exit 5')];
  await sleep(200);
  await daemon.kill9();
  await sleep(700);
  await daemon.launch();
  const shown = await Promise.all(ids.map(async (id) => (await call('GET', `/exec/${id}/json`)).body));
  assert.deepEqual(
    shown.map((body) => [field(body, 'Running'), field(body, 'ExitCode')]),
    [
      [true, null],
      [false, 4],
      [false, 5],
    ],
  );
  assert.deepEqual(JSON.parse(await daemon.ok(['inspect', '-f', '{{json .ExecIDs}}', 'home'])), [ids[0]]);
  await daemon.ok(['exec', 'home', 'sh', '-c', 'kill -9 $(pidof sleep | tr " " "\\n" | grep -v "^1$")']);
  for (const deadline = Date.now() + 5000; Date.now() < deadline; await sleep(50)) {
    if (field((await call('GET', `/exec/${ids[0]}/json`)).body, 'Running') === false) break;
  }
  assert.equal(field((await call('GET', `/exec/${ids[0]}/json`)).body, 'ExitCode'), 137);
});

test('no execs in containers that are paused, stopped or not there', async () => {
  await daemon.ok(['pause', 'home']);
  assert.match(
    (await daemon.docker(['exec', 'home', 'true'])).stderr,
    /is paused, unpause the container before exec/,
  );
  await daemon.ok(['unpause', 'home']);
  const created = await createExec({ Cmd: ['true'] });
  await daemon.ok(['stop', '-t', '0', 'home']);
  assert.match(
    (await daemon.docker(['exec', 'home', 'true'])).stderr,
    /container [0-9a-f]{64} is not running/,
  );
  assert.equal((await call('POST', `/exec/${created}/start`, { Detach: true })).status, 409);
  assert.equal((await call('POST', '/containers/nobody/exec', { Cmd: ['true'] })).status, 404);
  assert.equal((await call('POST', '/containers/home/exec', {})).status, 409);
});
