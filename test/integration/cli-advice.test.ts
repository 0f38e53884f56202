/** Errors say what is stuck and how to free it, on a terminal or where it is asked for. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type CommandResult, runProgram, TestDaemon } from '../support/daemon.ts';
import { freePort } from '../support/registry.ts';

const hints = { GANTRY_HINTS: 'always' };
const folder = mkdtempSync(join(tmpdir(), 'gantry-advice-'));
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('with a daemon', () => {
  let daemon: TestDaemon;
  let port = 0;
  before(async () => {
    daemon = await TestDaemon.start();
    port = await freePort();
    const publish = `127.0.0.1:${port}:80`;
    await daemon.ok([
      'run',
      '-d',
      '--name',
      'web',
      '-v',
      'data:/d',
      '-p',
      publish,
      'busybox',
      'sleep',
      '600',
    ]);
  });
  after(() => daemon.close());

  const gantry = (...args: string[]): Promise<CommandResult> => daemon.gantry(args, { env: hints });

  test('who publishes a port', async () => {
    const { code, stderr } = await gantry(
      'run',
      '-d',
      '--name',
      'second',
      '-p',
      `127.0.0.1:${port}:80`,
      'busybox',
    );
    assert.equal(code, 125);
    assert.match(stderr, new RegExp(`^Port ${port} is published by web \\(Up .*\\): gantry stop web$`, 'm'));
    await daemon.ok(['rm', '-f', 'second']);
  });

  test('which process listens on a port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const taken = typeof address === 'object' && address !== null ? address.port : 0;
    const { stderr } = await gantry('run', '--rm', '-p', `127.0.0.1:${taken}:80`, 'busybox', 'true');
    assert.match(stderr, new RegExp(`^Port ${taken} is held by process ${process.pid}, `, 'm'));
  });

  test('which containers use an image or a volume', async () => {
    const image = await gantry('rmi', 'busybox');
    assert.equal(image.code, 1);
    assert.match(image.stderr, /^It is used by web \(Up .*\)\nTo free it: gantry rm -f web$/m);
    const volume = await gantry('volume', 'rm', 'data');
    assert.match(volume.stderr, /^It is used by web \(Up .*\)\nTo free it: gantry rm -f web$/m);
  });

  test('a running container, a name that is taken, and names that nearly fit', async () => {
    assert.match(
      (await gantry('rm', 'web')).stderr,
      /^It is running: gantry stop web, or at once: gantry rm -f web$/m,
    );
    const taken = await gantry('create', '--name', 'web', 'busybox');
    assert.match(
      taken.stderr,
      /^To free the name \(busybox, Up .*\): gantry rm -f web, or: gantry rename web web-old$/m,
    );
    assert.match((await gantry('stop', 'wbe')).stderr, /^Did you mean web\?$/m);
    assert.match(
      (await gantry('inspect', '--type', 'image', 'busybx')).stderr,
      /^Did you mean busybox, which is here\?$/m,
    );
  });

  test('programs that read stderr get the words of docker alone', async () => {
    const plain = await daemon.gantry(['stop', 'wbe']);
    assert.match(plain.stderr, /^Error response from daemon: No such container: wbe\b.*\n$/);
    const never = await daemon.gantry(['stop', 'wbe'], { env: { GANTRY_HINTS: 'never' } });
    assert.equal(never.stderr, plain.stderr);
  });
});

describe('without a daemon', () => {
  test('a socket that is not there, and one that a daemon has left', async () => {
    const path = join(folder, 'gone.sock');
    const none = await runProgram(['bin/gantry', '-H', `unix://${path}`, 'ps'], { env: hints });
    assert.match(none.stderr, /Is the daemon running\?\nStart it with: gantryd/);
    assert.match(none.stderr, new RegExp(`^There is no ${path}\\.$`, 'm'));
    const leave = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await runProgram([process.execPath, '-e', leave]);
    const left = await runProgram(['bin/gantry', '-H', `unix://${path}`, 'ps'], { env: hints });
    assert.match(left.stderr, new RegExp(`^${path} is left of a daemon that has ended\\.$`, 'm'));
  });

  test("a socket of a group's", { skip: process.getuid?.() === 0 ? false : 'needs root' }, async () => {
    const path = join(folder, 'group.sock');
    const server = createServer().listen(path);
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    const line = readFileSync('/etc/group', 'utf8')
      .split('\n')
      .find((one) => one.startsWith('games:'));
    const gid = Number(line?.split(':')[2]);
    chownSync(path, 0, gid);
    chmodSync(path, 0o660);
    chmodSync(folder, 0o755);
    const gantry = `GANTRY_HINTS=always HOME=/tmp ${process.cwd()}/bin/gantry -H unix://${path} ps`;
    const { stderr } = await runProgram(['setpriv', '--reuid=65534', '--clear-groups', 'sh', '-c', gantry]);
    assert.match(stderr, /^permission denied while trying to connect to the Gantry daemon socket/);
    assert.match(
      stderr,
      new RegExp(
        `^${path} is for the group games: sudo usermod -aG games nobody, then log in again\\.$`,
        'm',
      ),
    );
  });
});
