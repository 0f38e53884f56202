/** Byte ranges: what RFC 9110 and the distribution specification say, and that no header does harm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseContentRange, parseRange } from './range.ts';

test('ranges of a blob', () => {
  assert.deepEqual(parseRange('bytes=0-9', 100), { first: 0, last: 9 });
  assert.deepEqual(parseRange('Bytes = 5 - ', 100), { first: 5, last: 99 });
  assert.deepEqual(parseRange('bytes=-5', 100), { first: 95, last: 99 });
  assert.deepEqual(parseRange('bytes=-500', 100), { first: 0, last: 99 });
  for (const whole of [
    undefined,
    '',
    'bytes=',
    'bytes=-',
    'bytes=9-3',
    'bytes=0-1,3-4',
    'x=0-1',
    'bytes=a-b',
  ])
    assert.equal(parseRange(whole, 100), undefined, whole);
  for (const outside of ['bytes=100-', 'bytes=100-101', 'bytes=-0'])
    assert.equal(parseRange(outside, 100), 'unsatisfiable', outside);
  for (const none of ['bytes=0-', 'bytes=-1', 'bytes=0-0'])
    assert.equal(parseRange(none, 0), 'unsatisfiable');
});

test('ranges of chunks', () => {
  assert.deepEqual(parseContentRange('0-99'), { first: 0, last: 99 });
  assert.deepEqual(parseContentRange('bytes 5-5/10'), { first: 5, last: 5 });
  assert.deepEqual(parseContentRange('bytes=5-6/*'), { first: 5, last: 6 });
  for (const bad of ['', '-', '5-', '-5', '9-0', '0-1-2', '0 - 1 2', `0-${'9'.repeat(16)}`, '0-1/x'])
    assert.equal(parseContentRange(bad), undefined, bad);
});

/** Headers near the grammar, where mistakes would be. */
const nearly = fc.oneof(
  fc.string(),
  fc.stringMatching(/^(bytes)?[= ]{0,2}\d{0,18} ?- ?\d{0,18}(\/[\d*]{0,3})?$/),
);

test('whatever a Range header says, what is sent lies within the blob', () => {
  fc.assert(
    fc.property(nearly, fc.nat(1000), (header, size) => {
      const range = parseRange(header, size);
      if (range === undefined || range === 'unsatisfiable') return;
      assert.ok(range.first >= 0 && range.first <= range.last && range.last < size);
    }),
  );
});

test('whatever a Content-Range header says, the chunk begins before it ends, at positions that can be counted', () => {
  fc.assert(
    fc.property(nearly, (header) => {
      const range = parseContentRange(header);
      if (range === undefined) return;
      assert.ok(Number.isSafeInteger(range.first) && Number.isSafeInteger(range.last));
      assert.ok(range.first >= 0 && range.first <= range.last);
    }),
  );
});

test('well-formed ranges come back as they were written', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (first, more) => {
      const last = first + more;
      assert.deepEqual(parseContentRange(`${first}-${last}`), { first, last });
      assert.deepEqual(parseRange(`bytes=${first}-${last}`, last + 1), { first, last });
    }),
  );
});
