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

test('where one can’t be had, neither is taken', () => {
  const addresses = new NetworkAddresses({ ...plan, ipv6: undefined });
  assert.throws(() => addresses.take({ ipAddress: '10.1.0.9', ipv6Address: 'fd00::9' }), /has no IPv6/);
  assert.deepEqual(addresses.take({ ipAddress: '10.1.0.9' }), { ipv4: '10.1.0.9' });
  addresses.release({ ipv4: '10.1.0.9' });
  addresses.take({ ipAddress: '10.1.0.9' });
});
