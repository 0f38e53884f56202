/** MessagePack, as far as fluentd's protocol needs it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unpack } from '../../../../test/support/log-receivers.ts';
import { MsgpackWriter, readAck } from './msgpack.ts';

test('numbers, texts and lists of all lengths are read back', () => {
  for (const number of [0, 127, 128, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 52])
    assert.equal(unpack(new MsgpackWriter().unsigned(number).bytes(), 0)?.value, number);
  for (const length of [0, 31, 32, 255, 256, 65_535, 65_536]) {
    assert.equal(unpack(new MsgpackWriter().text('x'.repeat(length)).bytes(), 0)?.value, 'x'.repeat(length));
  }
  for (const length of [0, 15, 16, 65_536]) {
    const writer = new MsgpackWriter().array(length);
    for (let index = 0; index < length; index += 1) writer.unsigned(1);
    assert.deepEqual(
      unpack(writer.bytes(), 0)?.value,
      Array.from({ length }, () => 1),
    );
  }
  const map = new MsgpackWriter().map(2).text('a').unsigned(1).text('ä').text(Buffer.from('€')).bytes();
  assert.deepEqual(unpack(map, 0), { value: { a: 1, ä: '€' }, end: map.length });
  const time = new MsgpackWriter().eventTime(1_700_000_000, 999_999_999).bytes();
  assert.deepEqual(unpack(time, 0)?.value, { seconds: 1_700_000_000, nanoseconds: 999_999_999 });
});

test('confirmations are read once they are whole, anything else is refused', () => {
  const ack = new MsgpackWriter().map(1).text('ack').text('c2l4dGVlbiBieXRlcyE9PT0').bytes();
  for (let length = 0; length < ack.length; length += 1)
    assert.equal(readAck(ack.subarray(0, length)), undefined);
  const more = Buffer.concat([ack, ack.subarray(0, 3)]);
  assert.deepEqual(readAck(more), { ack: 'c2l4dGVlbiBieXRlcyE9PT0', length: ack.length });
  const others = [new MsgpackWriter().map(1).text('nak').text('x'), new MsgpackWriter().unsigned(7)];
  for (const other of others) assert.throws(() => readAck(other.bytes()), /does not answer as fluentd does/);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        readAck(Buffer.from(bytes));
      } catch (error) {
        assert.match(String(error), /does not answer/);
      }
    }),
  );
});
