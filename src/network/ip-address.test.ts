import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import {
  addressAt,
  addressToNumber,
  formatAddress,
  formatSubnet,
  numberToAddress,
  offsetOf,
  parseAddress,
  parseCidr,
  parseSubnet,
  subnetContains,
  subnetsOverlap,
} from './ip-address.ts';

test('IPv6 text is that of RFC 5952', () => {
  const cases = {
    '2001:0DB8:0:0:0:0:0:1': '2001:db8::1',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
    '::ffff:192.0.2.1': '::ffff:c000:201',
    '::': '::',
    '::1': '::1',
    'fe80::': 'fe80::',
  };
  for (const [text, canonical] of Object.entries(cases))
    assert.equal(formatAddress(parseAddress(text)), canonical);
});

test('any address survives being written and read', () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const bytes = parseAddress(text);
      assert.deepEqual(parseAddress(formatAddress(bytes)), bytes);
    }),
  );
  fc.assert(fc.property(fc.ipV4(), (text) => assert.equal(numberToAddress(addressToNumber(text)), text)));
});

test('what is no address or subnet is an invalid argument', () => {
  for (const text of ['', '1.2.3', '256.1.1.1', 'fe80::1%eth0', 'x']) {
    assert.throws(
      () => parseAddress(text),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  }
  for (const text of ['10.0.0.0', '10.0.0.0/33', '/8', '10.0.0.0/-1', '::/129']) {
    assert.throws(
      () => parseCidr(text),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  }
});

test('a subnet holds exactly the addresses with its prefix', () => {
  const prefix = fc.integer({ min: 0, max: 32 });
  fc.assert(
    fc.property(fc.ipV4(), prefix, fc.ipV4(), (base, length, other) => {
      const subnet = parseSubnet(`${base}/${length}`);
      const size = 2 ** (32 - length);
      const first = addressToNumber(formatAddress(subnet.base));
      const inside = addressToNumber(other) >= first && addressToNumber(other) < first + size;
      assert.equal(subnetContains(subnet, parseAddress(other)), inside);
      assert.equal(subnetsOverlap(subnet, parseSubnet(`${other}/32`)), inside);
    }),
  );
});

test('addresses count from the base of a subnet', () => {
  const subnet = parseSubnet('172.17.9.9/16');
  assert.equal(formatSubnet(subnet), '172.17.0.0/16');
  assert.equal(addressAt(subnet, 257), '172.17.1.1');
  assert.equal(offsetOf(subnet, '172.17.1.1'), 257);
  assert.equal(addressAt(parseSubnet('fd00:1::/64'), 0xac11), 'fd00:1::ac11');
});
