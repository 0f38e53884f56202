/** Decompression: what it finds out by itself, several members in one stream, and broken streams. */
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import { decompress, detectCompression } from './decompress.ts';

async function inflate(data: Buffer, chunkLength: number): Promise<Buffer> {
  const chunks = Array.from({ length: Math.ceil(data.length / chunkLength) }, (_, index) =>
    data.subarray(index * chunkLength, (index + 1) * chunkLength),
  );
  return Buffer.concat(await (await decompress(Readable.from(chunks))).toArray());
}

const skippable = Buffer.from('5a2a4d1803000000aabbcc', 'hex');
const emptySkippable = Buffer.from('502a4d1800000000', 'hex');

test('any number of members, cut anywhere, compressed or not', async () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.integer({ min: 1, max: 400_000 }).map((length) => Buffer.alloc(length, 'ab')),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 70_000 }),
      async (parts, chunkLength) => {
        const plain = Buffer.concat(parts);
        const step = Math.max(chunkLength, Math.ceil(plain.length / 2000));
        assert.ok((await inflate(Buffer.concat(parts.map((data) => gzipSync(data))), step)).equals(plain));
        const frames = parts.flatMap((data) => [zstdCompressSync(data), skippable, emptySkippable]);
        assert.ok((await inflate(Buffer.concat(frames), step)).equals(plain));
        assert.ok((await inflate(Buffer.concat([skippable, ...frames]), step)).equals(plain));
      },
    ),
    { numRuns: 60 },
  );
});

test('zstd frames with a checksum', async () => {
  const { constants } = await import('node:zlib');
  const params = { [constants.ZSTD_c_checksumFlag]: 1 };
  const frame = zstdCompressSync(Buffer.alloc(300_000, 'xyz'), { params });
  assert.equal((await inflate(Buffer.concat([frame, frame]), 1000)).length, 600_000);
});

test('what is not compressed stays as it is', async () => {
  for (const text of ['', 'a', 'plain text'])
    assert.equal((await inflate(Buffer.from(text), 1)).toString(), text);
});

test('a stream that breaks off or is broken is an error, never a short file', async () => {
  const data = Buffer.alloc(100_000, 'abcdefg');
  for (const whole of [gzipSync(data), zstdCompressSync(data)]) {
    await assert.rejects(inflate(whole.subarray(0, whole.length - 5), 64));
    const flipped = Buffer.from(whole);
    flipped.fill(0xff, whole.length >> 1);
    await assert.rejects(inflate(flipped, 64));
  }
});

test('compressions that are not supported are named', () => {
  assert.throws(
    () => detectCompression(Buffer.from('fd377a585a0000', 'hex')),
    (error) => isEngineError(error, 'not-implemented') && /xz/.test(error.message),
  );
  assert.throws(
    () => detectCompression(Buffer.from('BZh91AY')),
    (error) => isEngineError(error, 'not-implemented') && /bzip2/.test(error.message),
  );
});
