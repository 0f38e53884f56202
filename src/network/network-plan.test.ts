import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { formatSubnet, parseSubnet } from './ip-address.ts';
import { bridgeName, bridgeOf, planNetwork, type Surroundings } from './network-plan.ts';
import { parseNetwork } from './network-record.ts';
import type { NetworkRequest } from './network-types.ts';

const id = 'ab'.repeat(32);
const request: NetworkRequest = {
  name: 'app',
  internal: false,
  attachable: false,
  enableIpv4: true,
  enableIpv6: undefined,
  ipam: { options: null, pools: [] },
  options: {},
  labels: {},
};
const alone: Surroundings = { networks: [], used: [], pools: undefined, ipv6: false };
const plan = (more: Partial<NetworkRequest> = {}, around: Partial<Surroundings> = {}, own = id) =>
  planNetwork(own, { ...request, ...more }, { ...alone, ...around }, 1);
const pools = (...list: NetworkRequest['ipam']['pools']) => ({ ipam: { options: null, pools: list } });
const daemon = { nftTable: 'gantry', mtu: undefined, defaultAddress: undefined };

test('the first free default subnet is taken; one is not given out twice', () => {
  const first = plan();
  assert.deepEqual(first.ipam.pools, [{ subnet: '172.17.0.0/16', gateway: '172.17.0.1' }]);
  assert.equal(first.hasUserSubnet, false);
  const used = [parseSubnet('172.18.0.0/24')];
  const second = plan({ name: 'b' }, { networks: [first], used }, 'cd'.repeat(32));
  assert.equal(second.ipam.pools[0]?.subnet, '172.19.0.0/16');
});

test('IPv6 without a subnet is a unique local one; pools of the daemon’s come first', () => {
  const [, own] = plan({ enableIpv6: true }).ipam.pools;
  assert.match(own?.subnet ?? '', /^fd[0-9a-f]{2}:.*\/64$/);
  assert.deepEqual(plan({ enableIpv6: true }).ipam.pools[1], own);
  const daemonPools = [
    { base: '10.0.0.0/8', size: 24 },
    { base: 'fd12::/48', size: 64 },
  ];
  assert.deepEqual(
    plan({ enableIpv6: true }, { pools: daemonPools }).ipam.pools.map(({ subnet }) => subnet),
    ['10.0.0.0/24', 'fd12::/64'],
  );
  assert.equal(plan({}, { ipv6: true }).enableIpv6, true);
  assert.equal(plan(pools({ subnet: 'fd13::/64' })).enableIpv6, true);
});

test('what the user names is kept: range, gateway, addresses of others', () => {
  const pool = {
    subnet: '10.9.0.0/16',
    range: '10.9.5.0/24',
    gateway: '10.9.0.9',
    auxiliary: { printer: '10.9.5.1' },
  };
  const made = plan(pools(pool));
  assert.deepEqual(made.ipam.pools, [pool]);
  assert.equal(made.hasUserSubnet, true);
  const { config, plan: bridge } = bridgeOf(made, { ...daemon, mtu: 1400 });
  assert.deepEqual([config.mtu, bridge.ipv4.gateway, bridge.reserved], [1400, '10.9.0.9', ['10.9.5.1']]);
  assert.equal(bridge.range === undefined ? '' : formatSubnet(bridge.range), '10.9.5.0/24');
  assert.equal(
    plan(pools({ subnet: '10.9.0.0/16', range: '10.9.5.0/24' })).ipam.pools[0]?.gateway,
    '10.9.5.0',
  );
});

test('what makes no sense is an invalid argument, in words that say why', () => {
  const wrong: Array<[Partial<NetworkRequest>, RegExp]> = [
    [pools({ subnet: '10.9.0.1/16' }), /invalid subnet 10\.9\.0\.1\/16: it should be 10\.9\.0\.0\/16/],
    [pools({ subnet: '10.9.0.0/31' }), /no room/],
    [pools({ subnet: 'nonsense' }), /invalid CIDR address/],
    [pools({ subnet: '10.9.0.0/24', range: '10.8.0.0/25' }), /invalid ip-range/],
    [pools({ subnet: '10.9.0.0/24', gateway: '10.8.0.1' }), /invalid gateway/],
    [pools({ subnet: '10.9.0.0/24', auxiliary: { a: '10.8.0.1' } }), /invalid a 10\.8\.0\.1/],
    [pools({ gateway: '10.8.0.1' }), /a subnet is needed/],
    [pools({ subnet: '10.9.0.0/24' }, { subnet: '10.8.0.0/24' }), /doesn't support multiple subnets/],
  ];
  for (const [more, message] of wrong) {
    assert.throws(
      () => plan(more),
      (error: unknown) => isEngineError(error, 'invalid-argument') && message.test(error.message),
      String(message),
    );
  }
  assert.throws(
    () => plan({ enableIpv4: false }),
    (error: unknown) => isEngineError(error, 'not-implemented'),
  );
});

test('overlaps and names of bridges that are taken are forbidden', () => {
  const first = plan(pools({ subnet: '10.9.0.0/16' }));
  const forbidden = (more: Partial<NetworkRequest>, message: RegExp): void =>
    assert.throws(
      () => plan(more, { networks: [first] }, 'cd'.repeat(32)),
      (error: unknown) => isEngineError(error, 'forbidden') && message.test(error.message),
    );
  forbidden(pools({ subnet: '10.9.7.0/24' }), /Pool overlaps with other one on this address space/);
  const options = { 'com.docker.network.bridge.name': bridgeName(first) };
  forbidden({ options }, /networks have same bridge name/);
});

test('options are read as Go reads them, and those that can’t be are refused', () => {
  const option = (name: string, value: string) =>
    bridgeOf(plan({ options: { [`com.docker.network.${name}`]: value } }), daemon).config;
  assert.equal(option('bridge.enable_icc', 'F').icc, false);
  assert.equal(option('bridge.enable_ip_masquerade', '0').ipMasq, false);
  assert.equal(option('bridge.host_binding_ipv4', '127.0.0.1').defaultAddress, '127.0.0.1');
  assert.equal(option('driver.mtu', '9000').mtu, 9000);
  assert.equal(option('container_iface_prefix', 'lan').interfacePrefix, 'lan');
  assert.equal(option('bridge.name', 'my0').name, 'my0');
  assert.equal(option('something.else', 'x').icc, true);
  for (const [name, value] of [
    ['bridge.enable_icc', 'no'],
    ['driver.mtu', '67'],
    ['driver.mtu', 'big'],
    ['bridge.host_binding_ipv4', 'localhost'],
    ['bridge.name', 'more-than-fifteen'],
    ['container_iface_prefix', '9x'],
    ['bridge.default_bridge', 'true'],
  ])
    assert.throws(
      () => option(name ?? '', value ?? ''),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
      name,
    );
  assert.throws(
    () => option('bridge.gateway_mode_ipv4', 'routed'),
    (error: unknown) => isEngineError(error, 'not-implemented'),
  );
});

test('a network is read back as it was written; a damaged one is data loss', () => {
  const network = plan({ enableIpv6: true, labels: { a: 'b' } });
  assert.deepEqual(parseNetwork(JSON.parse(JSON.stringify(network))), network);
  for (const bad of [
    null,
    7,
    {},
    { ...network, id: 1 },
    { ...network, ipam: { pools: [] } },
    { ...network, labels: null },
  ])
    assert.throws(
      () => parseNetwork(bad),
      (error: unknown) => isEngineError(error, 'data-loss'),
    );
});
