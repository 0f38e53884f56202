import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { formatSubnet, parseSubnet } from './ip-address.ts';
import {
  bridgeSubnetOf,
  checkPool,
  chooseSubnet,
  chooseSubnet6,
  defaultSubnets,
  ipv6SubnetOf,
  rangeWithin,
} from './subnet-choice.ts';

const chosen = (...used: string[]): string => formatSubnet(chooseSubnet(used.map(parseSubnet)).subnet);

test('the first default pool that the host does not use is taken', () => {
  assert.equal(chosen(), '172.17.0.0/16');
  assert.equal(chosen('172.17.0.1/16', '10.0.0.0/8'), '172.18.0.0/16');
  assert.equal(chosen('172.16.0.0/12'), '192.168.0.0/20');
  assert.equal(chosen('172.16.0.0/12', '192.168.1.0/24'), '192.168.16.0/20');
  assert.deepEqual(chooseSubnet([]).gateway, '172.17.0.1');
});

test('a default route in two halves is no network', () => {
  assert.equal(chosen('0.0.0.0/1', '128.0.0.0/1'), '172.17.0.0/16');
});

test('where all pools are in use, the error says what to do', () => {
  assert.throws(
    () => chosen('172.16.0.0/12', '192.168.0.0/16'),
    (error: unknown) => isEngineError(error, 'resource-exhausted') && /--bip/.test(error.hint ?? ''),
  );
});

test('the pools are Docker’s', () => {
  const all = [...defaultSubnets()].map(formatSubnet);
  assert.equal(all.length, 3 + 12 + 16);
  assert.equal(all[14], '172.31.0.0/16');
  assert.equal(all.at(-1), '192.168.240.0/20');
});

test('--bip names the bridge itself, --fixed-cidr a part of its subnet', () => {
  const { subnet, gateway } = bridgeSubnetOf('10.9.0.5/24');
  assert.deepEqual([formatSubnet(subnet), gateway], ['10.9.0.0/24', '10.9.0.5']);
  assert.equal(formatSubnet(rangeWithin(subnet, '10.9.0.64/26')), '10.9.0.64/26');
  for (const bip of ['10.9.0.0/24', '10.9.0.255/24', '10.9.0.1/31', 'fd00::1/64', '10.9.0.1']) {
    assert.throws(
      () => bridgeSubnetOf(bip),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  }
  for (const range of ['10.8.0.0/26', '10.9.0.0/23']) {
    assert.throws(
      () => rangeWithin(subnet, range),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  }
});

test('the IPv6 subnet is unique local, and the same for the same host', () => {
  const first = ipv6SubnetOf('host a');
  assert.match(formatSubnet(first.subnet), /^fd[0-9a-f]{2}:.*::\/64$/);
  assert.deepEqual(ipv6SubnetOf('host a'), first);
  assert.notDeepEqual(ipv6SubnetOf('host b'), first);
  assert.equal(ipv6SubnetOf('', '2001:db8:1::/80').gateway, '2001:db8:1::1');
  assert.throws(
    () => ipv6SubnetOf('', '10.0.0.0/8'),
    (error: unknown) => isEngineError(error, 'invalid-argument'),
  );
});

test('pools of one’s own, of both families, are cut as they say', () => {
  const pools = [
    { base: '10.200.0.0/23', size: 24 },
    { base: 'fd00:1::/63', size: 64 },
  ];
  assert.deepEqual([...defaultSubnets(pools)].map(formatSubnet), [
    '10.200.0.0/24',
    '10.200.1.0/24',
    'fd00:1::/64',
    'fd00:1:0:1::/64',
  ]);
  assert.equal(formatSubnet(chooseSubnet([parseSubnet('10.200.0.7/32')], pools).subnet), '10.200.1.0/24');
  assert.equal(chooseSubnet6([parseSubnet('fd00:1::/64')], pools)?.gateway, 'fd00:1:0:1::1');
  assert.equal(chooseSubnet6([], []), undefined);
  for (const pool of [
    { base: '10.200.0.0/23', size: 22 },
    { base: '10.200.0.0/23', size: 31 },
    { base: 'fd00::/64', size: 120 },
  ])
    assert.throws(() => checkPool(pool), /invalid default-address-pools/);
});
