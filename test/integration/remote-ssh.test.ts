/** The daemon through ssh: `ssh://` hosts of gantry and of docker, `system dial-stdio`, and what is said when ssh fails. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandResult, dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';
import { fakeSsh } from '../support/fake-ssh.ts';

const folder = mkdtempSync(join(tmpdir(), 'gantry-ssh-'));
const gantry = join(process.cwd(), 'bin/gantry');
/** Programs of the other side: gantry or docker, and what is below them. */
const withGantry = join(folder, 'with-gantry');
const withDocker = join(folder, 'with-docker');
const bare = '/usr/bin:/bin';

let daemon: TestDaemon;
before(async () => {
  mkdirSync(withGantry);
  symlinkSync(gantry, join(withGantry, 'gantry'));
  mkdirSync(withDocker);
  symlinkSync(dockerCli ?? gantry, join(withDocker, 'docker'));
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true });
});

function run(
  ssh: { folder: string },
  args: readonly string[],
  options: { program?: string; input?: string } = {},
): Promise<CommandResult> {
  return runProgram([options.program ?? gantry, ...args], {
    env: { PATH: `${ssh.folder}:${process.env['PATH']}`, DOCKER_CONFIG: join(folder, 'none') },
    ...(options.input === undefined ? {} : { input: options.input }),
  });
}

test('gantry through ssh: commands, streams in both directions, exit codes', async () => {
  const ssh = fakeSsh(folder, `${withGantry}:${bare}`, `GANTRY_HOST=${daemon.host}`);
  const host = ['-H', 'ssh://me@far.example:2222'];
  assert.deepEqual(await run(ssh, [...host, 'ps', '-q']), { code: 0, stdout: '', stderr: '' });
  assert.match(
    ssh.calls()[0] ?? '',
    /^-o ConnectTimeout=30 -T -l me -p 2222 -- far\.example sh -c 'if command -v gantry/,
  );
  const input = 'line\n'.repeat(50_000);
  const echo = [...host, 'run', '--rm', '-i', '--network', 'none', 'busybox', 'sh', '-c', 'cat; exit 7'];
  const { code, stdout, stderr } = await run(ssh, echo, { input });
  assert.deepEqual([code, stdout === input, stderr], [7, true, '']);
});

test('a host with docker alone serves, and a path names the socket', async () => {
  const ssh = fakeSsh(folder, `${withDocker}:${bare}`);
  const { code, stderr } = await run(ssh, ['-H', `ssh://far${daemon.socket}`, 'version']);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(ssh.calls()[0] ?? '', new RegExp(`--host "unix://${daemon.socket}" system dial-stdio`));
});

test("docker's own command line reaches gantryd through gantry's dial-stdio", async (context) => {
  if (dockerCli === undefined) return context.skip('no docker command line');
  const asDocker = join(folder, 'as-docker');
  mkdirSync(asDocker);
  symlinkSync(gantry, join(asDocker, 'docker'));
  const ssh = fakeSsh(folder, `${asDocker}:${bare}`, `GANTRY_HOST=${daemon.host}`);
  const echo = ['-H', 'ssh://far', 'run', '--rm', '-i', '--network', 'none', 'busybox', 'wc', '-c'];
  const { code, stdout, stderr } = await run(ssh, echo, { program: dockerCli, input: 'x'.repeat(100_000) });
  assert.deepEqual([code, stdout, stderr], [0, '100000\n', '']);
});

test('ssh that fails, and a host without either, are told with what ssh said', async () => {
  const failing = fakeSsh(folder, bare, '', 'echo "me@far: Permission denied (publickey)." >&2; exit 255');
  const refused = await run(failing, ['-H', 'ssh://me@far', 'ps']);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^error during connect: command \[ssh -o ConnectTimeout=30 -T -l me -- far .*\] has exited with exit status 255, .*stderr=me@far: Permission denied \(publickey\)\.\nCheck that ssh/,
  );
  const nothing = join(folder, 'nothing');
  mkdirSync(nothing);
  symlinkSync('/bin/sh', join(nothing, 'sh'));
  const empty = fakeSsh(folder, nothing);
  const missing = await run(empty, ['-H', 'ssh://far', 'ps']);
  assert.match(missing.stderr, /exit status 127, .*docker: not found/);
  const dead = fakeSsh(folder, `${withGantry}:${bare}`, 'GANTRY_HOST=unix:///nowhere/gantry.sock');
  const noDaemon = await run(dead, ['-H', 'ssh://far', 'ps']);
  assert.match(
    noDaemon.stderr,
    /failed to open the raw stream connection: Cannot connect to the Gantry daemon at unix:\/\/\/nowhere/,
  );
});

test('ssh ends with the command, also by a signal', async () => {
  const ssh = fakeSsh(
    folder,
    `${withGantry}:${bare}`,
    `GANTRY_HOST=${daemon.host}`,
    `echo $$ >> ${folder}/pids`,
  );
  const child = spawn(gantry, ['-H', 'ssh://far', 'events'], {
    env: { ...process.env, PATH: `${ssh.folder}:${process.env['PATH']}`, DOCKER_CONFIG: '/nowhere' },
    stdio: 'ignore',
  });
  const pids = (): string[] =>
    existsSync(`${folder}/pids`) ? readFileSync(`${folder}/pids`, 'utf8').trim().split('\n') : [];
  await until(() => pids().length > 0);
  await sleep(200);
  const gone = new Promise((resolve) => child.on('exit', (_code, signal) => resolve(signal)));
  child.kill('SIGTERM');
  assert.equal(await gone, 'SIGTERM');
  await until(() => pids().every((pid) => !existsSync(`/proc/${pid}/fd/0`)));
});

test('dial-stdio: each direction ends by itself', async () => {
  const path = join(folder, 'half.sock');
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let got = '';
    socket.on('data', (chunk) => {
      got += chunk;
    });
    // Answers after the client's end alone: one that closes both at once would get nothing.
    socket.on('end', () => setTimeout(() => socket.end(`got ${got}`), 100));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    const answer = await runProgram([gantry, '-H', `unix://${path}`, 'system', 'dial-stdio'], {
      input: 'hello',
    });
    assert.deepEqual(answer, { code: 0, stdout: 'got hello', stderr: '' });
  } finally {
    server.close();
  }
});

test('dial-stdio: the end of the daemon ends it while its input is open', async () => {
  const path = join(folder, 'end.sock');
  const server = createServer((socket) => socket.end('bye'));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const child = spawn(gantry, ['-H', `unix://${path}`, 'system', 'dial-stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.deepEqual([code, text], [0, 'bye']);
  } finally {
    child.stdin.destroy();
    server.close();
  }
});

test('a real sshd', { timeout: 30_000 }, async (context) => {
  const sshd = '/usr/sbin/sshd';
  if (!existsSync(sshd)) return context.skip('no openssh-server');
  const keys = join(folder, 'sshd');
  mkdirSync(keys, { mode: 0o700 });
  for (const name of ['host', 'user'])
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(keys, name)], { timeout: 10_000 });
  const port = await freePort();
  writeFileSync(
    join(keys, 'sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${keys}/host`,
      `AuthorizedKeysFile ${keys}/user.pub`,
      `PidFile ${keys}/pid`,
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
      `SetEnv PATH=${withGantry}:${bare} GANTRY_HOST=${daemon.host}`,
      '',
    ].join('\n'),
  );
  mkdirSync('/run/sshd', { recursive: true });
  const server = spawn(sshd, ['-D', '-e', '-f', join(keys, 'sshd_config')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log: string[] = [];
  server.stderr.on('data', (chunk) => log.push(String(chunk)));
  const client = fakeClient(keys);
  try {
    await until(() => log.join('').includes('listening') || server.exitCode !== null);
    const host = ['-H', `ssh://root@127.0.0.1:${port}`];
    const input = 'x'.repeat(200_000);
    const echo = ['run', '--rm', '-i', '--network', 'none', 'busybox', 'wc', '-c'];
    const { code, stdout, stderr } = await run({ folder: client }, [...host, ...echo], { input });
    assert.deepEqual([code, stdout, stderr], [0, '200000\n', ''], log.join(''));
  } finally {
    const gone = new Promise((resolve) => server.once('exit', resolve));
    if (server.exitCode === null) server.kill();
    if (server.exitCode === null) await gone;
  }
});

/** The real ssh, with keys of the test's own. */
function fakeClient(keys: string): string {
  const bin = join(keys, 'bin');
  mkdirSync(bin);
  const options = `-F /dev/null -i ${keys}/user -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR`;
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh ${options} "$@"\n`, { mode: 0o755 });
  return bin;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 20) {
    if (condition()) return;
    await sleep(20);
  }
  assert.fail(`not within 10 s: ${condition}`);
}
