import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipamPools, type PoolFlags } from './network-pools.ts';

const none: PoolFlags = { subnets: [], ranges: [], gateways: [], auxiliary: {} };

test('ranges, gateways and addresses go to the subnet that they are of', () => {
  const pools = ipamPools({
    subnets: ['10.9.0.0/16', 'fd00:9::/64'],
    ranges: ['10.9.5.0/24'],
    gateways: ['fd00:9::1', '10.9.5.254'],
    auxiliary: { printer: '10.9.1.1', router: 'fd00:9::99' },
  });
  assert.deepEqual(pools, [
    {
      Subnet: '10.9.0.0/16',
      IPRange: '10.9.5.0/24',
      Gateway: '10.9.5.254',
      AuxiliaryAddresses: { printer: '10.9.1.1' },
    },
    { Subnet: 'fd00:9::/64', Gateway: 'fd00:9::1', AuxiliaryAddresses: { router: 'fd00:9::99' } },
  ]);
  assert.deepEqual(ipamPools(none), []);
});

test('what belongs to no subnet is refused in docker’s words', () => {
  const refused = (flags: Partial<PoolFlags>, message: RegExp): void =>
    assert.throws(() => ipamPools({ ...none, ...flags }), message);
  refused({ gateways: ['10.9.0.1'] }, /every ip-range or gateway must have a corresponding subnet/);
  const subnets = ['10.9.0.0/24'];
  refused({ subnets, gateways: ['10.8.0.1'] }, /no matching subnet for gateway 10\.8\.0\.1/);
  refused({ subnets, ranges: ['10.8.0.0/25'] }, /no matching subnet for range/);
  refused({ subnets, auxiliary: { a: '10.8.0.1' } }, /no matching subnet for aux-address/);
  refused({ subnets: ['10.9.0.0/24', '10.9.0.128/25'] }, /multiple overlapping subnet/);
  refused(
    { subnets: ['10.9.0.0/24', '10.8.0.0/24'], gateways: ['10.9.0.1', '10.9.0.2'] },
    /multiple gateways/,
  );
  refused({ subnets: ['10.9.0.0'], gateways: ['10.9.0.1'] }, /invalid CIDR address/);
});
