/** `docker cp` by the stock command line and the API: everything that a file has comes along, whether the container runs or not. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { goMode, hasMode } from '../../src/wire/archive.ts';
import { TestDaemon } from '../support/daemon.ts';
import { viewsLeft } from '../support/views.ts';

let daemon: TestDaemon;
let scratch: string;
before(async () => {
  daemon = await TestDaemon.start();
  scratch = mkdtempSync(join(tmpdir(), 'gantry-archive-'));
  const flags = ['-v', 'kept:/kept', '-v', `${scratch}:/bound`, '--tmpfs', '/temporary'];
  await daemon.ok(['run', '-d', '--name', 'up', ...flags, 'busybox', 'sleep', '1000']);
  await daemon.ok(['create', '--name', 'down', '-v', 'kept:/kept', 'busybox', 'sleep', '1000']);
});
after(async () => {
  await daemon.close();
  rmSync(scratch, { recursive: true, force: true });
});

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

function call(method: string, path: string, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: daemon.socket, path: `/v1.51${path}`, method, timeout: 20_000 };
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    asked.on('error', reject).on('timeout', () => asked.destroy(new Error('no answer')));
    asked.end(body);
  });
}

async function put(container: string, path: string, tar: Buffer, query = ''): Promise<Answer> {
  return call('PUT', `/containers/${container}/archive?path=${encodeURIComponent(path)}${query}`, tar);
}

async function get(container: string, path: string): Promise<Buffer> {
  const { status, body } = await call(
    'GET',
    `/containers/${container}/archive?path=${encodeURIComponent(path)}`,
  );
  assert.equal(status, 200, body.toString());
  return body;
}

/** `tar tv` without the first column's spacing. */
function list(tar: Buffer): string[] {
  const { stdout } = spawnSync('tar', ['tv', '--numeric-owner', '--full-time'], { input: tar });
  return stdout
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' '));
}

/** A directory with one of everything. */
function makeTree(): string {
  const root = mkdtempSync(join(scratch, 'tree-'));
  const script = [
    'mkdir -p all/sub; cd all; echo text >file; ln file hard; ln -s file soft; ln -s /etc/passwd away; mkfifo pipe',
    'mknod null c 1 3; mknod disk b 8 1; dd if=/dev/zero of=sparse bs=1 count=1 seek=1000000 2>/dev/null; touch empty',
    'chown 1000:1001 file; chown -h 33:34 soft; chmod 4755 file; chmod 1777 sub; chmod 600 null',
    'setfattr -n user.color -v blue file; setfattr -n user.kind -v dir sub; setcap cap_net_raw+ep empty',
    'touch -h -d "2001-02-03 04:05:06 UTC" file soft sub null pipe sparse empty disk away; cd ..; touch -d "1999-09-09 09:09:09 UTC" all',
  ].join('\n');
  execFileSync('sh', ['-ec', script], { cwd: root });
  return root;
}

function tarOf(directory: string, ...names: string[]): Buffer {
  return execFileSync(
    'tar',
    ['c', '--format=pax', '--xattrs', '--xattrs-include=*', '-C', directory, ...names],
    {
      maxBuffer: 2 ** 28,
    },
  );
}

const expected = [
  'drwxr-xr-x 0/0 0 1999-09-09 09:09:09 all/',
  'lrwxrwxrwx 0/0 0 2001-02-03 04:05:06 all/away -> /etc/passwd',
  'brw-r--r-- 0/0 8,1 2001-02-03 04:05:06 all/disk',
  '-rw-r--r-- 0/0 0 2001-02-03 04:05:06 all/empty',
  '-rwsr-xr-x 1000/1001 5 2001-02-03 04:05:06 all/file',
  'hrwsr-xr-x 1000/1001 0 2001-02-03 04:05:06 all/hard link to all/file',
  'crw------- 0/0 1,3 2001-02-03 04:05:06 all/null',
  'prw-r--r-- 0/0 0 2001-02-03 04:05:06 all/pipe',
  'lrwxrwxrwx 33/34 0 2001-02-03 04:05:06 all/soft -> file',
  '-rw-r--r-- 0/0 1000001 2001-02-03 04:05:06 all/sparse',
  'drwxrwxrwt 0/0 0 2001-02-03 04:05:06 all/sub/',
];

for (const container of ['up', 'down']) {
  test(`owners, modes, times, links, devices and attributes: in and out of one that is ${container}`, async () => {
    const tree = makeTree();
    assert.equal((await put(container, '/home', tarOf(tree, 'all'))).status, 200);
    const tar = await get(container, '/home/all');
    assert.deepEqual(list(tar), expected);
    const out = mkdtempSync(join(scratch, 'out-'));
    execFileSync('tar', ['x', '--xattrs', '--xattrs-include=*', '-C', out], { input: tar });
    const attribute = (name: string, file: string): string =>
      execFileSync('getfattr', ['--only-values', '-n', name, join(out, 'all', file)]).toString();
    assert.equal(attribute('user.color', 'file'), 'blue');
    assert.equal(attribute('user.kind', 'sub'), 'dir');
    assert.match(execFileSync('getcap', [join(out, 'all/empty')]).toString(), /cap_net_raw/);
    assert.equal(statSync(join(out, 'all/file')).ino, statSync(join(out, 'all/hard')).ino);
  });
}

test('what was copied into a stopped container is there when it starts', async () => {
  await daemon.ok([
    'create',
    '--name',
    'later',
    '-v',
    '/fresh',
    'busybox',
    'cat',
    '/etc/motd',
    '/fresh/note',
  ]);
  writeFileSync(join(scratch, 'motd'), 'hello\n');
  await daemon.ok(['cp', join(scratch, 'motd'), 'later:/etc/motd']);
  await daemon.ok(['cp', join(scratch, 'motd'), 'later:/fresh/note']);
  assert.equal(await daemon.ok(['start', '-a', 'later']), 'hello\nhello');
});

test('volumes, bind mounts, a tmpfs and the network’s files are seen', async () => {
  writeFileSync(join(scratch, 'note'), 'noted\n');
  for (const place of ['/kept/note', '/bound/copied', '/temporary/note', '/etc/note']) {
    await daemon.ok(['cp', join(scratch, 'note'), `up:${place}`]);
    assert.equal(await daemon.ok(['exec', 'up', 'cat', place]), 'noted');
  }
  assert.equal(readFileSync(join(scratch, 'copied'), 'utf8'), 'noted\n');
  assert.ok(list(await get('down', '/kept')).some((line) => line.endsWith(' kept/note')));
  assert.ok(list(await get('up', '/temporary/.')).some((line) => line.endsWith(' ./note')));
  const hosts = spawnSync('tar', ['xO'], { input: await get('up', '/etc/hosts') }).stdout.toString();
  assert.equal(hosts.trim(), await daemon.ok(['exec', 'up', 'cat', '/etc/hosts']));
});

test('HEAD tells what stands at a path', async () => {
  await daemon.ok(['exec', 'up', 'sh', '-c', 'ln -s ../etc/passwd /home/link; ln -s /gone/x /home/dangling']);
  const stat = async (path: string) => {
    const { status, headers, body } = await call('HEAD', `/containers/up/archive?path=${path}`);
    assert.equal(status, 200);
    assert.equal(body.length, 0);
    return JSON.parse(Buffer.from(String(headers['x-docker-container-path-stat']), 'base64').toString());
  };
  const link = await stat('/home/link');
  assert.deepEqual(
    { name: link.name, target: link.linkTarget, size: link.size },
    { name: 'link', target: '/etc/passwd', size: 13 },
  );
  assert.ok(hasMode(link.mode, goMode.symlink));
  assert.equal((await stat('/home/dangling')).linkTarget, '/gone/x');
  const directory = await stat('/home/');
  assert.ok(hasMode(directory.mode, goMode.directory));
  assert.equal(directory.name, 'home');
  assert.equal((await stat('/tmp')).mode % 2 ** 9, 0o777);
  assert.ok(hasMode((await stat('/tmp')).mode, goMode.sticky));
  assert.equal((await stat('/')).name, '/');
  assert.match(directory.mtime, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

test('compressed archives are taken', async () => {
  writeFileSync(join(scratch, 'packed'), 'packed\n');
  const tar = tarOf(scratch, 'packed');
  const filter = (name: string) => execFileSync(name, ['-c'], { input: tar });
  for (const body of [gzipSync(tar), zstdCompressSync(tar), filter('xz'), filter('bzip2')]) {
    await daemon.ok(['exec', 'up', 'rm', '-f', '/packed']);
    assert.equal((await put('up', '/', body)).status, 200);
    assert.equal(await daemon.ok(['exec', 'up', 'cat', '/packed']), 'packed');
  }
});

test('what is read-only is not written to', async () => {
  const flags = ['--read-only', '-v', 'kept:/kept:ro', '-v', '/open', '-v', `${scratch}:/bound:ro`];
  writeFileSync(join(scratch, 'one'), 'one\n');
  for (const start of [['create'], ['run', '-d']]) {
    const name = `fixed-${start[0]}`;
    await daemon.ok([...start, '--name', name, ...flags, 'busybox', 'sleep', '1000']);
    const tar = tarOf(scratch, 'one');
    const refused = async (path: string) => {
      const { status, body } = await put(name, path, tar);
      return `${status} ${JSON.parse(body.toString()).message}`;
    };
    assert.match(await refused('/home'), /^403 container rootfs is marked read-only/);
    assert.match(await refused('/kept'), /^403 mounted volume is marked read-only/);
    assert.match(await refused('/bound'), /^403 mounted volume is marked read-only/);
    assert.equal((await put(name, '/open', tar)).status, 200);
    // A way around by a link from what may be written to what may not.
    const link = mkdtempSync(join(scratch, 'link-'));
    symlinkSync('/home', join(link, 'door'));
    assert.equal((await put(name, '/open', tarOf(link, 'door'))).status, 200);
    mkdirSync(join(link, 'in/door'), { recursive: true });
    writeFileSync(join(link, 'in/door/file'), 'x');
    const around = tarOf(join(link, 'in'), 'door/file');
    assert.equal((await put(name, '/open', around)).status, 403);
    assert.ok(!list(await get(name, '/home')).some((line) => line.endsWith('file')));
  }
});

test('a directory and something else do not take each other’s places unless they may', async () => {
  await daemon.ok(['exec', 'up', 'sh', '-c', 'mkdir -p /swap/dir/full; echo x >/swap/file']);
  const source = mkdtempSync(join(scratch, 'swap-'));
  mkdirSync(join(source, 'file'));
  writeFileSync(join(source, 'dir'), 'now a file\n');
  const query = '&noOverwriteDirNonDir=1';
  const one = await put('up', '/swap', tarOf(source, 'dir'), query);
  assert.match(
    `${one.status} ${one.body}`,
    /^400 .*cannot overwrite directory .*\/swap\/dir.* with non-directory/,
  );
  const other = await put('up', '/swap', tarOf(source, 'file'), query);
  assert.match(
    `${other.status} ${other.body}`,
    /^400 .*cannot overwrite non-directory .*\/swap\/file.* with directory/,
  );
  assert.equal((await put('up', '/swap', tarOf(source, 'dir', 'file'))).status, 200);
  assert.equal(
    await daemon.ok(['exec', 'up', 'sh', '-c', 'cat /swap/dir; test -d /swap/file && echo dir']),
    'now a file\ndir',
  );
});

test('owners of the container’s user', async () => {
  await daemon.ok(['run', '-d', '--name', 'user', '-u', '1234:567', 'busybox', 'sleep', '1000']);
  writeFileSync(join(scratch, 'mine'), '');
  await daemon.ok(['cp', '-a', join(scratch, 'mine'), 'user:/tmp/mine']);
  assert.equal(await daemon.ok(['exec', 'user', 'stat', '-c', '%u:%g', '/tmp/mine']), '1234:567');
});

test('wrong paths, archives and containers are refused in docker’s words', async () => {
  const tar = tarOf(scratch, 'motd');
  const answers: Array<[Promise<Answer>, RegExp]> = [
    [
      call('GET', '/containers/up/archive?path=/nope'),
      /^404 .*Could not find the file \/nope in container up/,
    ],
    [call('HEAD', '/containers/up/archive?path=/nope'), /^404 /],
    [call('GET', '/containers/up/archive'), /^400 .*'path' cannot be empty/],
    [call('GET', '/containers/nope/archive?path=/'), /^404 .*No such container: nope/],
    [call('GET', '/containers/up/archive?path=/etc/passwd/x'), /^400 .*not a directory/],
    [put('up', '/etc/passwd', tar), /^400 .*extraction point is not a directory/],
    [put('up', '/nope', tar), /^404 .*Could not find the file \/nope in container up/],
    [put('nope', '/', tar), /^404 .*No such container: nope/],
    [put('up', '/', Buffer.alloc(2000, 'x')), /^400 .*archive\/tar/],
    [put('up', '/', tar.subarray(0, 700)), /^400 .*unexpected EOF/],
  ];
  for (const [answer, pattern] of answers) {
    const { status, body } = await answer;
    assert.match(`${status} ${body}`, pattern);
  }
});

test('a container that starts, restarts or goes while it is copied', async () => {
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'moving',
    'busybox',
    'sh',
    '-c',
    'dd if=/dev/zero of=/big bs=1M count=40; sleep 1000',
  ]);
  const big = async () => (await daemon.docker(['exec', 'moving', 'stat', '-c', '%s', '/big'])).stdout.trim();
  while ((await big()) !== String(40 * 2 ** 20)) await new Promise((resolve) => setTimeout(resolve, 50));
  const copies = Array.from({ length: 3 }, () => get('moving', '/big'));
  const [restarted] = await Promise.all([daemon.ok(['restart', '-t', '0', 'moving']), ...copies]);
  assert.equal(restarted, 'moving');
  const broken = get('moving', '/big').then(
    (tar) => tar.length,
    () => 'broken off',
  );
  await daemon.ok(['rm', '-f', 'moving']);
  assert.ok([40 * 2 ** 20 + 1536, 'broken off'].includes(await broken));
});

test('nothing of it stays on the host', async () => {
  assert.equal(await viewsLeft(daemon.pid), 0);
  assert.ok(!readFileSync('/proc/self/mounts', 'utf8').includes(daemon.root));
});
