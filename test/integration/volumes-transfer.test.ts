/** Volumes beyond Docker: archives of them, copies, names and protection; images as mounts; file systems that are mounted for their users alone. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram, TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

async function gantry(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.gantry(args);
  if (code !== 0) throw new Error(stderr);
  return stdout.trim();
}

async function refusal(...args: string[]): Promise<string> {
  const { code, stderr } = await daemon.gantry(args);
  assert.notEqual(code, 0, `gantry ${args.join(' ')} should fail`);
  return stderr;
}

function inVolume(name: string, script: string): Promise<string> {
  return daemon.ok(['run', '--rm', '-v', `${name}:/v`, 'busybox', 'sh', '-c', script]);
}

function mountsOf(name: string): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(join(daemon.dataRoot, 'volumes', name)));
}

const state = 'cd /v; find . | sort; stat -c "%n %u:%g %a %h" a/f a/g fifo; readlink l; cat a/f';

test('export and import keep owners, modes, hard links, devices and attributes; a clone is as good', async () => {
  await inVolume(
    'origin',
    'cd /v; mkdir a; echo text >a/f; ln a/f a/g; chown 12:34 a/f; chmod 4751 a/f; ln -s /etc/passwd l; mkfifo fifo',
  );
  const path = await daemon.ok(['volume', 'inspect', '-f', '{{.Mountpoint}}', 'origin']);
  const marked = await runProgram(['setfattr', '-n', 'user.mark', '-v', 'yes', join(path, 'a')]);
  const expected = await inVolume('origin', state);
  const archive = join(daemon.root, 'origin.tar');
  await gantry('volume', 'export', '-o', archive, 'origin');
  assert.equal(await gantry('volume', 'import', '--label', 'a=b', '-i', archive, 'copy'), 'copy');
  assert.equal(await gantry('volume', 'clone', 'origin', 'twin'), 'twin');
  for (const name of ['copy', 'twin']) {
    assert.equal(await inVolume(name, state), expected);
    if (marked.code !== 0) continue;
    const place = await daemon.ok(['volume', 'inspect', '-f', '{{.Mountpoint}}', name]);
    const { stdout } = await runProgram(['getfattr', '--only-values', '-n', 'user.mark', join(place, 'a')]);
    assert.equal(stdout, 'yes');
  }
  assert.equal(await daemon.ok(['volume', 'inspect', '-f', '{{.Labels}}', 'copy']), 'map[a:b]');
  assert.match(await refusal('volume', 'import', '-i', archive, 'copy'), /a volume of this name exists/);
});

test('a bad archive leaves nothing behind, and none leads out of its volume', async () => {
  const before = readdirSync(join(daemon.dataRoot, 'volumes'));
  const bad = join(daemon.root, 'bad.tar');
  writeFileSync(bad, 'no archive at all'.repeat(100));
  await refusal('volume', 'import', '-i', bad, 'broken');
  const evil = join(daemon.root, 'evil.tar');
  const outside = join(daemon.root, 'outside');
  symlinkSync(daemon.root, join(daemon.root, 'd'));
  await runProgram(['tar', '-C', daemon.root, '-cf', evil, 'd']);
  await runProgram([
    'tar',
    '-C',
    daemon.root,
    '-rPf',
    evil,
    '--transform',
    's|bad.tar|d/outside|',
    'bad.tar',
  ]);
  await daemon.gantry(['volume', 'import', '-i', evil, 'evil']);
  assert.equal(existsSync(outside), false);
  await runProgram([
    'tar',
    '-C',
    daemon.root,
    '-cPf',
    evil,
    '--transform',
    's|bad.tar|../../escaped|',
    'bad.tar',
  ]);
  assert.match(await refusal('volume', 'import', '-i', evil, 'worse'), /outside/);
  assert.deepEqual(
    readdirSync(join(daemon.dataRoot, 'volumes')).filter((name) => name !== 'evil'),
    before,
  );
});

test('rename and protect', async () => {
  await inVolume('old', 'echo here >/v/f');
  await daemon.ok(['create', '--name', 'user', '-v', 'old:/v', 'busybox']);
  assert.match(await refusal('volume', 'rename', 'old', 'new'), /volume is in use/);
  await daemon.ok(['rm', 'user']);
  assert.match(await refusal('volume', 'rename', 'old', '../new'), /invalid characters/);
  await gantry('volume', 'rename', 'old', 'new');
  assert.equal(await inVolume('new', 'cat /v/f'), 'here');
  await gantry('volume', 'protect', 'new');
  assert.equal(await daemon.ok(['volume', 'inspect', '-f', '{{.Status.Protected}}', 'new']), 'true');
  assert.match(await refusal('volume', 'rm', '-f', 'new'), /volume is protected/);
  await daemon.ok(['volume', 'prune', '-af']);
  await daemon.kill9();
  await daemon.launch();
  assert.equal(await inVolume('new', 'cat /v/f'), 'here');
  await gantry('volume', 'unprotect', 'new');
  await daemon.ok(['volume', 'rm', 'new']);
});

test('an image is mounted, read-only, whole or in part', async () => {
  const mount = (more: string): string[] => [
    'run',
    '--rm',
    '--mount',
    `type=image,src=busybox,dst=/i${more}`,
    'busybox',
  ];
  assert.match(await daemon.ok([...mount(''), 'ls', '/i/bin/busybox']), /busybox/);
  assert.match(await daemon.ok([...mount(',image-subpath=bin'), 'ls', '/i/busybox']), /busybox/);
  assert.match((await daemon.docker([...mount(''), 'touch', '/i/x'])).stderr, /Read-only file system/);
  const { stderr } = await daemon.docker([...mount(',image-subpath=nosuch'), 'true']);
  assert.match(stderr, /cannot access subpath "nosuch" of image busybox/);
  assert.match(
    (await daemon.docker(['create', '--mount', 'type=image,src=none,dst=/i', 'busybox'])).stderr,
    /No such image: none/,
  );
  assert.deepEqual(readdirSync(join(daemon.execRoot, 'subpaths')), []);
  const kept = readdirSync(join(daemon.dataRoot, 'overlay', 'containers'));
  assert.deepEqual(kept, []);
});

test('a volume that is a file system is shared by its users, and mounted for them alone', async () => {
  await daemon.ok([
    'volume',
    'create',
    '-o',
    'type=tmpfs',
    '-o',
    'device=tmpfs',
    '-o',
    'o=size=1m,uid=5',
    'memory',
  ]);
  const sleeper = (name: string): Promise<string> =>
    daemon.ok(['run', '-d', '--name', name, '-v', 'memory:/v', 'busybox', 'sleep', '1000']);
  await Promise.all([sleeper('one'), sleeper('two')]);
  await daemon.ok(['exec', 'one', 'sh', '-c', 'echo shared >/v/f']);
  assert.equal(await daemon.ok(['exec', 'two', 'cat', '/v/f']), 'shared');
  assert.equal(mountsOf('memory').length, 1);
  await daemon.kill9();
  await daemon.launch();
  assert.equal(mountsOf('memory').length, 1);
  await daemon.ok(['rm', '-f', 'one']);
  assert.equal(await daemon.ok(['exec', 'two', 'cat', '/v/f']), 'shared');
  assert.match((await daemon.docker(['volume', 'rm', 'memory'])).stderr, /volume is in use/);
  const pid = Number(await daemon.ok(['inspect', '-f', '{{.State.Pid}}', 'two']));
  await daemon.kill9();
  process.kill(pid, 'SIGKILL');
  await daemon.launch();
  assert.deepEqual(mountsOf('memory'), []);
  await daemon.ok(['start', 'two']);
  assert.equal(mountsOf('memory').length, 1);
  await daemon.ok(['kill', 'two']);
  for (let waited = 0; waited < 5000 && mountsOf('memory').length > 0; waited += 50) await sleep(50);
  assert.deepEqual(mountsOf('memory'), []);
  await daemon.ok(['rm', 'two']);
  await daemon.ok(['volume', 'rm', 'memory']);
});

test('one that cannot be mounted fails the start, in words, and leaves nothing', async () => {
  await daemon.ok(['volume', 'create', '-o', 'type=ext4', '-o', 'device=/dev/nosuch', 'broken']);
  const { code, stderr } = await daemon.docker(['run', '--rm', '-v', 'broken:/v', 'busybox', 'true']);
  assert.notEqual(code, 0);
  assert.match(stderr, /error while mounting volume '.*broken\/_data': failed to mount local volume/);
  assert.deepEqual(mountsOf('broken'), []);
});

test('no removal reaches what is mounted in a volume, what a link leads to, or stops at depth', async () => {
  await inVolume(
    'deep',
    'cd /v; i=0; while [ $i -lt 700 ]; do mkdir aaaaaaaaaaaa; cd aaaaaaaaaaaa; i=$((i+1)); done; echo >f',
  );
  await daemon.ok(['volume', 'rm', 'deep']);
  await daemon.gantry(['undo', '--clear']);
  await daemon.ok(['volume', 'create', 'held']);
  const place = await daemon.ok(['volume', 'inspect', '-f', '{{.Mountpoint}}', 'held']);
  const treasure = join(daemon.root, 'treasure');
  await runProgram(['mkdir', '-p', join(place, 'in'), treasure]);
  writeFileSync(join(treasure, 'gold'), '');
  await runProgram(['mount', '--bind', treasure, join(place, 'in')]);
  try {
    assert.match(await refusal('volume', 'rm', 'held'), /something is mounted in the volume/);
  } finally {
    await runProgram(['umount', join(place, 'in')]);
  }
  await runProgram(['rm', '-r', place]);
  symlinkSync(treasure, place);
  assert.match(
    (await daemon.docker(['run', '--rm', '-v', 'held:/v', 'busybox', 'ls', '/v'])).stderr,
    /is not a directory/,
  );
  assert.match(await refusal('volume', 'export', 'held'), /cannot open the directory|refusing/);
  await daemon.kill9();
  await daemon.launch();
  await daemon.ok(['volume', 'rm', 'held']);
  await daemon.gantry(['undo', '--clear']);
  assert.ok(existsSync(join(treasure, 'gold')));
});
