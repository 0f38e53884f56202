import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeJsonLine, JsonStreamDecoder } from './json-stream.ts';

test('documents come out again, however the bytes are cut', () => {
  const document = fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.array(fc.jsonValue()));
  fc.assert(
    fc.property(fc.array(document, { maxLength: 8 }), fc.integer({ min: 1, max: 30 }), (documents, size) => {
      const bytes = Buffer.from(documents.map(encodeJsonLine).join(''));
      const decoder = new JsonStreamDecoder();
      const out: unknown[] = [];
      for (let offset = 0; offset < bytes.length; offset += size) {
        out.push(...decoder.push(bytes.subarray(offset, offset + size)));
      }
      decoder.end();
      assert.deepEqual(out, JSON.parse(JSON.stringify(documents)));
    }),
  );
});

test('documents without anything between them', () => {
  assert.deepEqual(new JsonStreamDecoder().push('{"a":"}"}{"b":[1]}\n '), [{ a: '}' }, { b: [1] }]);
});

test('text that is no JSON is refused', () => {
  assert.throws(() => new JsonStreamDecoder().push('Bad Gateway'), /malformed JSON/);
  assert.throws(() => new JsonStreamDecoder().push('{"a":}'), /malformed JSON/);
  const decoder = new JsonStreamDecoder();
  decoder.push('{"a":');
  assert.throws(() => decoder.end(), /malformed JSON/);
});
