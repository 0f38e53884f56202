/** Layers: what an archive says is what the files are, and no archive reaches outside of its layer. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { OverlaySnapshotter } from '../../src/snapshots/overlay-snapshotter.ts';
import { busyboxArchive } from '../support/image-fixtures.ts';
import { type ImageRooms, openImageRooms } from '../support/image-fixtures-rooms.ts';
import { type TarEntry, tarOf } from '../support/tar-writer.ts';

let rooms: ImageRooms, outside: string;
before(async () => {
  rooms = await openImageRooms();
  outside = mkdtempSync(join(tmpdir(), 'gantry-outside-'));
  writeFileSync(join(outside, 'victim'), 'untouched');
});
after(async () => {
  await rooms.close();
  rmSync(outside, { recursive: true });
});

/** Unpacks an archive; returns the layer's directory. */
async function unpack(entries: readonly TarEntry[] | Buffer): Promise<string> {
  const tar = Buffer.isBuffer(entries) ? entries : tarOf(entries);
  const digest = digestOf(tar);
  await rooms.snapshots.unpack({ chainId: digest, diffId: digest }, Readable.from([tar]));
  return rooms.snapshots.trees([digest])[0] ?? '';
}

function xattr(path: string, name: string): string | undefined {
  const program =
    'import os,sys\ntry: print(os.getxattr(sys.argv[1], sys.argv[2], follow_symlinks=False).hex())\nexcept OSError: pass';
  const text = execFileSync('python3', ['-c', program, path, name]).toString().trim();
  return text === '' ? undefined : Buffer.from(text, 'hex').toString('latin1');
}

test('kinds, owners, modes, times, links and attributes are those of the archive', async () => {
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  const tree = await unpack([
    { name: './', type: 'directory', mode: 0o711, mtime: 5 },
    { name: 'bin/', type: 'directory', mode: 0o1775, uid: 7, gid: 8, mtime: 1000 },
    { name: 'bin/su', data: 'setuid', mode: 0o4755, uid: 0, gid: 5, pax: { mtime: '1600000000.123456789' } },
    {
      name: 'bin/ping',
      data: 'p',
      mode: 0o755,
      uid: 3,
      pax: { 'SCHILY.xattr.security.capability': capability, 'SCHILY.xattr.user.note': 'n' },
    },
    { name: 'bin/hard', type: 'link', link: 'bin/su' },
    { name: 'bin/soft', type: 'symlink', link: '../../../etc/shadow', uid: 9, mtime: 77 },
    { name: 'dev/tty', type: 'charDevice', major: 5, minor: 0, mode: 0o620, uid: 1, gid: 5 },
    { name: 'dev/tty2', type: 'link', link: 'dev/tty' },
    { name: 'dev/disk', type: 'blockDevice', major: 259, minor: 70000, mode: 0o660 },
    { name: 'run/pipe', type: 'fifo', mode: 0o600, uid: 2 },
    { name: 'nothing', data: '' },
  ]);
  assert.equal(statSync(tree).mode & 0o7777, 0o711);
  assert.equal(statSync(tree).mtimeMs, 5000);
  const directory = statSync(join(tree, 'bin'));
  assert.deepEqual(
    [directory.mode & 0o7777, directory.uid, directory.gid, directory.mtimeMs],
    [0o1775, 7, 8, 1_000_000],
  );
  const su = statSync(join(tree, 'bin/su'), { bigint: true });
  assert.deepEqual(
    [su.mode & 0o7777n, su.gid, su.mtimeNs, su.nlink],
    [0o4755n, 5n, 1_600_000_000_123_456_789n, 2n],
  );
  assert.equal(statSync(join(tree, 'bin/hard'), { bigint: true }).ino, su.ino);
  assert.equal(readlinkSync(join(tree, 'bin/soft')), '../../../etc/shadow');
  assert.deepEqual(
    [lstatSync(join(tree, 'bin/soft')).uid, lstatSync(join(tree, 'bin/soft')).mtimeMs],
    [9, 77_000],
  );
  assert.equal(xattr(join(tree, 'bin/ping'), 'security.capability'), capability.toString('latin1'));
  assert.equal(xattr(join(tree, 'bin/ping'), 'user.note'), 'n');
  const tty = lstatSync(join(tree, 'dev/tty'));
  assert.ok(tty.isCharacterDevice());
  assert.deepEqual([tty.mode & 0o7777, tty.uid, tty.gid, tty.rdev, tty.nlink], [0o620, 1, 5, 0x500, 2]);
  const disk = execFileSync('stat', ['-c', '%t:%T %F', join(tree, 'dev/disk')])
    .toString()
    .trim();
  assert.equal(disk, `103:${(70000).toString(16)} block special file`);
  assert.ok(lstatSync(join(tree, 'run/pipe')).isFIFO());
  // Directories that the archive only implies.
  assert.equal(statSync(join(tree, 'run')).mode & 0o7777, 0o755);
  assert.equal(statSync(join(tree, 'nothing')).size, 0);
});

test('owners and modes hold whatever the directory hands down', async () => {
  const tree = await unpack([
    { name: 'shared/', type: 'directory', mode: 0o2775, gid: 50 },
    { name: 'shared/file', data: 'x', mode: 0o666 },
    { name: 'shared/below/', type: 'directory', mode: 0o755 },
    { name: 'plain', data: 'x', mode: 0o640 },
    { name: 'setuid', data: 'x', mode: 0o4755 },
  ]);
  const found = ['shared', 'shared/file', 'shared/below', 'plain', 'setuid'].map((name) => {
    const { mode, uid, gid } = lstatSync(join(tree, name));
    return `${(mode & 0o7777).toString(8)} ${uid}:${gid}`;
  });
  assert.deepEqual(found, ['2775 0:50', '666 0:0', '755 0:0', '640 0:0', '4755 0:0']);
});

test('names need not be UTF-8', async () => {
  const tree = await unpack([
    { name: Buffer.from([0x64, 0xff, 0x2f]), type: 'directory' },
    { name: Buffer.from([0x64, 0xff, 0x2f, 0xfe]), data: 'x' },
  ]);
  const list = (path: Buffer): string[] =>
    readdirSync(path, { encoding: 'buffer' }).map((name) => name.toString('latin1'));
  assert.deepEqual(list(Buffer.from(tree)), ['d\xff']);
  assert.deepEqual(list(Buffer.concat([Buffer.from(`${tree}/d`), Buffer.from([0xff])])), ['\xfe']);
});

test('the last member of a name wins, and never writes through what it replaces', async () => {
  const tree = await unpack([
    { name: 'a', data: 'first' },
    { name: 'a', data: '2nd' },
    { name: 'link', type: 'symlink', link: join(outside, 'victim') },
    { name: 'link', data: 'a file now' },
    { name: 'd/', type: 'directory', mode: 0o700 },
    { name: 'd/child', data: 'x' },
    { name: 'd', type: 'symlink', link: 'a' },
    { name: 'e', data: 'x' },
    { name: 'e/', type: 'directory', mode: 0o750 },
    { name: 'f', type: 'charDevice', major: 1, minor: 3 },
    { name: 'f', data: 'no device' },
    { name: 'g/', type: 'directory', mode: 0o700 },
    { name: 'g/kept', data: 'x' },
    { name: 'g/', type: 'directory', mode: 0o755 },
  ]);
  assert.equal(readFileSync(join(tree, 'a'), 'utf8'), '2nd');
  assert.equal(readFileSync(join(tree, 'link'), 'utf8'), 'a file now');
  assert.equal(readlinkSync(join(tree, 'd')), 'a');
  assert.equal(statSync(join(tree, 'e')).mode & 0o7777, 0o750);
  assert.equal(readFileSync(join(tree, 'f'), 'utf8'), 'no device');
  assert.equal(statSync(join(tree, 'g')).mode & 0o7777, 0o755);
  assert.ok(existsSync(join(tree, 'g/kept')));
  assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'untouched');
});

test('links that lead outside are kept as they are and never followed', async () => {
  const tree = await unpack([
    { name: 'out', type: 'symlink', link: outside },
    { name: 'out/new', data: 'inside' },
    { name: 'up', type: 'symlink', link: '../../../../../../../../../..' },
    { name: `up${outside}/victim`, data: 'inside' },
    { name: 'hard', type: 'link', link: `up${outside}/victim` },
  ]);
  assert.equal(readlinkSync(join(tree, 'out')), outside);
  assert.deepEqual(readdirSync(outside), ['victim']);
  assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'untouched');
  assert.equal(readFileSync(join(tree, outside, 'new'), 'utf8'), 'inside');
  assert.equal(readFileSync(join(tree, 'hard'), 'utf8'), 'inside');
});

test('a link to a device is not made through what took the device’s place', async () => {
  writeFileSync(join(outside, 'dev'), 'untouched');
  const tree = await unpack([
    { name: 'd/', type: 'directory' },
    { name: 'd/dev', type: 'charDevice', major: 1, minor: 3 },
    { name: 'stolen', type: 'link', link: 'd/dev' },
    { name: 'd2/', type: 'directory' },
    { name: 'd2/planted', type: 'link', link: 'd/dev' },
    { name: 'd2', type: 'symlink', link: outside },
    { name: 'd', type: 'symlink', link: outside },
  ]);
  assert.ok(!existsSync(join(tree, 'stolen')));
  assert.ok(!existsSync(join(outside, 'planted')));
  assert.equal(statSync(join(outside, 'dev')).nlink, 1);
  rmSync(join(outside, 'dev'));
});

test('archives that try to get out are refused, and leave nothing', async () => {
  const hostile: TarEntry[][] = [
    [{ name: '../escape', data: 'x' }],
    [{ name: 'a/../../escape', data: 'x' }],
    [{ name: 'x', type: 'link', link: '../../../../etc/passwd' }],
    [{ name: 'x', type: 'link', link: '/etc/passwd' }],
    [
      { name: 'loop', type: 'symlink', link: 'loop' },
      { name: 'loop/x', data: 'x' },
    ],
    [
      { name: 'file', data: 'x' },
      { name: 'file/below', data: 'x' },
    ],
    [{ name: 'x'.repeat(300), data: 'x' }],
    [{ name: `${'a/'.repeat(100_000)}b`, data: 'x' }],
    [{ name: '.wh.../x', data: 'x' }, { name: '../.wh.passwd' }],
    [{ name: './', type: 'symlink', link: outside }],
  ];
  for (const entries of hostile) {
    await assert.rejects(
      unpack(entries),
      (error) => isEngineError(error, 'invalid-argument'),
      JSON.stringify(entries).slice(0, 80),
    );
    assert.deepEqual(rooms.leftovers(), []);
  }
  assert.deepEqual(readdirSync(outside), ['victim']);
});

test('an image cannot steer the overlay by attributes', async () => {
  const tree = await unpack([
    {
      name: 'd/',
      type: 'directory',
      pax: { 'SCHILY.xattr.trusted.overlay.opaque': 'y', 'SCHILY.xattr.trusted.overlay.redirect': '/etc' },
    },
  ]);
  assert.equal(xattr(join(tree, 'd'), 'trusted.overlay.opaque'), undefined);
  assert.equal(xattr(join(tree, 'd'), 'trusted.overlay.redirect'), undefined);
});

test('whiteouts become the overlay’s own', async () => {
  const tree = await unpack([
    { name: 'etc/.wh.gone' },
    { name: 'opaque/.wh..wh..opq' },
    { name: 'opaque/new', data: 'x' },
    { name: '.wh.both' },
    { name: 'both/', type: 'directory' },
    { name: 'again', data: 'x' },
    { name: '.wh.again' },
    { name: '.wh..wh.plnk/', type: 'directory' },
    { name: '.wh..' },
  ]);
  const gone = lstatSync(join(tree, 'etc/gone'));
  assert.ok(gone.isCharacterDevice() && gone.rdev === 0);
  assert.equal(xattr(join(tree, 'opaque'), 'trusted.overlay.opaque'), 'y');
  assert.equal(xattr(join(tree, 'both'), 'trusted.overlay.opaque'), 'y');
  assert.equal(readFileSync(join(tree, 'again'), 'utf8'), 'x');
  assert.deepEqual(readdirSync(tree).toSorted(), ['again', 'both', 'etc', 'opaque']);
});

test('gzip and zstd, of one member and of several, are read from files', async () => {
  const tar = tarOf([
    { name: 'big', data: Buffer.alloc(3_000_000, 'abc') },
    { name: 'small', data: 'x' },
  ]);
  const half = tar.length >> 1;
  const parts = [tar.subarray(0, half), tar.subarray(half)];
  const forms = {
    plain: tar,
    gzip: gzipSync(tar),
    gzips: Buffer.concat(parts.map((part) => gzipSync(part))),
    zstd: zstdCompressSync(tar),
    zstds: Buffer.concat(parts.map((part) => zstdCompressSync(part))),
    skippable: Buffer.concat([Buffer.from('502a4d1804000000aabbccdd', 'hex'), zstdCompressSync(tar)]),
  };
  const digest = digestOf(tar);
  for (const [name, data] of Object.entries(forms)) {
    const path = join(rooms.directory, name);
    writeFileSync(path, data);
    let read = 0;
    const onRead = (bytes: number): void => {
      read = bytes;
    };
    assert.equal(
      await rooms.snapshots.unpack({ chainId: digest, diffId: digest }, { path, onRead }),
      3_000_001,
      name,
    );
    assert.equal(read, data.length, name);
    await rooms.snapshots.removeLayer(digest);
    writeFileSync(path, data.subarray(0, data.length - 600));
    await assert.rejects(
      rooms.snapshots.unpack({ chainId: digest, diffId: digest }, { path }),
      isEngineError,
      name,
    );
    rmSync(path);
  }
  assert.deepEqual(rooms.leftovers(), []);
});

test('a layer that is not the one it should be is refused, and so is what is no archive', async () => {
  const tar = tarOf([{ name: 'a', data: 'x' }]);
  const other = digestOf('other');
  await assert.rejects(
    rooms.snapshots.unpack({ chainId: other, diffId: other }, Readable.from([tar])),
    (error) => isEngineError(error, 'data-loss'),
  );
  await assert.rejects(unpack(Buffer.alloc(5000, 'x')), (error) => isEngineError(error, 'invalid-argument'));
  await assert.rejects(unpack(tar.subarray(0, 512)), (error) => isEngineError(error, 'invalid-argument'));
  assert.ok(!rooms.snapshots.hasLayer(other));
  assert.deepEqual(rooms.leftovers(), []);
});

test('the same layer at once is unpacked once; whoever gives up takes nobody with him', async () => {
  const tar = tarOf([{ name: 'a', data: Buffer.alloc(2_000_000) }]);
  const digest = digestOf(tar);
  const layer = { chainId: digest, diffId: digest };
  const controller = new AbortController();
  // A stream that does not end until somebody gives it up.
  const endless = new Readable({ read() {} });
  endless.push(tar.subarray(0, 1_000_000));
  const givenUp = rooms.snapshots.unpack(layer, endless, controller.signal);
  const others = [1, 2, 3].map(() => rooms.snapshots.unpack(layer, Readable.from([tar])));
  setTimeout(() => controller.abort(), 50);
  await assert.rejects(givenUp, (error) => isEngineError(error, 'cancelled'));
  assert.deepEqual(await Promise.all(others), [2_000_000, 2_000_000, 2_000_000]);
  assert.deepEqual(rooms.leftovers(), []);
});

test('a full disk is said clearly, and nothing half made stays', async () => {
  const mount = mkdtempSync(join(tmpdir(), 'gantry-small-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', mount]);
  let small: ImageRooms | undefined;
  try {
    small = await openImageRooms({ directory: mount });
    const tar = tarOf([{ name: 'big', data: Buffer.alloc(12_000_000, 'x') }]);
    const digest = digestOf(tar);
    await assert.rejects(
      small.snapshots.unpack({ chainId: digest, diffId: digest }, Readable.from([tar])),
      (error) => isEngineError(error, 'resource-exhausted') && /no space left on device/.test(error.message),
    );
    assert.deepEqual(small.leftovers(), []);
    await assert.rejects(small.images.import(Readable.from([tar]), { changes: [] }), (error) =>
      isEngineError(error, 'resource-exhausted'),
    );
    assert.deepEqual(small.leftovers(), []);
    assert.deepEqual(small.images.list(), []);
  } finally {
    await small?.close();
    execFileSync('umount', ['-l', mount]);
    rmSync(mount, { recursive: true });
  }
});

test('layers that a power cut took are unpacked again from their archives', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-power-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const first = await openImageRooms({ directory });
  const [loaded] = await first.images.load(Readable.from([busyboxArchive()]), () => undefined);
  const chainId = loaded?.chainIds[0] ?? '';
  const layer = join(directory, 'overlay/layers', chainId.slice('sha256:'.length));
  await first.close();
  assert.ok(!existsSync(join(layer, 'unsettled')), 'settled at the latest when the daemon ends');
  // As if the host had gone down before that: written during another boot, and half there.
  writeFileSync(join(layer, 'unsettled'), 'another boot');
  rmSync(join(layer, 'diff/bin'), { recursive: true });
  const second = await openImageRooms({ directory });
  assert.equal(second.snapshots.hasLayer(chainId), false);
  assert.deepEqual(await second.images.repair(), [chainId]);
  assert.ok(existsSync(join(layer, 'diff/bin/busybox')));
  assert.deepEqual(second.leftovers(), []);
  await second.close();
});

test('layers and containers are there after a restart, half-made things are not', async () => {
  const root = mkdtempSync(join(tmpdir(), 'gantry-layers-'));
  const open = (): OverlaySnapshotter => new OverlaySnapshotter({ root, launcher: rooms.launcher });
  const tar = tarOf([{ name: 'kept', data: 'x' }]);
  const digest = digestOf(tar);
  const first = open();
  await first.unpack({ chainId: digest, diffId: digest }, Readable.from([tar]));
  await first.create('c1', [digest]);
  await first.close();
  mkdirSync(join(root, 'temporary/half/diff'), { recursive: true });
  const second = open();
  assert.ok(second.hasLayer(digest));
  assert.equal(second.layerSize(digest), 1);
  assert.deepEqual(second.containers(), ['c1']);
  assert.deepEqual(readdirSync(join(root, 'temporary')), []);
  const { lower, upper, work } = second.mount('c1');
  assert.deepEqual(lower, second.trees([digest]));
  assert.ok(existsSync(upper) && existsSync(work));
  assert.deepEqual([...second.layersInUse()], [digest]);
  await assert.rejects(second.create('c1', [digest]), (error) => isEngineError(error, 'conflict'));
  await assert.rejects(second.create('../c2', [digest]), (error) => isEngineError(error, 'invalid-argument'));
  await assert.rejects(second.create('c2', [digestOf('nothing')]), (error) =>
    isEngineError(error, 'not-found'),
  );
  await second.remove('c1');
  await second.remove('c1');
  assert.deepEqual(second.containers(), []);
  assert.deepEqual(readdirSync(join(root, 'containers')), []);
  await second.close();
  rmSync(root, { recursive: true });
});
