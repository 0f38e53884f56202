import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { startLauncher } from './launcher.ts';
import type { Launcher } from './launcher-types.ts';

let launcher: Launcher;
let dir: string;

before(async () => {
  launcher = await startLauncher();
  dir = mkdtempSync(join(tmpdir(), 'gantry-launcher-'));
});
after(async () => {
  await launcher.close();
  rmSync(dir, { recursive: true });
});

/** An nlmsghdr with NLM_F_REQUEST | NLM_F_ACK | `flags`, and its payload. */
function netlinkMessage(type: number, flags: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + payload.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(0x5 | flags, 6);
  return Buffer.concat([header, payload]);
}

const getLoopback = netlinkMessage(18, 0, Buffer.from([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));

test('a command gets its input and its output comes back', async () => {
  const result = await launcher.run({ argv: ['sh', '-c', 'cat; echo err >&2; exit 3'], stdin: 'hello' });
  assert.equal(result.exitCode, 3);
  assert.equal(result.signal, null);
  assert.equal(result.stdout.toString(), 'hello');
  assert.equal(result.stderr.toString(), 'err\n');
});

test('megabytes pass both ways', async () => {
  const stdin = Buffer.alloc(5 << 20, 'abcdefg');
  const result = await launcher.run({ argv: ['cat'], stdin, maxOutput: 8 << 20 });
  assert.ok(result.stdout.equals(stdin));
});

test('output beyond the limit is dropped and the command still ends', async () => {
  const result = await launcher.run({ argv: ['head', '-c', '3000000', '/dev/zero'], maxOutput: 1000 });
  assert.equal(result.exitCode, 0);
  assert.equal(result.stdout.length, 1000);
});

test('environment and directory are as asked for', async () => {
  const result = await launcher.run({
    argv: ['sh', '-c', 'echo $A; pwd; env'],
    env: { A: 'b' },
    cwd: '/usr',
  });
  assert.match(result.stdout.toString(), /^b\n\/usr\n/);
  assert.doesNotMatch(result.stdout.toString(), /^HOME=/m);
});

test('a missing program is a failed precondition with a hint', async () => {
  await assert.rejects(launcher.run({ argv: ['no-such-program-here'] }), (error: unknown) => {
    assert.ok(isEngineError(error, 'failed-precondition'));
    assert.match(error.message, /no-such-program-here.*ENOENT/);
    assert.match(error.hint ?? '', /Install/);
    return true;
  });
});

test('a command over its time is killed with its children', async () => {
  const started = Date.now();
  const result = await launcher.run({ argv: ['sh', '-c', 'sleep 60 & sleep 60'], timeoutMs: 100 });
  assert.equal(result.timedOut, true);
  assert.equal(result.signal, 9);
  assert.ok(Date.now() - started < 5000);
});

test('a cancelled command is killed', async () => {
  const controller = new AbortController();
  const running = launcher.run({ argv: ['sleep', '60'], signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(running, (error: unknown) => isEngineError(error, 'cancelled'));
});

test('commands run at the same time', async () => {
  const started = Date.now();
  await Promise.all(Array.from({ length: 20 }, () => launcher.run({ argv: ['sleep', '0.3'] })));
  assert.ok(Date.now() - started < 2000);
});

test('a background child that holds the output does not keep a command open', async () => {
  const result = await launcher.run({ argv: ['sh', '-c', 'sleep 3 & echo done'] });
  assert.equal(result.stdout.toString(), 'done\n');
});

test('hidden mounts are hidden for the command only', async () => {
  const seen = await launcher.run({
    argv: ['grep', '-c', ' /dev/shm ', '/proc/self/mounts'],
    hiddenMounts: ['/dev/shm'],
  });
  const all = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(' /dev/shm '));
  assert.equal(Number(seen.stdout.toString()), all.length - 1);
});

test('netlink replies come back, and the first failure stops a batch', async () => {
  const { replies, failure } = await launcher.netlink([getLoopback]);
  assert.equal(failure, undefined);
  assert.equal(replies.length, 1);
  assert.ok(replies[0]?.includes('lo\0'));
  const missing = netlinkMessage(
    18,
    0,
    Buffer.from([0, 0, 0, 0, 255, 255, 255, 127, 0, 0, 0, 0, 0, 0, 0, 0]),
  );
  const second = await launcher.netlink([getLoopback, missing, getLoopback]);
  assert.deepEqual(second.failure, { index: 1, errno: 19 });
});

test('netlink works in another network namespace', async () => {
  const child = await launcher.run({ argv: ['unshare', '-n', 'sh', '-c', 'sleep 5 >&- 2>&- & echo $!'] });
  const pid = Number(child.stdout.toString());
  const dump = netlinkMessage(18, 0x300, Buffer.alloc(16));
  const inside = await launcher.netlink([dump], `/proc/${pid}/ns/net`);
  const outside = await launcher.netlink([dump]);
  process.kill(pid);
  assert.ok((inside.replies[0]?.length ?? 0) > 0);
  assert.ok((inside.replies[0]?.length ?? 0) <= (outside.replies[0]?.length ?? 0));
  const { failure } = await launcher.netlink([dump], '/no/such/namespace');
  assert.equal(failure?.errno, 2);
});

test('malformed netlink messages are refused', async () => {
  assert.equal((await launcher.netlink([Buffer.alloc(3)])).failure?.errno, 22);
  assert.equal((await launcher.netlink([Buffer.alloc(20)])).failure?.errno, 22);
});

test('file operations stay below their root and follow no last link', async () => {
  const root = join(dir, 'root');
  const outside = join(dir, 'outside');
  mkdirSync(root);
  mkdirSync(outside);
  symlinkSync(outside, join(root, 'escape'));
  symlinkSync('/nowhere', join(root, 'link'));
  writeFileSync(join(root, 'file'), '');
  const failure = await launcher.fileOperations(root, [
    { kind: 'mknod', path: 'null', mode: 0o20666, major: 1, minor: 3 },
    { kind: 'mknod', path: Buffer.from([0xff, 0xfe]), mode: 0o10644, major: 0, minor: 0 },
    { kind: 'setxattr', path: 'file', name: 'trusted.gantry', value: Buffer.from([1, 0, 2]) },
    { kind: 'utime', path: 'link', seconds: -5, nanoseconds: 0 },
  ]);
  assert.equal(failure, undefined);
  const node = lstatSync(join(root, 'null'));
  assert.equal(node.rdev, 259);
  assert.equal(node.mode & 0o7777, 0o666);
  assert.ok(lstatSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.from([0xff, 0xfe])])).isFIFO());
  assert.equal(lstatSync(join(root, 'link')).mtimeMs, -5000);
  const fifo = { kind: 'mknod', mode: 0o10644, major: 0, minor: 0 } as const;
  assert.equal((await launcher.fileOperations(root, [{ ...fifo, path: 'escape/x' }]))?.errno, 2);
  assert.equal((await launcher.fileOperations(root, [{ ...fifo, path: 'a/..' }]))?.errno, 22);
  // In the root `..` is the root itself.
  assert.equal(await launcher.fileOperations(root, [{ ...fifo, path: '../../inside' }]), undefined);
  assert.ok(lstatSync(join(root, 'inside')).isFIFO());
});

test('a request that is too long is refused before it is sent', async () => {
  await assert.rejects(launcher.run({ argv: ['cat'], stdin: Buffer.alloc(17 << 20) }), (error: unknown) =>
    isEngineError(error, 'invalid-argument'),
  );
});

test('a launcher that died is started again', async () => {
  const own = await startLauncher();
  const parent = (await own.run({ argv: ['sh', '-c', 'echo $PPID'] })).stdout.toString().trim();
  assert.match(execFileSync('cat', [`/proc/${parent}/cmdline`]).toString(), /launcher/);
  process.kill(Number(parent), 'SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await own.run({ argv: ['echo', 'again'] })).stdout.toString(), 'again\n');
  await own.close();
});

test('extended attributes are read in bulk, of what lies below the root only', async () => {
  const root = join(dir, 'attributes');
  mkdirSync(join(root, 'sub'), { recursive: true });
  symlinkSync('/', join(root, 'out'));
  writeFileSync(join(root, 'file'), '');
  writeFileSync(join(root, 'sub/large'), '');
  const large = Buffer.alloc(3000, 7);
  await launcher.fileOperations(root, [
    { kind: 'setxattr', path: 'file', name: 'user.note', value: Buffer.from([0, 255]) },
    { kind: 'setxattr', path: 'file', name: 'trusted.other', value: Buffer.from('x') },
    { kind: 'setxattr', path: 'sub/large', name: 'user.large', value: large },
  ]);
  const names = ['file', 'missing', 'out/etc/passwd', '.', ...new Array(2000).fill('sub/large')];
  const [file, missing, outside, self, ...many] = await launcher.attributes(
    root,
    names.map((name) => Buffer.from(name)),
    ['user.'],
  );
  assert.deepEqual(file, new Map([['user.note', Buffer.from([0, 255])]]));
  assert.equal(missing, 2);
  assert.equal(outside, 2);
  assert.deepEqual(self, new Map());
  // More than one reply holds.
  assert.equal(many.length, 2000);
  for (const attributes of many) assert.deepEqual(attributes, new Map([['user.large', large]]));
  await assert.rejects(launcher.attributes(join(root, 'nowhere'), [Buffer.from('x')], ['user.']), /ENOENT/);
});
