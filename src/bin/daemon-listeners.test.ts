import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isLoopback, type ListenOptions, listenAll } from './daemon-listeners.ts';
import { passedDescriptors } from './daemon-listeners-fd.ts';
import { claimPidFile, lockDataRoot } from './daemon-pidfile.ts';

const root = mkdtempSync(join(tmpdir(), 'api-listen-'));
after(() => rmSync(root, { recursive: true, force: true }));

const noTls = { enabled: undefined, verify: false, caFile: '', certFile: '', keyFile: '' };

function options(hosts: string[], more: Partial<ListenOptions> = {}): ListenOptions & { warnings: string[] } {
  const warnings: string[] = [];
  const base = {
    hosts,
    group: '',
    groupGiven: false,
    tls: noTls,
    accept: (socket: Socket) => socket.destroy(),
  };
  return { ...base, warn: (text) => warnings.push(text), warnings, ...more };
}

test('a UNIX socket is for root and its group, and goes with the listener', async () => {
  const path = join(root, 'deep/a.sock');
  const listeners = await listenAll(options([`unix://${path}`], { group: '4711', groupGiven: true }));
  const { mode, gid } = statSync(path);
  assert.deepEqual([mode & 0o777, gid], [0o660, 4711]);
  listeners.close();
  assert.equal(existsSync(path), false);
});

test('a stale socket is replaced, one that lives and other files are not', async () => {
  const path = join(root, 'b.sock');
  const living = await listenAll(options([`unix://${path}`]));
  await assert.rejects(listenAll(options([`unix://${path}`])), {
    code: 'conflict',
    message: /another daemon listens there/,
  });
  assert.ok(existsSync(path));
  living.close();
  const file = join(root, 'file');
  writeFileSync(file, '');
  await assert.rejects(listenAll(options([`unix://${file}`])), { code: 'conflict' });
  assert.ok(existsSync(file));
});

test('TCP without TLS only where it was said, and then with a warning', async () => {
  await assert.rejects(listenAll(options(['tcp://127.0.0.1:0'])), {
    message: /refusing to listen on TCP without TLS/,
  });
  const plain = options(['tcp://127.0.0.1:0'], { tls: { ...noTls, enabled: false } });
  const listeners = await listenAll(plain);
  assert.match(listeners.addresses[0] ?? '', /^tcp:\/\/127\.0\.0\.1:[1-9]\d+$/);
  assert.match(plain.warnings.join(), /WITHOUT ENCRYPTION/);
  listeners.close();
});

test('a foreign address without TLS is warned of more than one of this host', async () => {
  for (const [host, warning] of [
    ['127.0.0.1', /everyone on this host/],
    ['0.0.0.0', /everyone who reaches this address is root on this host\. Bind it to 127\.0\.0\.1/],
  ] as const) {
    const plain = options([`tcp://${host}:0`], { tls: { ...noTls, enabled: false } });
    (await listenAll(plain)).close();
    assert.match(plain.warnings.join(), warning);
  }
  assert.deepEqual(
    ['127.9.9.9', '::1', 'localhost', '0.0.0.0', '::', '10.0.0.1', 'host.example'].map(isLoopback),
    [true, true, true, false, false, false, false],
  );
});

test('sockets from systemd: all of them, by number, by name, and not those of another process', () => {
  const env = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'api:other' };
  assert.deepEqual(passedDescriptors('', env, 7), [3, 4]);
  assert.deepEqual(passedDescriptors('4', env, 7), [4]);
  assert.deepEqual(passedDescriptors('api', env, 7), [3]);
  assert.throws(() => passedDescriptors('5', env, 7), /no socket 5 was passed: there are 3, 4/);
  for (const [other, pid] of [
    [env, 8],
    [{}, 7],
    [{ LISTEN_PID: '7', LISTEN_FDS: 'x' }, 7],
  ] as const)
    assert.throws(() => passedDescriptors('', other, pid), /no sockets found via socket activation/);
});

test('what is no address to listen on is refused', async () => {
  for (const [host, message] of [
    ['npipe:////./pipe/docker', /named pipes are for Windows/],
    ['ssh://user@host', /clients alone use ssh/],
    ['tcp://127.0.0.1:99999', /invalid bind address format/],
    ['zork://x', /unknown scheme/],
  ] as const)
    await assert.rejects(listenAll(options([host])), { code: 'invalid-argument', message });
});

test('a host that fails takes back those before it', async () => {
  const path = join(root, 'c.sock');
  for (const bad of ['fd://', 'ssh://x', 'tcp://127.0.0.1:0']) {
    await assert.rejects(listenAll(options([`unix://${path}`, bad])), { code: 'invalid-argument' }, bad);
    assert.equal(existsSync(path), false);
  }
});

test('the group docker counts only where it exists, another one must', async () => {
  const hosts = [`unix://${join(root, 'd.sock')}`];
  (await listenAll(options(hosts, { group: 'no-such-group' }))).close();
  await assert.rejects(
    listenAll(options(hosts, { group: 'no-such-group', groupGiven: true })),
    /group no-such-group not found/,
  );
});

test('the PID file names the daemon that runs', () => {
  const path = join(root, 'run/pid');
  const claim = claimPidFile(path);
  claim.release();
  assert.equal(existsSync(path), false);
  writeFileSync(path, '1');
  assert.throws(() => claimPidFile(path), {
    code: 'conflict',
    message: /process with PID 1 is still running/,
  });
  writeFileSync(path, '4194305');
  claimPidFile(path).release();
});

test('a data root is for one daemon at a time', () => {
  const path = join(root, 'data');
  const lock = lockDataRoot(path);
  assert.throws(() => lockDataRoot(path), { code: 'conflict', message: /another daemon uses the data root/ });
  lock.release();
  lockDataRoot(path).release();
});
