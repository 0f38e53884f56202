/** Times in a tar, cut off as it passes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { TarEntry, TarEntryType } from './tar-entry.ts';
import { clampTimes } from './tar-times.ts';
import { endOfArchive, memberHeader, paddingOf } from './tar-writer.ts';

interface Member {
  name: string;
  type: TarEntryType;
  data: string;
  time: number;
  attribute: string;
}

function tarOf(members: readonly Member[]): Buffer {
  const blocks = members.flatMap(({ name, type, data, time, attribute }) => {
    const bytes = Buffer.from(type === 'file' ? data : '');
    const entry: TarEntry = {
      name: Buffer.from(name),
      type,
      link: Buffer.from(type === 'link' ? 'target' : ''),
      mode: 0o644,
      uid: 1,
      gid: 2,
      size: bytes.length,
      mtime: { seconds: time, nanoseconds: 0 },
      major: 0,
      minor: 0,
      xattrs: attribute === '' ? new Map() : new Map([['user.a', Buffer.from(attribute)]]),
    };
    return [memberHeader(entry), bytes, Buffer.alloc(paddingOf(bytes.length))];
  });
  return Buffer.concat([...blocks, endOfArchive]);
}

async function clamped(tar: Buffer, latest: number, piece: number): Promise<Buffer> {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; at < tar.length; at += piece) yield tar.subarray(at, at + piece);
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of clampTimes(pieces(), latest)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const member = fc.record({
  name: fc.stringMatching(/^[a-z]{1,150}$/),
  type: fc.constantFrom<TarEntryType>('file', 'directory', 'symlink', 'link'),
  data: fc.string({ maxLength: 1500 }),
  time: fc.integer({ min: 0, max: 4_000_000_000 }),
  attribute: fc.constantFrom('', 'value', 'x\n15 size=99999\n'),
});

test('a clamped tar is the one that would have been written with those times, however it comes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(member, { maxLength: 6 }),
      fc.integer({ min: 0, max: 4_000_000_000 }),
      fc.integer({ min: 1, max: 3000 }),
      async (members, latest, piece) => {
        const wanted = tarOf(members.map((one) => ({ ...one, time: Math.min(one.time, latest) })));
        assert.equal((await clamped(tarOf(members), latest, piece)).equals(wanted), true);
      },
    ),
    { numRuns: 150 },
  );
});

test('data that looks like a header passes as it is', async () => {
  const inner = tarOf([{ name: 'inner', type: 'file', data: 'x', time: 2_000_000_000, attribute: '' }]);
  const outer = {
    name: 'outer.tar',
    type: 'file' as const,
    data: inner.toString('latin1'),
    time: 5,
    attribute: '',
  };
  const tar = tarOf([outer]);
  assert.equal((await clamped(tar, 1000, 512)).equals(tar), true);
});

test('an archive that breaks off is an error', async () => {
  const tar = tarOf([{ name: 'file', type: 'file', data: 'long enough', time: 5, attribute: '' }]);
  await assert.rejects(clamped(tar.subarray(0, 600), 1000, 512), /unexpected EOF/);
});
