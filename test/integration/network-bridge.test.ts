/** The bridge on a real kernel: namespaces as containers, a machine on a network outside, TCP and UDP in every direction. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import type { Endpoint, PortRequest } from '../../src/network/network-types.ts';
import { lanHost, lanHost6, NetworkLab } from '../support/network-lab.ts';

const gateway = '10.213.77.1';
const lan = '198.18.77.2';

function publish(hostPort: number, containerPort = 80, more: Partial<PortRequest> = {}): PortRequest {
  return {
    containerPort,
    protocol: 'tcp',
    hostIp: '',
    hostPortFirst: hostPort,
    hostPortLast: hostPort,
    ...more,
  };
}

let lab: NetworkLab;
let web: Endpoint;

before(async () => {
  lab = await NetworkLab.open({ ipv6: true });
  await lab.addLan();
  web = await lab.container('web', [
    publish(18080),
    publish(18053, 53, { protocol: 'udp' }),
    publish(18081, 80, { hostIp: '127.0.0.1' }),
    publish(18082, 80, { hostIp: lanHost }),
  ]);
  await lab.container('other');
  await lab.serve('web', 'tcp:80', 'tcp:99', 'udp:53');
  await lab.serve('lan', 'tcp:7');
});
after(() => lab.close());

/** From where to what; what the server sees as its peer, or why it was not reached. */
const cases: Array<[what: string, query: Parameters<NetworkLab['ask']>[0], answer: string | (() => string)]> =
  [
    ['the host reaches a container directly', { host: '10.213.77.2', port: 99 }, gateway],
    ['the host by its localhost', { host: '127.0.0.1', port: 18080 }, gateway],
    ['the host by its localhost, UDP', { host: '127.0.0.1', port: 18053, protocol: 'udp' }, gateway],
    ['the host by its own address', { host: lanHost, port: 18080 }, lanHost],
    ['the host by a port bound to 127.0.0.1', { host: '127.0.0.1', port: 18081 }, gateway],
    ['a port bound to 127.0.0.1 is not on other addresses', { host: lanHost, port: 18081 }, 'ECONNREFUSED'],
    ['the host by a port bound to one address', { host: lanHost, port: 18082 }, lanHost],
    ['a port bound to one address is not on localhost', { host: '127.0.0.1', port: 18082 }, 'ECONNREFUSED'],
    ['another machine, with its own address kept', { from: 'lan', host: lanHost, port: 18080 }, lan],
    ['another machine, UDP', { from: 'lan', host: lanHost, port: 18053, protocol: 'udp' }, lan],
    ['another machine by a port bound to one address', { from: 'lan', host: lanHost, port: 18082 }, lan],
    [
      'another machine not by a port bound to 127.0.0.1',
      { from: 'lan', host: lanHost, port: 18081 },
      'ECONNREFUSED',
    ],
    [
      'another machine not by the container’s address',
      { from: 'lan', host: '10.213.77.2', port: 80 },
      'timeout',
    ],
    ['another machine not by an unpublished port', { from: 'lan', host: '10.213.77.2', port: 99 }, 'timeout'],
    ['another container directly', { from: 'other', host: '10.213.77.2', port: 99 }, '10.213.77.3'],
    ['another container by the bridge’s address', { from: 'other', host: gateway, port: 18080 }, gateway],
    ['another container by the host’s address', { from: 'other', host: lanHost, port: 18080 }, gateway],
    ['the container itself by the bridge’s address', { from: 'web', host: gateway, port: 18080 }, gateway],
    ['the container itself by the host’s address', { from: 'web', host: lanHost, port: 18080 }, gateway],
    ['the container itself, UDP', { from: 'web', host: lanHost, port: 18053, protocol: 'udp' }, gateway],
    ['a container reaches out with the host’s address', { from: 'other', host: lan, port: 7 }, lanHost],
    ['IPv6: the host by ::1', { host: '::1', port: 18080 }, () => web.ipv6Gateway ?? ''],
    ['IPv6: the host by its own address', { host: lanHost6, port: 18080 }, lanHost6],
    ['IPv6: another machine', { from: 'lan', host: lanHost6, port: 18080 }, 'fd99:77::2'],
    [
      'IPv6: another machine, UDP',
      { from: 'lan', host: lanHost6, port: 18053, protocol: 'udp' },
      'fd99:77::2',
    ],
    ['IPv6: the container itself', { from: 'web', host: lanHost6, port: 18080 }, () => web.ipv6Gateway ?? ''],
    ['IPv6: another container', { from: 'other', host: lanHost6, port: 18080 }, () => web.ipv6Gateway ?? ''],
    ['IPv6: a container reaches out', { from: 'other', host: 'fd99:77::2', port: 7 }, lanHost6],
  ];
for (const [what, query, answer] of cases) {
  test(what, async () => assert.equal(await lab.ask(query), typeof answer === 'string' ? answer : answer()));
}

test('IPv6: another machine does not reach a container’s address', async () => {
  assert.equal(await lab.ask({ from: 'lan', host: web.ipv6Address ?? '', port: 99 }), 'timeout');
});

test('a container does not reach what listens on the host’s loopback alone', async () => {
  const server = createServer((socket) => socket.end('secret')).listen(18099, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const inside = (command: string) =>
    execFileSync('ip', ['netns', 'exec', lab.namespace('other'), 'sh', '-c', command]);
  inside(
    `echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet; ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1 via ${gateway}`,
  );
  const attempt = { from: 'other', host: '127.0.0.1', port: 18099 };
  assert.equal(await lab.ask(attempt), 'timeout');
  // The guard is what stops it, not the test's own mistake.
  execFileSync('nft', ['flush', 'chain', 'inet', lab.table, 'guard']);
  assert.equal(await lab.ask(attempt), 'secret');
  await lab.networks.reconcile(new Set(['web', 'other']));
  assert.equal(await lab.ask(attempt), 'timeout');
  server.close();
});

test('the interface is as Docker’s: eth0, MAC from the address, default routes', () => {
  const inside = (...args: string[]) => execFileSync('ip', ['-n', lab.namespace('web'), ...args]).toString();
  assert.match(
    inside('addr', 'show', 'eth0'),
    /eth0@.* mtu 1500 .*state UP[\s\S]*02:42:0a:d5:4d:02[\s\S]*inet 10\.213\.77\.2\/24 brd 10\.213\.77\.255/,
  );
  assert.match(inside('route'), /default via 10\.213\.77\.1 dev eth0/);
  assert.match(inside('-6', 'route'), new RegExp(`default via ${web.ipv6Gateway} dev eth0`));
  assert.match(inside('addr', 'show', 'lo'), /<LOOPBACK,UP,LOWER_UP>/);
});
