/** Tar headers as they are written: what the reader, and GNU tar, make of them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TarEntry } from './tar-entry.ts';
import { TarReader } from './tar-reader.ts';
import { endOfArchive, memberHeader, paddingOf } from './tar-writer.ts';

const plain: TarEntry = {
  name: Buffer.from('a'),
  type: 'file',
  link: Buffer.alloc(0),
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  major: 0,
  minor: 0,
  xattrs: new Map(),
};

function readBack(archive: Buffer): TarEntry[] {
  const entries: TarEntry[] = [];
  const reader = new TarReader({ entry: (entry) => entries.push(entry), data: () => {}, end: () => {} });
  reader.push(archive);
  reader.finish();
  return entries;
}

const bytes = (max: number): fc.Arbitrary<Buffer> =>
  fc
    .uint8Array({ minLength: 1, maxLength: max })
    .map((data) => Buffer.from(data.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))));

const entries: fc.Arbitrary<TarEntry> = fc
  .record({
    name: fc.oneof(bytes(99), bytes(101), bytes(4000)),
    type: fc.constantFrom('symlink', 'char', 'block', 'fifo'),
    link: fc.oneof(fc.constant(Buffer.alloc(0)), bytes(100), bytes(3000)),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.oneof(fc.constantFrom(0, 2_097_151, 2_097_152, 4_294_967_294), fc.nat(70_000)),
    gid: fc.oneof(fc.constantFrom(0, 2_097_151, 2_097_152, 4_294_967_294), fc.nat(70_000)),
    size: fc.constant(0),
    mtime: fc.record({
      seconds: fc.oneof(fc.integer({ min: -5_000_000_000, max: 5_000_000_000 }), fc.constantFrom(8 ** 11)),
      nanoseconds: fc.constant(0),
    }),
    major: fc.nat(4095),
    minor: fc.nat(2 ** 20 - 1),
    xattrs: fc
      .array(fc.tuple(fc.stringMatching(/^user\.[a-z]{1,20}$/), bytes(2000)), { maxLength: 3 })
      .map((pairs) => new Map(pairs)),
  })
  // Objects as everybody else makes them.
  .map((entry) => ({ ...entry, mtime: { ...entry.mtime } }));

test('whatever is written is read again, byte for byte', () => {
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 5 }), (list) => {
      const archive = Buffer.concat([...list.map(memberHeader), endOfArchive]);
      assert.equal(archive.length % 512, 0);
      assert.deepEqual(readBack(archive), list);
    }),
  );
});

test('sizes above eight gigabytes are kept', () => {
  const size = 8 ** 11 + 5;
  const seen: number[] = [];
  const reader = new TarReader({ entry: (entry) => seen.push(entry.size), data: () => {}, end: () => {} });
  reader.push(memberHeader({ ...plain, size }));
  assert.deepEqual(seen, [size]);
  assert.deepEqual([0, 1, 511, 512, 513].map(paddingOf), [0, 511, 1, 0, 511]);
});

test('GNU tar reads the same', () => {
  const data = Buffer.from('content');
  const long = Buffer.from(`${'d/'.repeat(80)}file`);
  const archive = Buffer.concat([
    memberHeader({
      ...plain,
      name: Buffer.from('d/'),
      type: 'directory',
      mode: 0o1777,
      mtime: { seconds: 5, nanoseconds: 0 },
    }),
    memberHeader({ ...plain, name: long, size: data.length, uid: 3_000_000, gid: 7, mode: 0o4755 }),
    data,
    Buffer.alloc(paddingOf(data.length)),
    memberHeader({ ...plain, name: Buffer.from('hard'), type: 'link', link: long }),
    memberHeader({ ...plain, name: Buffer.from('dev'), type: 'char', major: 5, minor: 300_000 }),
    endOfArchive,
  ]);
  const env = { ...process.env, TZ: 'UTC' };
  const { stdout, stderr } = spawnSync('tar', ['tvf', '-', '--numeric-owner'], { input: archive, env });
  assert.equal(stderr.toString(), '');
  assert.deepEqual(stdout.toString().trim().replace(/ +/g, ' ').split('\n'), [
    'drwxrwxrwt 0/0 0 1970-01-01 00:00 d/',
    `-rwsr-xr-x 3000000/7 7 1970-01-01 00:00 ${long}`,
    `hrw-r--r-- 0/0 0 1970-01-01 00:00 hard link to ${long}`,
    'crw-r--r-- 0/0 5,300000 1970-01-01 00:00 dev',
  ]);
});
