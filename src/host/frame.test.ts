import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import {
  decodeFields,
  decodeRecord,
  encodeFields,
  encodeFrame,
  FrameReader,
  numberOf,
  pathValue,
  textOf,
} from './frame.ts';

test('fields come back in order, text with its NUL, numbers as 8 bytes', () => {
  const body = encodeFields([
    [1, 'text'],
    [2, 2 ** 40],
    [3, -1],
    [1, Buffer.from([9])],
  ]);
  const fields = decodeFields(body);
  assert.deepEqual(
    fields.map(({ tag, value }) => [tag, [...value]]),
    [
      [1, [...Buffer.from('text\0')]],
      [2, [0, 0, 0, 0, 0, 1, 0, 0]],
      [3, [255, 255, 255, 255, 255, 255, 255, 255]],
      [1, [9]],
    ],
  );
  const record = decodeRecord(body);
  assert.equal(textOf(record, 1), 'text\0');
  assert.equal(numberOf(record, 2), 2 ** 40);
  assert.equal(numberOf(record, 7), undefined);
});

test('text with a NUL inside is refused', () => {
  assert.throws(
    () => encodeFields([[1, 'a\0b']]),
    (error: unknown) => isEngineError(error, 'invalid-argument'),
  );
  assert.deepEqual(pathValue(Buffer.from([0xff])), Buffer.from([0xff, 0]));
});

test('a malformed body is refused, whatever is in it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        const fields = decodeFields(Buffer.from(bytes));
        const total = fields.reduce((sum, { value }) => sum + 8 + value.length, 0);
        assert.equal(total, bytes.length);
      } catch (error) {
        assert.ok(isEngineError(error, 'internal'));
      }
    }),
  );
});

test('frames come back whole however the stream is cut', () => {
  const frame = fc.record(
    { type: fc.nat(99), id: fc.nat(99), body: fc.uint8Array({ maxLength: 100 }) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 50 })),
      (frames, cuts) => {
        let data = Buffer.concat(frames.map(({ type, id, body }) => encodeFrame(type, id, body)));
        const reader = new FrameReader();
        const got = [];
        for (const cut of [...cuts, data.length]) {
          got.push(...reader.push(data.subarray(0, cut)));
          data = data.subarray(cut);
        }
        assert.deepEqual(
          got.map(({ type, id, body }) => ({ type, id, body: new Uint8Array(body) })),
          frames,
        );
      },
    ),
  );
});
