/** Volumes and mounts as a container sees them: filled, shared, covered, bounded, and never leading elsewhere. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runProgram, TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

function run(...args: string[]): Promise<string> {
  return daemon.ok(['run', '--rm', ...args]);
}

async function mountpoint(name: string): Promise<string> {
  return daemon.ok(['volume', 'inspect', '--format', '{{.Mountpoint}}', name]);
}

test("a new volume gets the image's files once, with owner and mode", async () => {
  const inImage = await run('busybox', 'ls', '-A', '/etc');
  assert.equal(
    await run('-v', 'filled:/etc', 'busybox', 'cat', '/etc/passwd'),
    await run('busybox', 'cat', '/etc/passwd'),
  );
  const kept = (text: string): string[] =>
    text.split('\n').filter((name) => !/^(hosts|hostname|resolv\.conf|mtab)$/.test(name));
  assert.deepEqual(kept(await run('-v', 'filled:/data', 'busybox', 'ls', '-A', '/data')), kept(inImage));
  await run('-v', 'filled:/data', 'busybox', 'sh', '-c', 'rm -rf /data/* && touch /data/mine');
  assert.equal(await run('-v', 'filled:/etc:nocopy', 'busybox', 'ls', '/etc/mine'), '/etc/mine');
  assert.equal(
    await run('-v', 'empty:/bin2', '-v', 'nocopied:/bin:nocopy', '--entrypoint', '/bin2/x', 'busybox').catch(
      () => 'failed',
    ),
    'failed',
  );
});

test('volumes are shared, inherited and read-only as asked', async () => {
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'donor',
    '-v',
    'shared:/data',
    'busybox',
    'sh',
    '-c',
    'echo hello >/data/file; exec sleep 1000',
  ]);
  assert.equal(await run('--volumes-from', 'donor', 'busybox', 'cat', '/data/file'), 'hello');
  const refused = await daemon.docker([
    'run',
    '--rm',
    '--volumes-from',
    'donor:ro',
    'busybox',
    'touch',
    '/data/x',
  ]);
  assert.match(refused.stderr, /Read-only file system/);
  assert.match(
    (await daemon.docker(['volume', 'rm', 'shared'])).stderr,
    /remove shared: volume is in use - \[[0-9a-f]{64}\]/,
  );
  await daemon.ok(['rm', '-f', 'donor']);
  await daemon.ok(['volume', 'rm', 'shared']);
});

test('binds: made where missing with -v, refused with --mount, read-only all the way down', async () => {
  const source = join(daemon.root, 'bind', 'made');
  await run('-v', `${source}:/x`, 'busybox', 'sh', '-c', 'echo inside >/x/file');
  assert.equal(readFileSync(join(source, 'file'), 'utf8'), 'inside\n');
  const missing = await daemon.docker([
    'run',
    '--rm',
    '--mount',
    `type=bind,src=${source}/nosuch,dst=/x`,
    'busybox',
    'true',
  ]);
  assert.equal(missing.code, 125);
  assert.match(
    missing.stderr,
    /invalid mount config for type "bind": bind source path does not exist: .*nosuch/,
  );
  const readOnly = await daemon.docker([
    'run',
    '--rm',
    '-v',
    `${source}:/x:ro`,
    'busybox',
    'sh',
    '-c',
    'echo no >/x/file',
  ]);
  assert.match(readOnly.stderr, /Read-only file system/);
  assert.equal(await run('-v', `${source}/file:/one`, 'busybox', 'cat', '/one'), 'inside');
});

test('tmpfs: size, mode, and nothing on the disk', async () => {
  const mount = ['--mount', 'type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770'];
  assert.equal(await run(...mount, 'busybox', 'stat', '-c', '%a', '/t'), '1770');
  const full = await daemon.docker([
    'run',
    '--rm',
    ...mount,
    'busybox',
    'sh',
    '-c',
    'dd if=/dev/zero of=/t/big bs=64k count=32 2>&1',
  ]);
  assert.match(full.stdout, /No space left on device/);
  assert.match(
    await run('--tmpfs', '/s:size=65536,exec', 'busybox', 'grep', ' /s ', '/proc/mounts'),
    /^tmpfs \/s tmpfs rw,nosuid,nodev,relatime,size=64k/,
  );
});

test('a volume made of a tmpfs is bounded and leaves no mount behind', async () => {
  await daemon.ok([
    'volume',
    'create',
    '--opt',
    'type=tmpfs',
    '--opt',
    'device=tmpfs',
    '--opt',
    'o=size=1m',
    'memory',
  ]);
  assert.match(
    await run('-v', 'memory:/m', 'busybox', 'grep', ' /m ', '/proc/mounts'),
    /^tmpfs \/m tmpfs rw.*size=1024k/,
  );
  assert.equal(readFileSync('/proc/mounts', 'utf8').includes(await mountpoint('memory')), false);
  const elsewhere = join(daemon.root, 'elsewhere');
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, 'here'), 'yes');
  await daemon.ok([
    'volume',
    'create',
    '--opt',
    'type=none',
    '--opt',
    'o=bind',
    '--opt',
    `device=${elsewhere}`,
    'bound',
  ]);
  assert.equal(await run('-v', 'bound:/b', 'busybox', 'cat', '/b/here'), 'yes');
  await daemon.ok(['volume', 'rm', 'bound', 'memory']);
  assert.ok(existsSync(join(elsewhere, 'here')), 'what a bind leads to is not the volume');
});

test('a subpath is mounted, and never leads out of its volume', async () => {
  await run('-v', 'parts:/v', 'busybox', 'sh', '-c', 'mkdir -p /v/a/b && echo deep >/v/a/b/file');
  const subpath = (path: string): string[] => [
    '--mount',
    `type=volume,src=parts,dst=/x,volume-subpath=${path}`,
  ];
  assert.equal(await run(...subpath('a/b'), 'busybox', 'cat', '/x/file'), 'deep');
  symlinkSync('/etc', join(await mountpoint('parts'), 'out'));
  const astray = await daemon.docker(['run', '--rm', ...subpath('out'), 'busybox', 'ls', '/x']);
  assert.notEqual(astray.code, 0);
  assert.match(astray.stderr, /cannot access subpath "out" of volume parts/);
});

test('a container that could not be made leaves no volume behind', async () => {
  const before = await daemon.ok(['volume', 'ls', '-q']);
  const failed = await daemon.docker([
    'create',
    '-v',
    'half:/x',
    '-v',
    '/anonymous',
    '-v',
    'other:/x',
    'busybox',
  ]);
  assert.match(failed.stderr, /Duplicate mount point: \/x/);
  assert.equal(await daemon.ok(['volume', 'ls', '-q']), before);
});

test('rm -v and prune take anonymous volumes, volumes outlive the daemon', async () => {
  await daemon.ok(['run', '--name', 'anon', '-v', '/scratch', 'busybox', 'true']);
  await daemon.ok(['rm', '-v', 'anon']);
  assert.equal(await daemon.ok(['volume', 'ls', '-q', '--filter', 'label=com.docker.volume.anonymous']), '');
  await daemon.ok(['run', '--rm', '-v', 'durable:/d', 'busybox', 'sh', '-c', 'echo kept >/d/file']);
  await daemon.kill9();
  await daemon.launch();
  assert.equal(await run('-v', 'durable:/d', 'busybox', 'cat', '/d/file'), 'kept');
  await daemon.ok(['volume', 'prune', '-af']);
  assert.equal(await daemon.ok(['volume', 'ls', '-q']), '');
});

test('binds share mounts with the host as asked, where the host can', async () => {
  const source = join(daemon.root, 'spread');
  mkdirSync(join(source, 'inner'), { recursive: true });
  const mount = (...args: string[]) => runProgram(['mount', ...args]);
  await mount('--bind', source, source);
  await mount('--make-private', source);
  try {
    const bind = ['-v', `${source}:/s:rslave`, 'busybox'];
    for (const [mode, needed] of [
      ['shared', 'a shared mount'],
      ['rslave', 'a shared or slave mount'],
    ]) {
      const { stderr } = await daemon.docker([
        'run',
        '--rm',
        '-v',
        `${source}:/s:${mode}`,
        'busybox',
        'true',
      ]);
      assert.match(stderr, new RegExp(`path ${source} is mounted on ${source} but it is not ${needed}`));
    }
    await mount('--make-shared', source);
    const id = await daemon.ok(['run', '-d', ...bind, 'sleep', '1000']);
    await mount('-t', 'tmpfs', '-o', 'size=64k', 'later', join(source, 'inner'));
    assert.match(await daemon.ok(['exec', id, 'cat', '/proc/mounts']), /later \/s\/inner tmpfs/);
    await daemon.ok(['rm', '-f', id]);
  } finally {
    await runProgram(['umount', join(source, 'inner')]);
    await runProgram(['umount', source]);
  }
});
