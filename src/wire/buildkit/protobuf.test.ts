/** The encoding of Protocol Buffers: known bytes, whatever is encoded comes back, and nothing else than an EngineError for other bytes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import {
  bigInt,
  bool,
  byteMap,
  bytes,
  int,
  type Message,
  message,
  nested,
  repeated,
  string,
  stringMap,
  strings,
} from './protobuf.ts';

const Inner = message({ name: string(1), count: int(2) });
const Everything = message({
  text: string(1),
  data: bytes(2),
  number: int(3),
  long: bigInt(16),
  flag: bool(5),
  names: strings(6),
  inner: nested(7, Inner),
  list: repeated(8, Inner),
  labels: stringMap(9),
  blobs: byteMap(2000),
});

test('the examples of the specification of the encoding', () => {
  const One = message({ a: int(1) });
  assert.equal(One.encode({ a: 150 }).toString('hex'), '089601');
  assert.equal(
    message({ b: string(2) })
      .encode({ b: 'testing' })
      .toString('hex'),
    '120774657374696e67',
  );
  assert.equal(
    message({ c: nested(3, One) })
      .encode({ c: { a: 150 } })
      .toString('hex'),
    '1a03089601',
  );
  assert.equal(One.encode({ a: -1 }).toString('hex'), '08ffffffffffffffffff01');
});

test('numbers below zero, and those that only a big integer holds, are exact', () => {
  const Numbers = message({ small: int(1), big: bigInt(2) });
  for (const small of [
    0,
    1,
    127,
    128,
    2 ** 31,
    2 ** 32 + 1,
    Number.MAX_SAFE_INTEGER,
    -1,
    -1_700_000_000_123,
  ]) {
    assert.equal(Numbers.decode(Numbers.encode({ small })).small, small);
  }
  for (const big of [0n, 1_795_561_234_567_890_123n, -(2n ** 63n), 2n ** 63n - 1n]) {
    assert.equal(Numbers.decode(Numbers.encode({ big })).big, big);
  }
});

test('whatever is encoded comes back', () => {
  const inner = fc.record({ name: fc.string(), count: fc.maxSafeInteger() }, { noNullPrototype: true });
  const anything = fc.record(
    {
      text: fc.string(),
      data: fc.uint8Array().map((data) => Buffer.from(data)),
      number: fc.maxSafeInteger(),
      long: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      flag: fc.boolean(),
      names: fc.array(fc.string()),
      inner: fc.option(inner, { nil: undefined }),
      list: fc.array(inner),
      labels: fc.dictionary(fc.string(), fc.string()).map((labels) => new Map(Object.entries(labels))),
      blobs: fc.constant(new Map([['one', Buffer.from('1')]])),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(anything, (value) => {
      assert.deepEqual(Everything.decode(Everything.encode(value)), value);
    }),
  );
});

test('fields that are not described are skipped, and what is left out is empty', () => {
  const Less = message({ number: int(3) });
  const whole = Everything.encode({ text: 'x', number: 7, list: [{ name: 'a', count: 1 }], long: 5n });
  assert.deepEqual(Less.decode(whole), { number: 7 });
  const nothing = Everything.decode(Buffer.alloc(0));
  assert.deepEqual([nothing.text, nothing.inner, nothing.names], ['', undefined, []]);
});

test('bytes that are no message are refused, and never read beyond their end', () => {
  const decodes = (wanted: Message<unknown>, data: Uint8Array): boolean => {
    try {
      wanted.decode(data);
      return true;
    } catch (error) {
      assert.ok(isEngineError(error, 'invalid-argument'), String(error));
      return false;
    }
  };
  assert.equal(decodes(Everything, Buffer.from('0a05616263', 'hex')), false);
  assert.equal(decodes(Everything, Buffer.from('0d01020304', 'hex')), false);
  assert.equal(decodes(Everything, Buffer.from('ffffffffffffffffffffff', 'hex')), false);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => void decodes(Everything, data)),
    { numRuns: 2000 },
  );
});
