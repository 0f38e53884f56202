import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, decode, encode, type Packet } from 'dns-packet';
import fc from 'fast-check';
import { NameFrames } from './name-frames.ts';
import {
  addressOfPointer,
  answers,
  encodeReply,
  failureReply,
  framed,
  parseQuery,
  rcode,
  withId,
} from './name-message.ts';

const question = (more: Partial<Packet> = {}): Buffer =>
  encode({ type: 'query', id: 77, flags: 0x100, questions: [{ type: 'A', name: 'WeB.example' }], ...more });
const parsed = (bytes: Buffer) => {
  const query = parseQuery(bytes);
  assert.ok(query !== undefined);
  return query;
};

test('a question is read, and its answer repeats it letter for letter', () => {
  const query = parsed(question());
  assert.deepEqual(
    [query.name, query.type, query.udpSize, query.fault],
    ['WeB.example', 'A', 512, undefined],
  );
  const reply = encodeReply(query, { code: rcode.ok, addresses: ['10.1.0.2', '10.1.0.3'] }, 512);
  const answer = decode(reply);
  assert.deepEqual([answer.id, answer.type, reply.readUInt8(3) & 15], [77, 'response', 0]);
  assert.equal(answer.questions?.[0]?.name, 'WeB.example');
  assert.deepEqual(
    answer.answers?.map((one) => ('data' in one ? one.data : '')),
    ['10.1.0.2', '10.1.0.3'],
  );
  assert.ok(answers(question(), reply));
});

test('EDNS is answered with EDNS, and sets the size', () => {
  const option: Answer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: 1400,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  const query = parsed(question({ additionals: [option] }));
  assert.equal(query.udpSize, 1400);
  const reply = encodeReply(query, { code: rcode.ok, addresses: ['fd00::1'] }, query.udpSize);
  assert.equal(decode(reply).additionals?.[0]?.type, 'OPT');
});

test('what does not fit is left out and said to be', () => {
  const addresses = Array.from({ length: 100 }, (_, index) => `10.1.0.${index}`);
  const reply = encodeReply(parsed(question()), { code: rcode.ok, addresses }, 512);
  assert.ok(reply.length <= 512 && (reply.readUInt8(2) & 2) !== 0);
  assert.ok((decode(reply).answers?.length ?? 0) > 10);
});

test('types that have no name, and reverse names, keep their question', () => {
  const odd = question();
  odd.writeUInt16BE(65, odd.length - 4);
  const query = parsed(odd);
  assert.equal(failureReply(query, rcode.noSuchName).readUInt16BE(odd.length - 4), 65);
  const pointer = parsed(question({ questions: [{ type: 'PTR', name: '2.0.1.10.in-addr.arpa' }] }));
  const reply = decode(encodeReply(pointer, { code: rcode.ok, pointer: 'web.front' }, 512));
  assert.deepEqual(reply.answers?.[0]?.type === 'PTR' ? reply.answers[0].data : '', 'web.front');
});

test('what is no question is refused or not answered, and nothing throws', () => {
  assert.equal(parseQuery(Buffer.alloc(11)), undefined);
  assert.equal(parseQuery(encode({ type: 'response', id: 1 })), undefined);
  assert.equal(parsed(question({ questions: [] })).fault, rcode.formatError);
  assert.equal(parsed(question({ flags: 5 << 11 })).fault, rcode.notImplemented);
  assert.equal(
    parsed(question({ questions: [{ type: 'TXT', name: 'version', class: 'CH' }] })).fault,
    rcode.refused,
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const query = parseQuery(Buffer.from(bytes));
      if (query === undefined) return;
      const reply = encodeReply(query, { code: query.fault ?? rcode.ok }, 512);
      assert.ok(reply.length >= 12 && reply.readUInt16BE(0) === query.id);
    }),
  );
});

test('names of addresses', () => {
  assert.equal(addressOfPointer('2.0.1.10.in-addr.arpa'), '10.1.0.2');
  const nibbles = `${'2.0.0.0.'.repeat(1)}${'0.'.repeat(24)}0.0.d.f.ip6.arpa`;
  assert.equal(addressOfPointer(nibbles), 'fd00::2');
  for (const name of [
    '1.10.in-addr.arpa',
    '256.0.0.1.in-addr.arpa',
    '0.d.f.ip6.arpa',
    'web',
    'x.0.1.10.in-addr.arpa',
  ])
    assert.equal(addressOfPointer(name), undefined);
});

test('only an answer to the same question under the same number is one', () => {
  const query = question();
  const reply = encodeReply(parsed(query), { code: rcode.ok }, 512);
  const other = parsed(question({ questions: [{ type: 'A', name: 'other' }] }));
  assert.ok(answers(query, reply));
  assert.ok(!answers(query, withId(reply, 78)));
  assert.ok(!answers(query, query));
  assert.ok(!answers(query, encodeReply(other, { code: rcode.ok }, 512)));
});

test('messages are cut from a stream wherever it is broken', () => {
  const stream = Buffer.concat([
    framed(Buffer.from('one')),
    framed(Buffer.alloc(0)),
    framed(Buffer.from('three')),
  ]);
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const frames = new NameFrames();
    const found = [...frames.push(stream.subarray(0, cut)), ...frames.push(stream.subarray(cut))];
    assert.deepEqual(found.map(String), ['one', '', 'three']);
  }
});
