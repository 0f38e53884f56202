import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSubnet } from './ip-address.ts';
import { NetworkAddresses } from './network-addresses.ts';

const plan = {
  networkId: 'n',
  mac: '',
  mtu: 1500,
  ipv4: { subnet: parseSubnet('10.1.0.0/24'), gateway: '10.1.0.1' },
  range: undefined,
  ipv6: { subnet: parseSubnet('fd00::/64'), gateway: 'fd00::1' },
};

test('the two addresses of an endpoint end alike, where that is free', () => {
  const addresses = new NetworkAddresses(plan);
  assert.deepEqual(addresses.take({}), { ipv4: '10.1.0.2', ipv6: 'fd00::2' });
  assert.deepEqual(addresses.take({ ipv6Address: 'fd00::4' }), { ipv4: '10.1.0.3', ipv6: 'fd00::4' });
  assert.deepEqual(addresses.take({}), { ipv4: '10.1.0.4', ipv6: 'fd00::3' });
});

test('a network without IPv4 gives addresses of IPv6 alone', () => {
  const addresses = new NetworkAddresses({ ...plan, ipv4: undefined });
  const taken = addresses.take({});
  assert.deepEqual(taken, { ipv6: 'fd00::2' });
  assert.deepEqual(addresses.fieldsOf(taken), {
    ipAddress: '',
    prefixLength: 0,
    gateway: '',
    ipv6Address: 'fd00::2',
    ipv6PrefixLength: 64,
    ipv6Gateway: 'fd00::1',
  });
  assert.throws(() => addresses.take({ ipAddress: '10.1.0.9' }), /has no IPv4/);
});

test('of several subnets the first with a free address gives it; an address that is asked for is of its own', () => {
  const small = { subnet: parseSubnet('10.1.0.0/30'), gateway: '10.1.0.1' };
  const other = {
    subnet: parseSubnet('10.2.0.0/24'),
    gateway: '10.2.0.9',
    range: parseSubnet('10.2.0.64/26'),
  };
  const addresses = new NetworkAddresses({ ...plan, ipv4: small, ipv6: undefined, further: [other] });
  const asked = addresses.take({ ipAddress: '10.2.0.7' });
  assert.equal(addresses.fieldsOf(asked).gateway, '10.2.0.9');
  const [first, second] = [addresses.take({}), addresses.take({})];
  assert.deepEqual([first, second], [{ ipv4: '10.1.0.2' }, { ipv4: '10.2.0.64' }]);
  assert.deepEqual(
    [first, second].map((one) => [addresses.fieldsOf(one).prefixLength, addresses.fieldsOf(one).gateway]),
    [
      [30, '10.1.0.1'],
      [24, '10.2.0.9'],
    ],
  );
  addresses.release(first);
  assert.deepEqual(addresses.take({}), first);
  assert.throws(() => addresses.take({ ipAddress: '10.2.0.7' }), /Address already in use/);
  assert.throws(() => addresses.take({ ipAddress: '10.3.0.7' }), /no configured subnet/);
});

test('where one can’t be had, neither is taken', () => {
  const addresses = new NetworkAddresses({ ...plan, ipv6: undefined });
  assert.throws(() => addresses.take({ ipAddress: '10.1.0.9', ipv6Address: 'fd00::9' }), /has no IPv6/);
  assert.deepEqual(addresses.take({ ipAddress: '10.1.0.9' }), { ipv4: '10.1.0.9' });
  addresses.release({ ipv4: '10.1.0.9' });
  addresses.take({ ipAddress: '10.1.0.9' });
});
