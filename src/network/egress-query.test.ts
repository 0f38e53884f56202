/** Questions as they are passed on, and what is learned from answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, decode, encode } from 'dns-packet';
import {
  addressesFor,
  answerTo,
  isOuterAddress,
  isPassedType,
  ownQuery,
  plainName,
  shownName,
} from './egress-query.ts';
import { type NameQuery, parseQuery } from './names/name-message.ts';

function query(name: string, type: 'A' | 'TXT' | 'AXFR' | 'NULL' = 'A', extra: object = {}): NameQuery {
  const parsed = parseQuery(
    encode({ type: 'query', id: 7, flags: 0x100, questions: [{ type, name }], ...extra }),
  );
  assert.ok(parsed !== undefined);
  return parsed;
}

const option = {
  type: 'OPT' as const,
  name: '.',
  udpPayloadSize: 4096,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0x8000,
  flag_do: true,
  options: [{ code: 65001, data: Buffer.from('secret-in-an-option') }],
};

test('nothing of a question goes on but its name in lower case and its type', () => {
  const asked = query('ExAmPlE.org', 'TXT', { additionals: [option], flags: 0x130 });
  const bytes = ownQuery(asked, 'example.org');
  assert.equal(bytes.includes('secret'), false);
  const { questions, additionals = [], flags } = decode(bytes);
  assert.deepEqual(questions, [{ name: 'example.org', type: 'TXT', class: 'IN' }]);
  assert.equal(flags, 0x100);
  assert.deepEqual(
    additionals.map(({ type }) => type),
    ['OPT'],
  );
  assert.equal(ownQuery(query('example.org'), 'example.org').length, 12 + 13 + 4);
});

test('types that no program asks for are not passed on', () => {
  assert.equal(isPassedType(query('a.org')), true);
  assert.equal(isPassedType(query('a.org', 'AXFR')), false);
  assert.equal(isPassedType(query('a.org', 'NULL')), false);
});

test('names with other characters than those of hosts are none', () => {
  assert.equal(plainName('A_b.x-Y.org'), 'a_b.x-y.org');
  for (const name of ['', 'a..org', 'a b.org', 'ä.org', '-a.org', `${'a'.repeat(64)}.org`, 'a\0.org'])
    assert.equal(plainName(name), undefined, JSON.stringify(name));
  assert.equal(shownName('a\u001b[31m.org'), 'a?[31m.org');
});

const answer = (answers: Answer[]): Buffer =>
  encode({ type: 'response', id: 9, flags: 0x180, questions: [{ type: 'A', name: 'example.org' }], answers });

test('an answer bears the number and the letters of the question', () => {
  const asked = query('ExAmPlE.org');
  const whole = answerTo(asked, answer([{ type: 'A', name: 'example.org', ttl: 5, data: '192.0.2.1' }]), 512);
  assert.equal(decode(whole).id, 7);
  assert.equal(decode(whole).questions?.[0]?.name, 'ExAmPlE.org');
  const many = Array.from({ length: 60 }, (_, index) => ({
    type: 'A' as const,
    name: 'example.org',
    ttl: 5,
    data: `192.0.2.${index}`,
  }));
  const cut = answerTo(asked, answer(many), 512);
  assert.deepEqual([decode(cut).flag_tc, decode(cut).answers], [true, []]);
});

test('addresses of the name itself and of its aliases are learned, for as long as the shortest says', () => {
  const found = addressesFor(
    'example.org',
    answer([
      { type: 'CNAME', name: 'Example.org', ttl: 30, data: 'cdn.example.net' },
      { type: 'A', name: 'cdn.example.net', ttl: 60, data: '192.0.2.1' },
      { type: 'AAAA', name: 'cdn.example.net', ttl: 90, data: '2001:db8::1' },
      { type: 'A', name: 'other.example', ttl: 1, data: '192.0.2.66' },
    ]),
  );
  assert.deepEqual(found, { addresses: ['192.0.2.1', '2001:db8::1'], ttl: 30 });
  assert.deepEqual(addressesFor('example.org', Buffer.from('xx')).addresses, []);
});

test('no name of the outside stands for what is the host’s own', () => {
  for (const address of [
    '127.0.0.1',
    '169.254.169.254',
    '0.0.0.0',
    '224.0.0.1',
    '255.255.255.255',
    '::1',
    '::',
    'fe80::1',
    'ff02::1',
    '::ffff:127.0.0.1',
  ])
    assert.equal(isOuterAddress(address), false, address);
  for (const address of ['192.0.2.1', '10.0.0.1', '2001:db8::1', 'fd00::1'])
    assert.equal(isOuterAddress(address), true, address);
});
