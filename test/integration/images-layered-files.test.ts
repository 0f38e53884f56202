/** Files read out of a stack of layers: what the kernel's own overlay shows is what they must be. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../../src/oci/digest.ts';
import { copyLayeredTree, existsLayered, readLayeredFile } from '../../src/snapshots/layered-files.ts';
import { findLayered } from '../../src/snapshots/layered-lookup.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { type TarEntry, tarOf } from '../support/tar-writer.ts';

let rooms: ImageRooms;
let scratch: string;
before(async () => {
  rooms = await openImageRooms();
  scratch = mkdtempSync(join(tmpdir(), 'gantry-layered-'));
});
after(async () => {
  await rooms.close();
  rmSync(scratch, { recursive: true });
});

let stackCount = 0;

/** Unpacks layers, base first; returns their trees, top first. */
async function stack(...layers: TarEntry[][]): Promise<string[]> {
  const chainIds: string[] = [];
  for (const entries of layers) {
    const tar = tarOf([...entries, { name: `.stack-${stackCount++}` }]);
    const diffId = digestOf(tar);
    await rooms.snapshots.unpack({ chainId: diffId, diffId }, Readable.from([tar]));
    chainIds.push(diffId);
  }
  return rooms.snapshots.trees(chainIds);
}

/** What the kernel shows below `path` of these trees: type, mode, owner, size, time in seconds, link target and path of each file. */
function kernelView(trees: readonly string[], path = ''): string {
  const at = mkdtempSync(join(scratch, 'm-'));
  const script = `mount --make-rprivate / && mount -t overlay overlay -o "ro,lowerdir=$1" "$2" && cd "$2/$3" && find . -printf '%y %m %U %G %Ts %l %P\\n' | sort`;
  return execFileSync('unshare', ['-m', 'sh', '-c', script, 'sh', trees.join(':'), at, path], {
    stdio: ['ignore', 'pipe', 'ignore'],
  }).toString();
}

function listTree(path: string): string {
  return execFileSync('sh', [
    '-c',
    `cd "$1" && find . -printf '%y %m %U %G %Ts %l %P\\n' | sort`,
    'sh',
    path,
  ]).toString();
}

test('whiteouts, opaque directories and links show what the kernel shows', async () => {
  const trees = await stack(
    [
      { name: 'etc/', type: 'directory' },
      { name: 'etc/passwd', data: 'base' },
      { name: 'etc/group', data: 'base group' },
      { name: 'opaque/', type: 'directory' },
      { name: 'opaque/old', data: 'x' },
      { name: 'usr/lib/', type: 'directory' },
      { name: 'usr/lib/file', data: 'through links' },
      { name: 'lib', type: 'symlink', link: 'usr/lib' },
      { name: 'was-dir/', type: 'directory' },
      { name: 'was-dir/x', data: 'x' },
    ],
    [
      { name: 'etc/.wh.group' },
      { name: 'opaque/.wh..wh..opq' },
      { name: 'opaque/new', data: 'x' },
      { name: 'was-dir', data: 'a file now' },
      { name: 'abs', type: 'symlink', link: '/lib/../lib/./file' },
      { name: 'out', type: 'symlink', link: '../../../../../../../../etc/passwd' },
      { name: 'loop', type: 'symlink', link: 'loop' },
    ],
    [
      { name: 'etc/passwd', data: 'top' },
      { name: 'opaque/newest', data: 'x' },
    ],
  );
  const read = (path: string): string | undefined => readLayeredFile(trees, path)?.toString();
  assert.equal(read('/etc/passwd'), 'top');
  assert.equal(read('etc/passwd'), 'top');
  assert.equal(read('/etc/group'), undefined);
  assert.equal(read('/opaque/old'), undefined);
  assert.ok(existsLayered(trees, '/opaque/new') && existsLayered(trees, '/opaque/newest'));
  assert.equal(read('/was-dir'), 'a file now');
  assert.equal(read('/was-dir/x'), undefined);
  assert.equal(read('/abs'), 'through links');
  // The host's own /etc/passwd is another one.
  assert.equal(read('/out'), 'top');
  assert.equal(read('/../../etc/passwd'), 'top');
  assert.equal(read('/loop'), undefined);
  assert.equal(read('/etc'), undefined);
  assert.equal(findLayered(trees, '/abs', false)?.stats.isSymbolicLink(), true);
  assert.equal(findLayered(trees, '/lib/file')?.path, '/usr/lib/file');
});

test('a container’s upper directory comes first, its whiteouts too', async () => {
  const trees = await stack([
    { name: 'etc/passwd', data: 'image' },
    { name: 'etc/group', data: 'image' },
  ]);
  const upper = mkdtempSync(join(scratch, 'upper-'));
  execFileSync('sh', ['-c', 'mkdir etc && echo -n mine >etc/passwd && mknod etc/group c 0 0'], {
    cwd: upper,
  });
  assert.equal(readLayeredFile([upper, ...trees], '/etc/passwd')?.toString(), 'mine');
  assert.equal(readLayeredFile([upper, ...trees], '/etc/group'), undefined);
});

test('a copied tree has owners, modes, times, hard links, devices, and no whiteouts', async () => {
  const trees = await stack(
    [
      { name: 'data/', type: 'directory', mode: 0o2750, uid: 5, gid: 6, mtime: 1000 },
      { name: 'data/a', data: 'a', mode: 0o4711, uid: 7, mtime: 2000 },
      { name: 'data/b', type: 'link', link: 'data/a' },
      { name: 'data/gone', data: 'x' },
      { name: 'data/sub/', type: 'directory', mode: 0o700, mtime: 3000 },
      { name: 'data/sub/link', type: 'symlink', link: '/etc/shadow', uid: 8 },
      { name: 'data/null', type: 'charDevice', major: 1, minor: 3, mode: 0o666 },
      { name: 'data/pipe', type: 'fifo', mode: 0o600, uid: 9 },
    ],
    [
      { name: 'data/', type: 'directory', mode: 0o2755, uid: 5, gid: 7, mtime: 4000 },
      { name: 'data/.wh.gone' },
      { name: 'data/c', data: 'c' },
    ],
  );
  const target = mkdtempSync(join(scratch, 'volume-'));
  assert.equal(await copyLayeredTree(trees, '/data', target, rooms.launcher), true);
  assert.equal(listTree(target), kernelView(trees, 'data'));
  assert.equal(lstatSync(join(target, 'a')).ino, lstatSync(join(target, 'b')).ino);
  assert.equal(lstatSync(join(target, 'null')).rdev, 0x103);
  assert.equal(readFileSync(join(target, 'c'), 'utf8'), 'c');
  assert.equal(await copyLayeredTree(trees, '/nowhere', target), false);
  assert.equal(await copyLayeredTree(trees, '/data/a', target), false);
});

test('any stack of layers is seen as the kernel sees it', async () => {
  const name = fc.constantFrom('a', 'b', 'a/a', 'a/b', 'b/a', 'a/a/a');
  const entry = fc.oneof(
    name.map((path): TarEntry => ({ name: path, data: path })),
    name.map((path): TarEntry => ({ name: `${path}/`, type: 'directory' })),
    fc.tuple(name, name).map(([path, link]): TarEntry => ({ name: path, type: 'symlink', link: `/${link}` })),
    name.map((path): TarEntry => ({ name: path.replace(/([^/]+)$/, '.wh.$1') })),
    name.map((path): TarEntry => ({ name: `${path}/.wh..wh..opq` })),
  );
  const layer = fc.uniqueArray(entry, { maxLength: 5, selector: ({ name: path }) => String(path) });
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 2, maxLength: 3 }), async (layers) => {
      let trees: string[];
      try {
        trees = await stack(...layers);
      } catch {
        // A file below a file: not every list of members is a layer.
        return;
      }
      const target = mkdtempSync(join(scratch, 'copy-'));
      await copyLayeredTree(trees, '/', target);
      assert.equal(listTree(target), kernelView(trees));
    }),
    { numRuns: 25 },
  );
});
