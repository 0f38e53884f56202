import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeFrame, type Frame, FrameDecoder, fillFrameHeaders, frameStreams } from './raw-stream.ts';

/** Cuts `bytes` into chunks of the given sizes (cycled). */
function chunksOf(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let offset = 0, turn = 0; offset < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return chunks;
}

/** Joins neighbours of the same stream, which is all that a reader may rely on. */
function joined(frames: readonly Frame[]): Array<[string, string]> {
  const result: Array<[string, string]> = [];
  for (const frame of frames) {
    if (frame.data.length === 0) continue;
    const last = result.at(-1);
    if (last !== undefined && last[0] === frame.stream) last[1] += frame.data.toString('hex');
    else result.push([frame.stream, frame.data.toString('hex')]);
  }
  return result;
}

test('what was framed comes out again, however the bytes are cut', () => {
  const frame = fc.record({
    stream: fc.constantFrom(...frameStreams),
    data: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  });
  const sizes = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), sizes, (frames, cuts) => {
      const bytes = Buffer.concat(frames.map((one) => encodeFrame(one.stream, one.data)));
      const decoder = new FrameDecoder();
      const out = chunksOf(bytes, cuts).flatMap((chunk) => decoder.push(chunk));
      decoder.end();
      assert.deepEqual(joined(out), joined(frames));
    }),
  );
});

test('the header is stream, three zeros, big-endian length', () => {
  assert.equal(encodeFrame('stderr', Buffer.from('hi')).toString('hex'), '02000000000000026869');
});

test('an unknown stream and an end within a frame are errors', () => {
  assert.throws(
    () => new FrameDecoder().push(Buffer.from([9, 0, 0, 0, 0, 0, 0, 1])),
    /unrecognized stream: 9/,
  );
  const decoder = new FrameDecoder();
  decoder.push(encodeFrame('stdout', Buffer.from('abc')).subarray(0, 10));
  assert.throws(() => decoder.end(), /within a frame/);
});

test('headers are written into the room before each message', () => {
  const data = Buffer.from('........one\n........three\n');
  fillFrameHeaders('stderr', data, [12, data.length]);
  assert.deepEqual(
    data,
    Buffer.concat([
      encodeFrame('stderr', Buffer.from('one\n')),
      encodeFrame('stderr', Buffer.from('three\n')),
    ]),
  );
});
