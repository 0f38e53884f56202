import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interfaceSetup, joinSetups } from './interface-setup.ts';
import { splitMessages } from './netlink-message.ts';
import type { Endpoint } from './network-types.ts';
import { rtm } from './rtnetlink.ts';

const endpoint: Endpoint = {
  containerId: 'c',
  endpointId: 'e',
  networkId: 'n',
  ipAddress: '172.17.0.2',
  prefixLength: 16,
  gateway: '172.17.0.1',
  macAddress: '02:42:ac:11:00:02',
  hostInterface: 'veth1234567',
  ports: [],
};
const ipv6 = { ipv6Address: 'fd00::2', ipv6PrefixLength: 64, ipv6Gateway: 'fd00::1' };
const common = { bridgeIndex: 7, mtu: 1500, isolated: false, sysctls: {}, kernelHasIpv6: true };
const types = (messages: readonly Uint8Array[]): number[] =>
  messages.flatMap((message) => splitMessages(Buffer.from(message)).map(({ type }) => type));

test('inside: the pair, loopback, address and route; outside: the bridge and its neighbour', () => {
  const setup = interfaceSetup({ ...common, endpoint });
  assert.deepEqual(types(setup.inside), [rtm.newLink, rtm.setLink, rtm.newAddress, rtm.newRoute]);
  assert.deepEqual(types(setup.outside), [rtm.setLink, rtm.newLink, rtm.newNeighbour]);
  assert.deepEqual(setup.sysctls, { 'ipv6/conf/default/disable_ipv6': '1' });
});

test('with IPv6 its address and route follow, and the user’s parameters are kept', () => {
  const setup = interfaceSetup({ ...common, endpoint: { ...endpoint, ...ipv6 }, sysctls: { 'ipv4/x': '1' } });
  assert.deepEqual(types(setup.inside).slice(4), [rtm.newAddress, rtm.newRoute]);
  assert.equal(setup.sysctls?.['ipv6/conf/default/accept_dad'], '0');
  assert.equal(setup.sysctls?.['ipv4/x'], '1');
});

test('a kernel without IPv6 has no parameters of it', () => {
  const setup = interfaceSetup({ ...common, endpoint, kernelHasIpv6: false, sysctls: { 'ipv4/x': '1' } });
  assert.deepEqual(setup.sysctls, { 'ipv4/x': '1' });
});

test('only a container with published ports gets its own frames back', () => {
  const port = { containerPort: 80, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 80 } as const;
  const plain = interfaceSetup({ ...common, endpoint }).outside[1];
  const published = interfaceSetup({ ...common, endpoint: { ...endpoint, ports: [port] } }).outside[1];
  assert.ok((published?.length ?? 0) > (plain?.length ?? 0));
});

test('several interfaces: each with its number, the default route where it belongs', () => {
  const second = { ...endpoint, ...ipv6, interfaceName: 'eth1', endpointId: 'f' };
  const noRoutes = { ipv4: false, ipv6: false };
  const parts = [
    { endpoint, setup: interfaceSetup({ ...common, endpoint }) },
    {
      endpoint: second,
      setup: interfaceSetup({ ...common, endpoint: second, number: 1, defaultRoutes: noRoutes }),
    },
  ];
  const joined = joinSetups(parts);
  assert.equal(types(joined.inside).filter((type) => type === rtm.newRoute).length, 1);
  assert.equal(joined.outside.length, 6);
  assert.deepEqual(joined.sysctls, {
    'ipv6/conf/eth0/disable_ipv6': '1',
    'ipv6/conf/default/accept_ra': '0',
    'ipv6/conf/default/accept_dad': '0',
  });
  assert.deepEqual(joinSetups(parts.slice(0, 1)).sysctls, { 'ipv6/conf/default/disable_ipv6': '1' });
});
