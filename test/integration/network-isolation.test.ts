/** Who reaches whom between networks: apart from each other, from the outside, and from within where that is asked. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { Bridge, PortRequest } from '../../src/network/network-types.ts';
import { lanHost, NetworkLab } from '../support/network-lab.ts';

let lab: NetworkLab;
let front: Bridge;
let back: Bridge;
let vault: Bridge;
const web = (port: number): PortRequest => ({
  containerPort: 80,
  protocol: 'tcp',
  hostIp: '',
  hostPortFirst: port,
  hostPortLast: port,
});

before(async () => {
  lab = await NetworkLab.open();
  front = await lab.createNetwork('front', { enableIpv6: true });
  back = await lab.createNetwork('back', { enableIpv6: true });
  vault = await lab.createNetwork('vault', { internal: true });
  await lab.addLan();
  await lab.join(front, 'web', { ports: [web(18680)] });
  await lab.join(front, 'near');
  await lab.join(back, 'far');
  await lab.join(vault, 'safe');
  await lab.join(vault, 'safe2');
  for (const name of ['web', 'safe', 'lan']) await lab.serve(name, 'tcp:80', 'udp:81');
});
after(() => lab.close());

const addressOf = (bridge: Bridge, name: string): string => bridge.endpoint(name)?.ipAddress ?? '';
const address6Of = (bridge: Bridge, name: string): string => bridge.endpoint(name)?.ipv6Address ?? '';

test('within a network everything is reached, on both families', async () => {
  const near = { from: 'near', port: 80 };
  assert.equal(await lab.ask({ ...near, host: addressOf(front, 'web') }), addressOf(front, 'near'));
  assert.equal(await lab.ask({ ...near, host: address6Of(front, 'web') }), address6Of(front, 'near'));
  const udp = { protocol: 'udp' as const, from: 'near', port: 81, host: addressOf(front, 'web') };
  assert.equal(await lab.ask(udp), addressOf(front, 'near'));
});

test('from another network nothing is, but a published port by the host’s address', async () => {
  for (const host of [addressOf(front, 'web'), address6Of(front, 'web')])
    assert.equal(await lab.ask({ from: 'far', host, port: 80 }), 'timeout');
  const udp = { protocol: 'udp' as const, from: 'far', port: 81, host: addressOf(front, 'web') };
  assert.equal(await lab.ask(udp), 'timeout');
  assert.notEqual(await lab.ask({ from: 'far', host: lanHost, port: 18680 }), 'timeout');
});

test('from outside a container is reached by its published port alone, with the client’s address', async () => {
  assert.equal(await lab.ask({ from: 'lan', host: lanHost, port: 18680 }), '198.18.77.2');
  for (const host of [addressOf(front, 'web'), address6Of(front, 'web'), addressOf(vault, 'safe')])
    assert.equal(await lab.ask({ from: 'lan', host, port: 80 }), 'timeout');
});

test('a container reaches the outside under the host’s address; from an internal network nothing gets out', async () => {
  assert.equal(await lab.ask({ from: 'far', host: '198.18.77.2', port: 80 }), lanHost);
  assert.match(await lab.ask({ from: 'safe', host: '198.18.77.2', port: 80 }), /timeout|ENETUNREACH/);
  assert.match(
    await lab.ask({ from: 'safe', host: addressOf(front, 'web'), port: 80 }),
    /timeout|ENETUNREACH/,
  );
  /* With a route that it made itself, not even to a published port. */
  execFileSync('ip', [
    '-n',
    lab.namespace('safe'),
    'route',
    'replace',
    'default',
    'via',
    vault.gateways[0] ?? '',
  ]);
  for (const [host, port] of [
    ['198.18.77.2', 80],
    [lanHost, 18680],
    [addressOf(front, 'web'), 80],
  ] as const)
    assert.equal(await lab.ask({ from: 'safe', host, port }), 'timeout');
  assert.equal(
    await lab.ask({ from: 'safe2', host: addressOf(vault, 'safe'), port: 80 }),
    addressOf(vault, 'safe2'),
  );
});

test('with icc off containers of a network are apart, but not from published ports', async () => {
  const apart = await lab.createNetwork('apart', {
    options: { 'com.docker.network.bridge.enable_icc': 'false' },
  });
  await lab.join(apart, 'one', { ports: [web(18681)] });
  await lab.join(apart, 'two');
  await lab.serve('one', 'tcp:80');
  assert.equal(await lab.ask({ from: 'two', host: addressOf(apart, 'one'), port: 80 }), 'timeout');
  assert.equal(await lab.ask({ from: 'two', host: lanHost, port: 18681 }), apart.gateways[0]);
});

test('options of a network: its bridge’s name, MTU, interfaces, addresses that are nobody’s, where ports are bound', async () => {
  const name = `gto${lab.tag}`;
  const special = await lab.createNetwork('special', {
    ipam: {
      options: null,
      pools: [
        {
          subnet: '10.213.79.0/24',
          range: '10.213.79.64/28',
          gateway: '10.213.79.254',
          auxiliary: { printer: '10.213.79.64' },
        },
      ],
    },
    options: {
      'com.docker.network.bridge.name': name,
      'com.docker.network.driver.mtu': '1400',
      'com.docker.network.container_iface_prefix': 'lan',
      'com.docker.network.bridge.host_binding_ipv4': '127.0.0.1',
    },
  });
  const endpoint = await lab.join(special, 'odd', { ports: [web(18682)] });
  assert.deepEqual([endpoint.ipAddress, endpoint.gateway], ['10.213.79.65', '10.213.79.254']);
  assert.deepEqual(
    endpoint.ports.map(({ hostIp }) => hostIp),
    ['127.0.0.1'],
  );
  const shown = execFileSync('ip', ['-n', lab.namespace('odd'), '-o', 'link']).toString();
  assert.match(shown, /lan0@.* mtu 1400/);
  assert.match(execFileSync('ip', ['-o', 'link', 'show', name]).toString(), /mtu 1400/);
  await assert.rejects(
    lab.createNetwork('again', { options: { 'com.docker.network.bridge.name': name } }),
    /networks have same bridge name/,
  );
});
