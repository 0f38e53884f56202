/** The tar reader: against archives by GNU tar, against hand-made ones, and against anything at all. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { paxRecord, tarEntry, tarHeader, tarOf } from '../../../test/support/tar-writer.ts';
import { isEngineError } from '../../errors/engine-error.ts';
import type { TarEntry } from './tar-entry.ts';
import { TarReader } from './tar-reader.ts';

interface ReadMember extends TarEntry {
  content: Buffer;
  /** Bytes that were handed out as data. */
  stored: number;
}

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-tar-'));
});
after(() => rmSync(directory, { recursive: true }));

/** Reads an archive in chunks of the given length; files above 64 MiB keep no content. */
function read(archive: Buffer, chunkLength = archive.length): ReadMember[] {
  const members: ReadMember[] = [];
  const reader = new TarReader({
    entry: (entry) =>
      members.push({ ...entry, content: Buffer.alloc(Math.min(entry.size, 64 << 20)), stored: 0 }),
    data: (chunk, offset) => {
      const member = members.at(-1);
      if (member === undefined) throw new Error('data before an entry');
      chunk.copy(member.content, offset);
      member.stored += chunk.length;
    },
    end: () => undefined,
  });
  for (let at = 0; at < archive.length; at += chunkLength) {
    // A copy that is spoilt afterwards: nothing may lean on the chunk once it was pushed.
    const chunk = Buffer.from(archive.subarray(at, at + chunkLength));
    reader.push(chunk);
    chunk.fill(0xff);
  }
  reader.finish();
  return members;
}

function gnuTar(...args: string[]): Buffer {
  return execFileSync('tar', ['-C', directory, ...args], { maxBuffer: 256 << 20 });
}

test('names of any length and bytes, by GNU tar and as PAX', () => {
  const long = `${'d'.repeat(90)}/${'e'.repeat(90)}`;
  mkdirSync(join(directory, 'names', long), { recursive: true });
  writeFileSync(join(directory, 'names', long, 'file'), 'deep');
  writeFileSync(
    Buffer.concat([Buffer.from(`${directory}/names/`), Buffer.from([0xff, 0xfe, 0x41])]),
    'latin',
  );
  symlinkSync('x'.repeat(200), join(directory, 'names', 'link'));
  for (const format of ['gnu', 'pax']) {
    for (const chunkLength of [1 << 20, 513, 7]) {
      const members = read(gnuTar(`--format=${format}`, '-cf', '-', 'names'), chunkLength);
      const deep = members.find((member) => member.name.toString().endsWith('/file'));
      assert.equal(deep?.name.toString(), `names/${long}/file`);
      assert.equal(deep?.content.toString(), 'deep');
      assert.ok(
        members.some((member) => member.name.toString('latin1') === 'names/\xff\xfeA'),
        format,
      );
      assert.equal(members.find((member) => member.type === 'symlink')?.link.length, 200);
    }
  }
});

test('sparse files in each of GNU tar’s formats', () => {
  const path = join(directory, 'holes');
  const file = openSync(path, 'w');
  for (let run = 0; run < 60; run += 1) writeSync(file, `run ${run}`, run * 1_000_000);
  ftruncateSync(file, 62_000_000);
  closeSync(file);
  const formats = [
    ['--format=gnu'],
    ...['0.0', '0.1', '1.0'].map((version) => ['--format=pax', `--sparse-version=${version}`]),
  ];
  for (const format of formats) {
    const archive = gnuTar('-cSf', '-', ...format, 'holes');
    assert.ok(archive.length < 1_000_000);
    const [member] = read(archive, 1000);
    assert.equal(member?.name.toString(), 'holes');
    assert.equal(member?.size, 62_000_000);
    assert.ok((member?.stored ?? 0) < 500_000);
    for (const run of [0, 33, 59])
      assert.equal(
        member?.content.toString('utf8', run * 1_000_000, run * 1_000_000 + 6).slice(0, 5),
        `run ${run}`.slice(0, 5),
      );
  }
});

test('PAX records overrule the header: size, owner, times to the nanosecond, attributes', () => {
  const [member, next] = read(
    tarOf([
      {
        name: 'short',
        data: 'content',
        size: 0,
        pax: {
          path: 'longer/name',
          size: '7',
          uid: '3000000',
          gid: '4000000',
          mtime: '1700000000.123456789',
          'SCHILY.xattr.security.capability': Buffer.from([1, 0, 0, 2, 255]),
        },
      },
      { name: 'next' },
    ]),
  );
  assert.equal(member?.name.toString(), 'longer/name');
  assert.equal(member?.content.toString(), 'content');
  assert.deepEqual([member?.uid, member?.gid], [3_000_000, 4_000_000]);
  assert.deepEqual(member?.mtime, { seconds: 1_700_000_000, nanoseconds: 123_456_789 });
  assert.deepEqual([...(member?.xattrs ?? [])], [['security.capability', Buffer.from([1, 0, 0, 2, 255])]]);
  assert.equal(next?.name.toString(), 'next');
  assert.equal(next?.xattrs.size, 0);
});

test('times before 1970, and numbers in base 256', () => {
  const [old] = read(tarOf([{ name: 'old', pax: { mtime: '-1.25' } }]));
  assert.deepEqual(old?.mtime, { seconds: -2, nanoseconds: 750_000_000 });
  const [big] = read(tarOf([{ name: 'big', uid: 2 ** 31, mode: 0o4755 }]));
  assert.equal(big?.uid, 2 ** 31);
  assert.equal(big?.mode, 0o4755);
});

test('what is not a member is passed over; a header-only member has no data whatever its size says', () => {
  const members = read(
    tarOf([
      { name: 'global', type: 'paxGlobal', data: paxRecord('path', 'hijack') },
      { name: 'volume', type: 'V' },
      { name: 'link', type: 'symlink', link: 'x', size: 1 << 20 },
      { name: 'old-directory/', type: '\0' },
    ]),
  );
  assert.deepEqual(
    members.map((member) => [member.name.toString(), member.type, member.size]),
    [
      ['link', 'symlink', 0],
      ['old-directory/', 'directory', 0],
    ],
  );
});

test('broken archives are refused as Docker does', () => {
  const good = tarEntry({ name: 'a', data: 'x'.repeat(1000) });
  const flipped = Buffer.from(good);
  flipped[0] = 0x62;
  const cases: Array<[Buffer, RegExp]> = [
    [good.subarray(0, 700), /unexpected EOF/],
    [good.subarray(0, 100), /unexpected EOF/],
    [Buffer.from('no tar at all, but quite some text'.repeat(30)), /invalid tar header/],
    [flipped, /invalid tar header/],
    [tarOf([{ name: 'a', type: '~' }]), /unhandled tar header type 126/],
    [tarHeader({ name: 'x', type: 'paxHeader', size: 1 << 30 }), /too large/],
    [
      Buffer.concat([
        tarHeader({ name: 'x', type: 'paxHeader', data: '9 a=b\n' }),
        Buffer.from('9 a=b\n'),
        Buffer.alloc(506),
      ]),
      /invalid tar header/,
    ],
    [tarOf([{ name: 'a', pax: { path: Buffer.from('a\0b') } }]), /invalid tar header/],
    [tarOf([{ name: 'a', pax: { size: '99999999999999999999' } }]), /invalid tar header/],
    [
      tarOf([{ name: 'a', data: 'xy', pax: { 'GNU.sparse.map': '0,1,0,1', 'GNU.sparse.size': '9' } }]),
      /invalid tar header/,
    ],
    [
      tarOf([{ name: 'a', data: 'xy', pax: { 'GNU.sparse.map': '0,2', 'GNU.sparse.size': '1' } }]),
      /invalid tar header/,
    ],
    [
      tarOf([
        {
          name: 'a',
          data: '9\n'.padEnd(512),
          pax: { 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '1' },
        },
      ]),
      /invalid tar header/,
    ],
  ];
  for (const [archive, message] of cases) {
    assert.throws(
      () => read(archive),
      (error) => isEngineError(error, 'invalid-argument') && message.test(error.message),
      String(message),
    );
  }
});

test('an archive may lack its end marker and the padding of its last member', () => {
  const members = read(tarEntry({ name: 'a', data: 'abc' }).subarray(0, 515));
  assert.equal(members[0]?.content.toString(), 'abc');
});

test('no change of any byte makes it throw anything but an EngineError, or read out of bounds', () => {
  const archive = tarOf([
    { name: 'dir/', type: 'directory' },
    { name: 'dir/file', data: 'x'.repeat(700), pax: { path: 'dir/filé', 'SCHILY.xattr.user.a': 'b' } },
    { name: 'sparse', data: 'abcd', pax: { 'GNU.sparse.map': '0,2,10,2', 'GNU.sparse.size': '20' } },
  ]);
  const change = fc.record({ at: fc.nat(archive.length - 1), byte: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 2000 }),
      (changes, chunkLength) => {
        const spoilt = Buffer.from(archive);
        for (const { at, byte } of changes) spoilt[at] = byte;
        fixChecksums(spoilt);
        try {
          for (const member of read(spoilt, chunkLength)) assert.ok(member.stored <= spoilt.length);
        } catch (error) {
          assert.ok(isEngineError(error), String(error));
        }
      },
    ),
    { numRuns: 400 },
  );
});

/** Lets a spoilt header pass the checksum, so that what is behind it is tested too. */
function fixChecksums(archive: Buffer): void {
  for (let at = 0; at + 512 <= archive.length; at += 512) {
    const block = archive.subarray(at, at + 512);
    if (block.toString('latin1', 257, 262) !== 'ustar') continue;
    block.fill(' ', 148, 156);
    const sum = block.reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
}
