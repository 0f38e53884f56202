import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointOption, linkLocalFaults, parseEndpointOptions } from './endpoint-options.ts';

test('the name and the parameters of an interface', () => {
  assert.deepEqual(
    parseEndpointOptions({
      [endpointOption.interfaceName]: 'lan0',
      [endpointOption.sysctls]:
        'net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.ifname.accept_ra=2,net.ipv4.neigh.IFNAME.gc_stale_time=30',
      other: 'left alone',
    }),
    {
      interfaceName: 'lan0',
      sysctls: {
        'ipv4/conf/IFNAME/log_martians': '1',
        'ipv6/conf/IFNAME/accept_ra': '2',
        'ipv4/neigh/IFNAME/gc_stale_time': '30',
      },
      faults: [],
    },
  );
  assert.deepEqual(parseEndpointOptions({}), { sysctls: {}, faults: [] });
});

test('names and parameters that can’t be, one fault each', () => {
  for (const name of ['lo', 'a/b', 'sixteenletters16', '..', 'eth%d', 'a b'])
    assert.equal(parseEndpointOptions({ [endpointOption.interfaceName]: name }).faults.length, 1, name);
  for (const entry of [
    'net.ipv4.conf.eth0.forwarding=1',
    'net.ipv4.conf.IFNAME.forwarding',
    'net.ipv4.conf.IFNAME.../../x=1',
    'kernel.shmmax=1',
    'net.core.IFNAME.x.y=1',
    'net.ipv4.conf.IFNAME.a.b=1',
    'net.mpls.conf.IFNAME.other=1',
  ])
    assert.equal(parseEndpointOptions({ [endpointOption.sysctls]: entry }).faults.length, 1, entry);
});

test('link-local addresses are of two blocks', () => {
  assert.deepEqual(linkLocalFaults(['169.254.7.7', 'fe80::7', 'febf::1']), []);
  assert.deepEqual(linkLocalFaults(['10.0.0.1', 'fec0::1', 'fd00::1', 'x']), [
    'invalid link-local IP address: 10.0.0.1',
    'invalid link-local IP address: fec0::1',
    'invalid link-local IP address: fd00::1',
    'invalid link-local IP address: x',
  ]);
});
