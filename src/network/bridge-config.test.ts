import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeBridge, ipv6AddressFor, macFor, planBridge, requireMac } from './bridge-config.ts';
import type { HostNetwork } from './host-network.ts';
import { formatSubnet, parseSubnet } from './ip-address.ts';
import type { Endpoint } from './network-types.ts';
import { bridgeSubnetOf, ipv6SubnetOf } from './subnet-choice.ts';

const config = { name: 'gantry0', nftTable: 'gantry' };
const link = (index: number, name: string) => ({
  index,
  name,
  up: true,
  mtu: 1500,
  mac: '',
  alias: '',
  master: undefined,
});
const empty: HostNetwork = { links: [], addresses: [], routes: [] };
const docker: HostNetwork = {
  links: [link(3, 'docker0')],
  addresses: [{ index: 3, address: '172.17.0.1', prefixLength: 16 }],
  routes: [{ ...parseSubnet('172.18.0.0/16'), outInterface: 4 }],
};
const planned = (host: HostNetwork, endpoints: Endpoint[] = [], more = {}): string => {
  const { ipv4 } = planBridge({ ...config, ...more }, host, endpoints);
  return `${ipv4.gateway} of ${formatSubnet(ipv4.subnet)}`;
};

test('the host’s addresses and routes are avoided, a docker0 that is down too', () => {
  assert.equal(planned(empty), '172.17.0.1 of 172.17.0.0/16');
  assert.equal(planned(docker), '172.19.0.1 of 172.19.0.0/16');
});

test('a bridge that is there keeps its subnet', () => {
  const host: HostNetwork = {
    links: [...docker.links, link(9, 'gantry0')],
    addresses: [...docker.addresses, { index: 9, address: '172.20.0.1', prefixLength: 16 }],
    routes: [...docker.routes, { ...parseSubnet('172.20.0.0/16'), outInterface: 9 }],
  };
  assert.equal(planned(host), '172.20.0.1 of 172.20.0.0/16');
});

test('so do recorded endpoints after the bridge went; the flag wins over all', () => {
  const endpoint: Endpoint = {
    containerId: 'c',
    endpointId: 'e',
    networkId: 'n',
    ipAddress: '192.168.0.2',
    prefixLength: 20,
    gateway: '192.168.0.1',
    macAddress: '',
    hostInterface: '',
    ports: [],
  };
  assert.equal(planned(docker, [endpoint]), '192.168.0.1 of 192.168.0.0/20');
  assert.equal(planned(docker, [endpoint], { bip: '10.1.0.9/24' }), '10.1.0.9 of 10.1.0.0/24');
});

test('network id and MAC are the same at each start, and differ between bridges', () => {
  const [first, again] = [planBridge(config, empty, []), planBridge(config, docker, [])];
  assert.match(first.networkId, /^[0-9a-f]{64}$/);
  assert.match(first.mac, /^02:42(:[0-9a-f]{2}){4}$/);
  assert.equal(first.networkId, again.networkId);
  assert.notEqual(planBridge({ ...config, name: 'other0' }, empty, []).networkId, first.networkId);
});

test('addresses follow from the IPv4 address', () => {
  assert.equal(macFor('172.17.0.2'), '02:42:ac:11:00:02');
  const ipv4 = bridgeSubnetOf('172.17.0.9/16');
  const ipv6 = ipv6SubnetOf('', 'fd00:1::/64');
  assert.equal(ipv6AddressFor(ipv6, ipv4, '172.17.1.2'), 'fd00:1::102');
  assert.equal(ipv6AddressFor(ipv6, ipv4, '172.17.0.1'), 'fd00:1::9');
});

test('the description is Docker’s', () => {
  const description = describeBridge(
    { ...config, icc: false },
    planBridge({ ...config, mtu: 1400 }, empty, []),
  );
  assert.deepEqual(description.ipam.pools, [{ subnet: '172.17.0.0/16', gateway: '172.17.0.1' }]);
  assert.equal(description.options['com.docker.network.bridge.enable_icc'], 'false');
  assert.equal(description.options['com.docker.network.driver.mtu'], '1400');
});

test('a MAC address that no interface can have is an invalid argument', () => {
  assert.equal(requireMac('02-42-AC-11-00-02'), '02:42:ac:11:00:02');
  for (const text of ['', '02:42:ac:11:00', '01:00:5e:00:00:01', '00:00:00:00:00:00', 'g2:42:ac:11:00:02']) {
    assert.throws(() => requireMac(text), /invalid MAC address/);
  }
});
