import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { hostSubnets } from './bridge-config.ts';
import { formatSubnet, parseSubnet } from './ip-address.ts';
import { bridgeName, bridgeOf, planNetwork, planOf, type Surroundings } from './network-plan.ts';
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
const bridge = 'com.docker.network.bridge.';
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
  const { config, plan: planned } = bridgeOf(made, { ...daemon, mtu: 1400 });
  assert.deepEqual([config.mtu, planned.ipv4?.gateway, planned.reserved], [1400, '10.9.0.9', ['10.9.5.1']]);
  assert.equal(planned.range === undefined ? '' : formatSubnet(planned.range), '10.9.5.0/24');
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
    [{ enableIpv4: false }, /IPv4 or IPv6 must be enabled/],
    [{ options: { [`${bridge}gateway_mode_ipv4`]: 'isolated' } }, /only be used for an internal network/],
  ];
  for (const [more, message] of wrong) {
    assert.throws(
      () => plan(more),
      (error: unknown) => isEngineError(error, 'invalid-argument') && message.test(error.message),
      String(message),
    );
  }
});

test('a network has one family or both, by its request, else by its options', () => {
  const families = (more: Partial<NetworkRequest>) => {
    const { enableIpv4 = true, enableIpv6, ipam } = plan(more);
    assert.deepEqual(
      [enableIpv4, enableIpv6],
      [4, 6].map((family) => ipam.pools.some(({ subnet }) => subnet.includes(':') === (family === 6))),
    );
    return [enableIpv4, enableIpv6];
  };
  assert.deepEqual(families({}), [true, false]);
  assert.deepEqual(families({ enableIpv4: false, enableIpv6: true }), [false, true]);
  assert.deepEqual(families({ enableIpv4: false, ...pools({ subnet: 'fd14::/64' }) }), [false, true]);
  const options = {
    'com.docker.network.enable_ipv4': 'false',
    'com.docker.network.enable_ipv6': 'true',
  };
  assert.deepEqual(families({ options, enableIpv4: undefined }), [false, true]);
  assert.deepEqual(families({ options, enableIpv4: true, enableIpv6: false }), [true, false]);
});

test('without IPv4 the bridge has its IPv6 address alone', () => {
  const made = plan({ enableIpv4: false, ...pools({ subnet: 'fd14::/64', range: 'fd14::5:0/112' }) });
  const { config, plan: bridgePlan } = bridgeOf(made, daemon);
  assert.equal(bridgePlan.ipv4, undefined);
  assert.deepEqual(
    hostSubnets(config, bridgePlan).map(({ gateway }) => gateway),
    ['fd14::5:0'],
  );
});

test('who is the gateway follows from mode and inhibit_ipv4', () => {
  const gateways = (options: Record<string, string>, internal = false) => {
    const made = plan({
      internal,
      enableIpv6: true,
      options: Object.fromEntries(Object.entries(options).map(([name, value]) => [bridge + name, value])),
    });
    const { config, plan: bridgePlan } = bridgeOf(made, daemon);
    return [
      made.ipam.pools.map(({ gateway }) => gateway !== undefined),
      hostSubnets(config, bridgePlan).map(({ subnet }) => subnet.base.length),
    ];
  };
  const both = { gateway_mode_ipv4: 'isolated', gateway_mode_ipv6: 'isolated' };
  assert.deepEqual(gateways({ gateway_mode_ipv4: 'routed' }), [
    [true, true],
    [4, 16],
  ]);
  assert.deepEqual(gateways({ inhibit_ipv4: 'true' }), [[true, true], [16]]);
  assert.deepEqual(gateways({ inhibit_ipv4: 'true' }, true), [[false, true], [16]]);
  assert.deepEqual(gateways({ gateway_mode_ipv6: 'isolated' }, true), [[true, false], [4]]);
  assert.deepEqual(gateways(both, true), [[false, false], []]);
});

test('several subnets of a family are for macvlan and ipvlan; never two of them with addresses in common', () => {
  const two = pools({ subnet: '10.9.0.0/24' }, { subnet: '10.8.0.0/24', range: '10.8.0.128/25' });
  const is = (driver: string, more: Partial<NetworkRequest>, message: RegExp) =>
    assert.throws(
      () => plan({ driver, ...more }),
      (error: unknown) => isEngineError(error, 'forbidden') && message.test(error.message),
    );
  is('bridge', two, /doesn't support multiple subnets/);
  is('macvlan', pools({ subnet: '10.9.0.0/24' }, { subnet: '10.9.0.0/25' }), /Pool overlaps/);
  const made = plan({ driver: 'macvlan', ...two });
  assert.deepEqual(
    made.ipam.pools.map(({ gateway }) => gateway),
    ['10.9.0.1', '10.8.0.128'],
  );
  const { ipv4, further = [] } = planOf(made, 1500);
  assert.equal(ipv4?.gateway, '10.9.0.1');
  assert.deepEqual(
    further.map(({ subnet, range }) => [formatSubnet(subnet), range && formatSubnet(range)]),
    [['10.8.0.0/24', '10.8.0.128/25']],
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
  assert.equal(option('bridge.host_binding_ipv4', '::').defaultAddress, '::');
  assert.deepEqual(option('bridge.trusted_host_interfaces', 'eth3::vxlan.1').trusted, ['eth3', 'vxlan.1']);
  assert.deepEqual(option('host_ipv6', 'fd00::7').hostAddresses, { ipv6: 'fd00::7' });
  assert.deepEqual(option('bridge.gateway_mode_ipv6', 'routed').modes, { ipv4: 'nat', ipv6: 'routed' });
  assert.equal(option('something.else', 'x').icc, true);
  for (const [name, value] of [
    ['bridge.enable_icc', 'no'],
    ['driver.mtu', '67'],
    ['driver.mtu', 'big'],
    ['bridge.host_binding_ipv4', 'localhost'],
    ['bridge.name', 'more-than-fifteen'],
    ['container_iface_prefix', '9x'],
    ['bridge.default_bridge', 'true'],
    ['bridge.gateway_mode_ipv4', 'bridged'],
    ['bridge.trusted_host_interfaces', 'eth0:a"b'],
    ['bridge.inhibit_ipv4', 'perhaps'],
    ['host_ipv4', 'fd00::1'],
    ['host_ipv6', '10.0.0.1'],
  ])
    assert.throws(
      () => option(name ?? '', value ?? ''),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
      name,
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
