/** Networks without IPv4, and networks on which the host is not the gateway, by the stock command line. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, afterEach, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start({
    config: { 'default-address-pools': [{ base: '10.249.0.0/16', size: 24 }] },
  });
});
afterEach(async () => {
  await daemon.removeAll();
  await ok('network', 'prune', '-f');
});
after(() => daemon.close());

const ok = (...args: string[]): Promise<string> => daemon.ok(args);
const inside = (name: string, script: string): Promise<string> =>
  ok('exec', name, 'sh', '-c', `${script} 2>&1 || true`);
const refusal = async (...args: string[]): Promise<string> => {
  const { code, stderr } = await daemon.docker(args);
  assert.notEqual(code, 0, `docker ${args.join(' ')} is to fail`);
  return stderr;
};
const server = (name: string, ...flags: string[]): Promise<string> =>
  ok(
    'run',
    '-d',
    '--name',
    name,
    ...flags,
    'busybox',
    'sh',
    '-c',
    `echo I am ${name} > /index.html; exec httpd -f -h /`,
  );
const sleeper = (name: string, ...flags: string[]): Promise<string> =>
  ok('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '1000');
/** What a container's server says, asked by its name or address. */
const fetched = async (from: string, host: string): Promise<string> =>
  (await inside(from, `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 ${host} 80`)).split('\n').at(-1) ?? '';
const settingsOf = async (name: string) => JSON.parse(await ok('inspect', name))[0].NetworkSettings;
const mode = (family: string, value: string): string[] => [
  '-o',
  `com.docker.network.bridge.gateway_mode_${family}=${value}`,
];

/** The same port of the host's localhost, of either family. */
async function atLocalhost(port: number): Promise<[ipv4: string, ipv6: string]> {
  const ask = (host: string): Promise<string> =>
    fetch(`http://${host}:${port}/`, { signal: AbortSignal.timeout(3000) }).then(
      (reply) => reply.text(),
      () => 'nothing',
    );
  const [ipv4, ipv6] = await Promise.all([ask('127.0.0.1'), ask('[::1]')]);
  return [ipv4.trim(), ipv6.trim()];
}

test('a network without IPv4: inspected as in Docker, names and published ports by IPv6', async () => {
  await ok('network', 'create', '--ipv4=false', '--ipv6', '--subnet', 'fd49:1::/64', 'six');
  const [network] = JSON.parse(await ok('network', 'inspect', 'six'));
  assert.deepEqual(
    [network.EnableIPv4, network.EnableIPv6, network.IPAM.Config],
    [false, true, [{ Subnet: 'fd49:1::/64', Gateway: 'fd49:1::1' }]],
  );
  await server('web', '--network', 'six', '-p', '18561:80');
  await sleeper('client', '--network', 'six', '--ip6', 'fd49:1::77');
  const { Networks: networks, Ports: ports } = await settingsOf('web');
  const { IPAddress, IPPrefixLen, Gateway, GlobalIPv6Address, GlobalIPv6PrefixLen, IPv6Gateway } =
    networks.six;
  assert.deepEqual(
    [IPAddress, IPPrefixLen, Gateway, GlobalIPv6Address, GlobalIPv6PrefixLen, IPv6Gateway],
    ['', 0, '', 'fd49:1::2', 64, 'fd49:1::1'],
  );
  assert.deepEqual(ports, { '80/tcp': [{ HostIp: '::', HostPort: '18561' }] });
  assert.equal(await ok('port', 'web'), '80/tcp -> [::]:18561');
  const [{ Containers: members }] = JSON.parse(await ok('network', 'inspect', 'six'));
  const addresses = Object.values<Record<string, string>>(members).map((one) => [
    one['IPv4Address'],
    one['IPv6Address'],
  ]);
  assert.deepEqual(addresses.sort(), [
    ['', 'fd49:1::2/64'],
    ['', 'fd49:1::77/64'],
  ]);
  assert.match(await inside('web', 'cat /etc/resolv.conf'), /^nameserver fd49:1::1$/m);
  const hosts = await inside('web', 'cat /etc/hosts');
  assert.match(hosts, /^fd49:1::2\t[0-9a-f]{12}$/m);
  assert.doesNotMatch(hosts, /^\t/m);
  assert.doesNotMatch(await inside('web', 'ip -4 addr show eth0'), /inet /);
  assert.equal(await fetched('client', 'web'), 'I am web');
  assert.match(await inside('client', 'nslookup fd49:1::2'), /web\.six/);
  assert.deepEqual(await atLocalhost(18561), ['nothing', 'I am web']);
  await daemon.kill9();
  await daemon.launch();
  assert.equal(await fetched('client', 'web'), 'I am web');
  assert.deepEqual(await atLocalhost(18561), ['nothing', 'I am web']);
});

test('what such a network can’t do is refused', async () => {
  assert.match(await refusal('network', 'create', '--ipv4=false', 'neither'), /IPv4 or IPv6 must be enabled/);
  await ok('network', 'create', '--ipv4=false', '--ipv6', '--subnet', 'fd49:2::/64', 'six');
  const run = (...flags: string[]): Promise<string> =>
    refusal('run', '--rm', '--network', 'six', ...flags, 'busybox', 'true');
  assert.match(await run('--ip', '10.9.0.2'), /the network has no IPv4/);
  assert.match(await run('-p', '127.0.0.1:18562:80'), /the network has no IPv4/);
  await ok('run', '--rm', '--network', 'six', '-p', '18562:80', 'busybox', 'true');
});

test('routes, ports and names follow a container that runs from one family to the other', async () => {
  await ok('network', 'create', 'four');
  await ok('network', 'create', '--ipv4=false', '--ipv6', '--subnet', 'fd49:3::/64', 'six');
  await server('web', '--network', 'six', '-p', '18563:80');
  await sleeper('client', '--network', 'six');
  const ports = async (): Promise<string[]> =>
    ((await settingsOf('web')).Ports['80/tcp'] ?? []).map((one: { HostIp: string }) => one.HostIp);
  assert.deepEqual(await ports(), ['::']);
  await ok('network', 'connect', 'four', 'web');
  assert.deepEqual(await ports(), ['0.0.0.0']);
  assert.deepEqual(await atLocalhost(18563), ['I am web', 'nothing']);
  assert.match(await inside('web', 'ip route'), /^default via 10\.249\./m);
  assert.match(await inside('web', 'ip -6 route'), /^default via fd49:3::1/m);
  assert.equal(await fetched('client', 'web'), 'I am web');
  await ok('network', 'disconnect', 'four', 'web');
  assert.deepEqual(await ports(), ['::']);
  assert.deepEqual(await atLocalhost(18563), ['nothing', 'I am web']);
  assert.doesNotMatch(await inside('web', 'ip route'), /default/);
  await ok('network', 'disconnect', 'six', 'web');
  assert.match(await inside('web', 'ls /sys/class/net'), /^lo$/);
  await ok('network', 'connect', 'six', 'web');
  assert.equal(await fetched('client', 'web'), 'I am web');
});

test('on an isolated network names are answered though the host is nobody there', async () => {
  await ok(
    'network',
    'create',
    '--internal',
    ...mode('ipv4', 'isolated'),
    ...mode('ipv6', 'isolated'),
    '--ipv6',
    'cell',
  );
  const [{ IPAM: ipam, Id: id }] = JSON.parse(await ok('network', 'inspect', 'cell'));
  for (const pool of ipam.Config) assert.deepEqual(Object.keys(pool), ['Subnet']);
  await server('web', '--network', 'cell');
  await sleeper('client', '--network', 'cell');
  const { cell } = (await settingsOf('web')).Networks;
  assert.deepEqual([cell.Gateway, cell.IPv6Gateway], ['', '']);
  assert.doesNotMatch(execFileSync('ip', ['addr', 'show', `br-${id.slice(0, 12)}`]).toString(), /inet/);
  assert.match(await inside('client', 'cat /etc/resolv.conf'), /^nameserver 127\.0\.0\.11$/m);
  assert.equal(await fetched('client', 'web'), 'I am web');
  assert.match(
    await inside('client', 'nslookup web.cell'),
    new RegExp(cell.IPAddress.replaceAll('.', '\\.')),
  );
  await ok('rename', 'web', 'shop');
  assert.equal(await fetched('client', 'shop'), 'I am web');
  await daemon.kill9();
  await daemon.launch();
  assert.equal(await fetched('client', 'shop'), 'I am web');
  assert.match(
    await refusal('network', 'create', ...mode('ipv4', 'isolated'), 'open'),
    /only be used for an internal network/,
  );
});

test('with inhibit_ipv4 the gateway is another machine, and names are answered all the same', async () => {
  const inhibited = [
    '-o',
    'com.docker.network.bridge.inhibit_ipv4=true',
    '-o',
    'com.docker.network.bridge.name=gtinhibit0',
  ];
  await ok(
    'network',
    'create',
    ...inhibited,
    '--subnet',
    '10.248.7.0/24',
    '--gateway',
    '10.248.7.254',
    'other',
  );
  assert.doesNotMatch(execFileSync('ip', ['-4', 'addr', 'show', 'gtinhibit0']).toString(), /inet/);
  await server('router', '--network', 'other', '--cap-add', 'NET_ADMIN');
  await sleeper('client', '--network', 'other');
  assert.match(await inside('client', 'ip route'), /^default via 10\.248\.7\.254 dev eth0/m);
  assert.match(await inside('client', 'cat /etc/resolv.conf'), /^nameserver 127\.0\.0\.11$/m);
  assert.equal(await fetched('client', 'router'), 'I am router');
  /* Whoever takes the gateway's address is the gateway. */
  await inside('router', 'ip addr add 10.248.7.254/24 dev eth0; ip addr add 203.0.113.9/32 dev lo');
  assert.equal(await fetched('client', '203.0.113.9'), 'I am router');
});

test('ports of a routed network are shown without a port of the host', async () => {
  await ok('network', 'create', ...mode('ipv6', 'routed'), '--ipv6', '--subnet', 'fd49:4::/64', 'half');
  await server('web', '--network', 'half', '-p', '18564:80');
  assert.deepEqual((await settingsOf('web')).Ports, {
    '80/tcp': [
      { HostIp: '0.0.0.0', HostPort: '18564' },
      { HostIp: '::', HostPort: '' },
    ],
  });
  assert.deepEqual(await atLocalhost(18564), ['I am web', 'nothing']);
  assert.match(await ok('ps', '--format', '{{.Ports}}'), /0\.0\.0\.0:18564->80\/tcp/);
});
