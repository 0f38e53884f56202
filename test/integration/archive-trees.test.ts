/** Container file systems as archives: what the kernel's own overlay shows is what must be in them. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { chainIdsOf, digestOf } from '../../src/oci/digest.ts';
import type { MountPoint } from '../../src/snapshots/archive/archive-messages.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { type TarEntry, tarOf } from '../support/tar-writer.ts';

let rooms: ImageRooms;
let scratch: string;
before(async () => {
  rooms = await openImageRooms();
  scratch = mkdtempSync(join(tmpdir(), 'gantry-archive-'));
});
after(async () => {
  await rooms.close();
  rmSync(scratch, { recursive: true });
});

let count = 0;

/** Unpacks layers, base first; returns their diff IDs. */
async function stack(...layers: Array<readonly TarEntry[] | Buffer>): Promise<string[]> {
  const diffIds: string[] = [];
  for (const layer of layers) {
    const tar = Buffer.isBuffer(layer) ? layer : tarOf(layer);
    diffIds.push(digestOf(tar));
    const chainId = chainIdsOf(diffIds).at(-1) ?? '';
    await rooms.snapshots.unpack({ chainId, diffId: diffIds.at(-1) ?? '' }, Readable.from([tar]));
  }
  return diffIds;
}

/** A container on top of layers. */
async function container(diffIds: readonly string[]): Promise<string> {
  const id = `c${count++}`;
  await rooms.snapshots.create(id, chainIdsOf(diffIds));
  return id;
}

const listing =
  "find . -mindepth 1 ! -type s -printf '%y %m %U %G %s %Ts %l %P\\n' | sed 's/^\\(d [^ ]* [^ ]* [^ ]*\\) [^ ]*/\\1 -/' | sort";

/** Runs `script` in the container's file system, mounted as the shim does, and lists all of it: directories without their sizes. */
function inOverlay(id: string, script: string, options = 'redirect_dir=off,metacopy=off'): string {
  const { lower, upper, work } = rooms.snapshots.mount(id);
  const at = mkdtempSync(join(scratch, 'm-'));
  const mount = `mount --make-rprivate / && mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3,${options}" "$4" && cd "$4"`;
  return execFileSync(
    'unshare',
    ['-m', 'sh', '-c', `${mount} && { ${script}\n} && ${listing}`, 'sh', lower.join(':'), upper, work, at],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  ).toString();
}

function extracted(tar: Buffer): string {
  const at = mkdtempSync(join(scratch, 'x-'));
  execFileSync('tar', ['xpf', '-', '--numeric-owner', '--xattrs', '--xattrs-include=*'], {
    cwd: at,
    input: tar,
  });
  return execFileSync('sh', ['-c', listing], { cwd: at }).toString();
}

async function archive(
  id: string,
  what: 'layer' | 'merged',
  mountPoints: MountPoint[] = [],
): Promise<Buffer> {
  return await buffer(rooms.snapshots.archive(id, what, mountPoints).tar);
}

/** What is seen where the container's changes are a layer of their own. */
async function viewOnNewLayer(diffIds: readonly string[], layer: Buffer): Promise<string> {
  const below = chainIdsOf(diffIds);
  const diffId = digestOf(layer);
  const chainId = chainIdsOf([...diffIds, diffId]).at(-1) ?? '';
  await rooms.snapshots.unpack({ chainId, diffId }, Readable.from([layer]));
  const id = `c${count++}`;
  await rooms.snapshots.create(id, [...below, chainId]);
  return inOverlay(id, 'true');
}

const base: TarEntry[] = [
  { name: 'etc/', type: 'directory', mtime: 1000 },
  { name: 'etc/passwd', data: 'base', mtime: 1000 },
  { name: 'etc/group', data: 'base group', mtime: 1000 },
  { name: 'lib/', type: 'directory', mtime: 1000 },
  { name: 'lib/deep/', type: 'directory', mtime: 1000 },
  { name: 'lib/deep/file', data: 'x', mtime: 1000 },
  { name: 'lib/twin', data: 'hard', mtime: 1000 },
  { name: 'lib/other', type: 'link', link: 'lib/twin' },
  { name: 'sub/', type: 'directory', mode: 0o2750, uid: 5, gid: 6, mtime: 1000 },
  { name: 'sub/suid', data: 's', mode: 0o4755, uid: 7, mtime: 1000 },
];

test('kinds, owners, modes, links, attributes and whiteouts come back from a layer and from an export', async () => {
  const diffIds = await stack(base, [{ name: 'etc/.wh.group' }, { name: 'etc/second', data: '2' }]);
  const id = await container(diffIds);
  const name = `${'n'.repeat(200)}`;
  const view = inOverlay(
    id,
    `echo more >>etc/passwd; rm -r lib/deep; mkdir lib/deep; echo new >lib/deep/new; rm sub/suid
    mkdir -p a/b/c; echo 1 >a/b/c/one; ln a/b/c/one a/two; ln -s ../../etc/shadow a/link; mkfifo a/pipe
    mknod a/null c 1 3; mknod a/disk b 259 70000; chown 100000:3000000 a/two; chmod 6751 a/two; chmod 1777 a
    mkdir -p ${name}/${name}; echo long >${name}/${name}/${name}; ln -s ${name}/${name} a/longlink
    printf x >"$(printf 'a/\\377\\376')"; rm lib/twin; touch -d @100 a/old; touch etc/second
    setfattr -n user.note -v hello a/two; setfattr -n user.dir -v d a; setcap cap_net_raw+ep a/b/c/one 2>/dev/null || true`,
  );
  const layer = await archive(id, 'layer');
  const merged = await archive(id, 'merged');
  assert.equal(extracted(merged), view);
  assert.equal(await viewOnNewLayer(diffIds, layer), view);
  const members = execFileSync('tar', ['tf', '-'], { input: layer }).toString().split('\n');
  for (const member of ['sub/.wh.suid', 'lib/deep/.wh..wh..opq', 'lib/.wh.twin'])
    assert.ok(members.includes(member), member);
  assert.ok(layer.includes('SCHILY.xattr.user.note=hello') && layer.includes('SCHILY.xattr.user.dir=d'));
  assert.ok(!layer.includes('trusted.overlay'));
});

test('any changes of any stack come back', async () => {
  const name = fc.constantFrom('a', 'b', 'a/a', 'a/b', 'b/a', 'a/a/a');
  const entry = fc.oneof(
    name.map((path): TarEntry => ({ name: path, data: path, mtime: 1000 })),
    name.map((path): TarEntry => ({ name: `${path}/`, type: 'directory', mtime: 1000 })),
    name.map((path): TarEntry => ({ name: path.replace(/([^/]+)$/, '.wh.$1') })),
    name.map((path): TarEntry => ({ name: `${path}/.wh..wh..opq` })),
  );
  const layer = fc.uniqueArray(entry, { maxLength: 5, selector: ({ name: path }) => String(path) });
  const command = fc.oneof(
    name.map((path) => `rm -rf ${path}`),
    name.map((path) => `mkdir -p ${path}`),
    name.map((path) => `echo ${path} >${path}`),
    name.map((path) => `chmod 711 ${path}`),
    fc.tuple(name, name).map(([one, two]) => `mv ${one} ${two}`),
    fc.tuple(name, name).map(([one, two]) => `ln ${one} ${two}`),
  );
  const scripts = fc.array(command, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 3 }), scripts, async (layers, commands) => {
      let diffIds: string[];
      try {
        diffIds = await stack(...layers.map((entries) => [...entries, { name: `.stack-${count++}` }]));
      } catch {
        // A file below a file: not every list of members is a layer.
        return;
      }
      const id = await container(diffIds);
      const view = inOverlay(id, commands.map((line) => `${line} || true`).join('\n'));
      assert.equal(extracted(await archive(id, 'merged')), view);
      assert.equal(await viewOnNewLayer(diffIds, await archive(id, 'layer')), view);
    }),
    { numRuns: 15 },
  );
});

test('changes are listed as Docker lists them', async () => {
  const id = await container(await stack(base));
  inOverlay(
    id,
    'echo >>etc/passwd; rm etc/group; mkdir -p new/dir; touch new/dir/file; chmod 700 sub; rm -r lib/deep; touch lib/deep',
  );
  const changes = await rooms.snapshots.changes(id, []);
  assert.deepEqual(
    changes.map(({ kind, path }) => `${kind} ${path}`),
    [
      'modified etc',
      'deleted etc/group',
      'modified etc/passwd',
      'modified lib',
      'modified lib/deep',
      'added new',
      'added new/dir',
      'added new/dir/file',
      'modified sub',
    ],
  );
});

test('mount points are no changes, and part of an export', async () => {
  const id = await container(await stack(base));
  const mountPoints: MountPoint[] = [
    { path: 'proc', kind: 'directory' },
    { path: 'dev', kind: 'directory' },
    { path: 'dev/pts', kind: 'directory' },
    { path: 'etc/hosts', kind: 'file' },
    { path: 'etc/resolv.conf', kind: 'file' },
  ];
  const none = await archive(id, 'layer', mountPoints);
  assert.ok(none.equals(Buffer.alloc(1024)));
  inOverlay(id, 'mkdir -m 700 proc dev; touch etc/hosts; chmod 600 etc/hosts');
  assert.deepEqual(await rooms.snapshots.changes(id, mountPoints), []);
  assert.ok((await archive(id, 'layer', mountPoints)).equals(Buffer.alloc(1024)));
  const names = execFileSync('tar', ['tvf', '-'], {
    input: await archive(id, 'merged', mountPoints),
  }).toString();
  for (const line of [
    /^drwxr-xr-x .* dev\/pts\/$/m,
    /^drwxr-xr-x .* proc\/$/m,
    /^-rwxr-xr-x .* etc\/hosts$/m,
    /etc\/resolv\.conf$/m,
  ])
    assert.match(names, line);
  // What a container put there itself is its own.
  inOverlay(id, 'echo 1 >etc/hosts; mkdir proc/own');
  assert.deepEqual(
    (await rooms.snapshots.changes(id, mountPoints)).map(({ path }) => path),
    ['etc', 'etc/hosts', 'proc', 'proc/own'],
  );
});

test('an archive is valid whatever happens to the files meanwhile, and nothing outside is read', async () => {
  const id = await container(await stack(base));
  const { upper } = rooms.snapshots.mount(id);
  const secret = join(scratch, 'secret');
  mkdirSync(secret);
  for (let file = 0; file < 20; file += 1) writeFileSync(join(secret, `f${file}`), 'SECRET'.repeat(1000));
  const churn = spawn(
    'sh',
    [
      '-c',
      `cd "$1" && while :; do rm -rf d; mkdir d; for i in 0 1 2 3 4 5 6 7 8 9; do head -c $((i*3000)) /dev/zero >d/f$i; done
       mv d e; ln -s "$2" d; : >e/f1; head -c 200000 /dev/zero >>e/f2; rm d; ln -s "$2/f3" d; rm -rf e d; mkdir e; mkfifo e/f1; mknod e/f2 c 10 130; ln -s "$2/f4" e/f3; rm -rf e; done`,
      'sh',
      upper,
      secret,
    ],
    { stdio: 'ignore' },
  );
  try {
    for (let round = 0; round < 6; round += 1) {
      for (const what of ['layer', 'merged'] as const) {
        const tar = await archive(id, what);
        execFileSync('tar', ['tf', '-'], { input: tar, stdio: ['pipe', 'ignore', 'ignore'] });
        assert.ok(!tar.includes('SECRETSECRET'));
      }
      await rooms.snapshots.changes(id, []);
    }
  } finally {
    const gone = new Promise((resolve) => churn.once('exit', resolve));
    churn.kill('SIGKILL');
    await gone;
  }
});

test('a slow reader is waited for, one that leaves ends it, and a container that goes is an error', async () => {
  const id = await container(await stack(base));
  inOverlay(id, 'for i in 1 2 3 4 5 6 7 8 9; do head -c 8000000 /dev/zero >big$i; done');
  const { tar } = rooms.snapshots.archive(id, 'layer', []);
  await sleep(300);
  assert.ok(tar.readableLength <= 4 * 1024 * 1024, `${tar.readableLength} bytes wait`);
  let size = 0;
  for await (const chunk of tar) size += chunk.length;
  assert.ok(size > 72_000_000);
  const left = rooms.snapshots.archive(id, 'layer', []);
  left.tar.read();
  left.tar.destroy();
  await assert.rejects(left.members, (error) => isEngineError(error, 'cancelled'));
  const { upper } = rooms.snapshots.mount(id);
  const going = rooms.snapshots.archive(id, 'layer', []);
  await sleep(50);
  renameSync(upper, `${upper}-gone`);
  await assert.rejects(buffer(going.tar), (error) => isEngineError(error, 'not-found'));
  assert.throws(
    () => rooms.snapshots.archive('nobody', 'layer', []),
    (error) => isEngineError(error, 'not-found'),
  );
});

test('what a mount with redirection left is refused, and not taken for what it is not', async () => {
  const diffIds = await stack(base);
  const id = await container(diffIds);
  inOverlay(id, 'mv lib renamed', 'redirect_dir=on');
  for (const what of ['layer', 'merged'] as const)
    await assert.rejects(archive(id, what), (error) => isEngineError(error, 'failed-precondition'));
  const meta = await container(diffIds);
  inOverlay(meta, 'chmod 600 lib/twin', 'metacopy=on');
  await assert.rejects(archive(meta, 'layer'), (error) => isEngineError(error, 'failed-precondition'));
});

const deepTree = "import os\nfor i in range(300):\n  os.mkdir('d'*20); os.chdir('d'*20)";

/** What is in the layers' directory beside what belongs there. */
function left(): string[] {
  const known = new Set(['layers', 'containers', 'temporary']);
  return readdirSync(join(rooms.directory, 'overlay')).filter((name) => !known.has(name));
}

test('deeply nested and very many files', async () => {
  const id = await container(await stack(base));
  const { upper } = rooms.snapshots.mount(id);
  execFileSync(
    'python3',
    [
      '-c',
      "import os\nfor i in range(100):\n  os.makedirs(f'many/{i}')\n  for j in range(100): open(f'many/{i}/{j}','w').close()\nfor i in range(300):\n  os.mkdir('d'*20); os.chdir('d'*20)\nopen('bottom','w').write('here')",
    ],
    { cwd: upper },
  );
  const tar = await archive(id, 'layer');
  const names = execFileSync('tar', ['tf', '-'], { input: tar, maxBuffer: 100_000_000 })
    .toString()
    .split('\n');
  assert.equal(names.filter((name) => /^many\/\d+\/\d+$/.test(name)).length, 10_000);
  assert.ok(names.includes(`${'dddddddddddddddddddd/'.repeat(300)}bottom`));
  execFileSync(
    'python3',
    [
      '-c',
      "import os\nos.chdir('d'*20)\nfor i in range(299): os.chdir('d'*20)\nfor i in range(300):\n  os.mkdir('e'); os.chdir('e')",
    ],
    { cwd: upper },
  );
  await assert.rejects(archive(id, 'layer'), (error) => isEngineError(error, 'resource-exhausted'));
  // Deeper than a path can be: it goes all the same, also what a crash left.
  await rooms.snapshots.remove(id);
  assert.deepEqual(rooms.leftovers(), []);
  execFileSync('python3', ['-c', deepTree], { cwd: join(rooms.directory, 'overlay/temporary') });
  await rooms.reopen();
  assert.ok(!rooms.leftovers().includes('d'.repeat(20)));
  for (let waited = 0; waited < 20_000 && left().length > 0; waited += 20) await sleep(20);
  assert.deepEqual(left(), []);
});
