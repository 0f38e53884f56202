/** Options of networks and of containers' places on them, by the stock command line. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start({
    config: { 'default-address-pools': [{ base: '10.247.0.0/16', size: 24 }] },
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
const sleeper = (name: string, ...flags: string[]): Promise<string> =>
  ok('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '1000');
const refusal = async (...args: string[]): Promise<string> => {
  const { code, stderr } = await daemon.docker(args);
  assert.notEqual(code, 0, `docker ${args.join(' ')} is to fail`);
  return stderr;
};
const names = async (container: string): Promise<string[]> =>
  (await inside(container, 'ls /sys/class/net')).split(/\s+/).sort();
const ifname = (name: string): string => `driver-opt=com.docker.network.endpoint.ifname=${name}`;
const sysctl = (text: string): string => `driver-opt=com.docker.network.endpoint.sysctls=${text}`;

test('an interface has the name and the parameters that were asked for, also of a container that runs', async () => {
  for (const name of ['one', 'two', 'three']) await ok('network', 'create', name);
  await sleeper(
    'named',
    '--network',
    `name=one,${ifname('lan0')},${sysctl('net.ipv4.conf.IFNAME.log_martians=1')}`,
    '--network',
    `name=two,${ifname('eth0')}`,
  );
  assert.deepEqual(await names('named'), ['eth0', 'lan0', 'lo']);
  assert.equal(await inside('named', 'cat /proc/sys/net/ipv4/conf/lan0/log_martians'), '1');
  assert.equal(await inside('named', 'cat /proc/sys/net/ipv4/conf/eth0/log_martians'), '0');
  await ok(
    'network',
    'connect',
    '--driver-opt',
    `${sysctl('net.ipv4.conf.IFNAME.arp_ignore=2').slice(11)}`,
    'three',
    'named',
  );
  assert.deepEqual(await names('named'), ['eth0', 'eth2', 'lan0', 'lo']);
  assert.equal(await inside('named', 'cat /proc/sys/net/ipv4/conf/eth2/arp_ignore'), '2');
  /* The order of interfaces, and with it the default route, is that of the networks, whatever they are called. */
  assert.match(await inside('named', 'ip route'), /^default via \S+ dev lan0/m);
  await ok('network', 'disconnect', 'one', 'named');
  assert.match(await inside('named', 'ip route'), /^default via \S+ dev eth2/m);
  await ok('restart', '-t', '0', 'named');
  assert.deepEqual(await names('named'), ['eth0', 'eth1', 'lo']);
});

test('the default route goes by the highest priority', async () => {
  for (const name of ['a', 'b', 'c']) await ok('network', 'create', name);
  await sleeper(
    'routed',
    '--network',
    'a',
    '--network',
    'name=b,gw-priority=7',
    '--network',
    'name=c,gw-priority=-1',
  );
  const via = (network: string): Promise<string> =>
    ok('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', network);
  const route = (): Promise<string> => inside('routed', 'ip route');
  assert.match(await route(), new RegExp(`^default via ${await via('b')} dev eth0`, 'm'));
  await ok('network', 'disconnect', 'b', 'routed');
  assert.match(await route(), new RegExp(`^default via ${await via('a')} dev eth1`, 'm'));
  await ok('network', 'connect', '--gw-priority', '9', 'b', 'routed');
  assert.match(await route(), new RegExp(`^default via ${await via('b')} `, 'm'));
  const priority = await ok('inspect', '-f', '{{.NetworkSettings.Networks.b.GwPriority}}', 'routed');
  assert.equal(priority, '9');
});

test('link-local addresses are on the interface, and in inspect', async () => {
  await ok('network', 'create', 'll');
  await sleeper('linked', '--network', 'll', '--link-local-ip', '169.254.7.7', '--link-local-ip', 'fe80::7');
  assert.match(await inside('linked', 'ip addr show eth0'), /169\.254\.7\.7\/16[\s\S]*fe80::7\/64/);
  await sleeper('other', '--network', 'll', '--link-local-ip', '169.254.7.8');
  assert.match(await inside('other', 'ping -c1 -W1 169.254.7.7'), /1 packets received/);
  assert.equal(
    await ok('inspect', '-f', '{{json .NetworkSettings.Networks.ll.IPAMConfig}}', 'linked'),
    '{"LinkLocalIPs":["169.254.7.7","fe80::7"]}',
  );
});

test('options of a place that can’t be are refused before anything is made', async () => {
  await ok('network', 'create', 'net');
  const create = (place: string): Promise<string> =>
    refusal('create', '--network', `name=net,${place}`, 'busybox');
  assert.match(await create(ifname('lo')), /can't be an interface's name/);
  assert.match(
    await create(sysctl('kernel.shmmax=1')),
    /it must be like net\.ipv4\.conf\.IFNAME\.forwarding=1/,
  );
  assert.match(await create('link-local-ip=10.0.0.1'), /invalid link-local IP address: 10\.0\.0\.1/);
  assert.equal(await ok('ps', '-aq'), '');
});

test('a configuration is kept, over a restart too, and networks are made from it', async () => {
  await ok(
    'network',
    'create',
    '--config-only',
    '--subnet',
    '10.246.9.0/24',
    '--label',
    'from=conf',
    '-o',
    'com.docker.network.driver.mtu=1400',
    'conf',
  );
  await daemon.kill9();
  await daemon.launch();
  const [conf] = JSON.parse(await ok('network', 'inspect', 'conf'));
  assert.deepEqual(
    [conf.Driver, conf.ConfigOnly, conf.IPAM.Config, conf.Containers],
    ['null', true, [{ Subnet: '10.246.9.0/24' }], {}],
  );
  /* Its subnet is nobody's yet. */
  await ok('network', 'create', '--subnet', '10.246.9.0/25', 'other');
  await ok('network', 'rm', 'other');
  await ok('network', 'create', '--config-from', 'conf', 'made');
  const [made] = JSON.parse(await ok('network', 'inspect', 'made'));
  assert.deepEqual(
    [made.Driver, made.ConfigFrom, made.ConfigOnly, made.Labels, made.Options, made.IPAM.Config],
    [
      'bridge',
      { Network: 'conf' },
      false,
      { from: 'conf' },
      { 'com.docker.network.driver.mtu': '1400' },
      [{ Subnet: '10.246.9.0/24', Gateway: '10.246.9.1' }],
    ],
  );
  await sleeper('user', '--network', 'made');
  assert.match(await inside('user', 'ip addr show eth0'), /mtu 1400[\s\S]*10\.246\.9\.2\/24/);
  const refusals: Array<[args: string[], message: RegExp]> = [
    [['network', 'rm', 'conf'], /configuration network "conf" is in use/],
    [
      ['run', '--rm', '--network', 'conf', 'busybox', 'true'],
      /cannot create endpoint on configuration-only network/,
    ],
    [
      ['network', 'create', '--config-from', 'none-such', 'x'],
      /configuration network "none-such" does not exist/,
    ],
    [
      ['network', 'create', '--config-from', 'conf', '--label', 'a=b', 'x'],
      /user specified configurations are not supported/,
    ],
    [
      ['network', 'create', '--config-from', 'conf', '-o', 'a=b', 'x'],
      /network driver options are not supported/,
    ],
    [
      ['network', 'create', '--config-only', '--config-from', 'conf', 'x'],
      /cannot depend on another configuration network/,
    ],
    [['network', 'create', '--config-only', '--internal', 'x'], /can only contain network specific fields/],
    [['network', 'create', '--config-only', 'conf'], /already exists/],
  ];
  for (const [args, message] of refusals) assert.match(await refusal(...args), message, args.join(' '));
  await ok('rm', '-f', 'user');
  assert.doesNotMatch(await ok('network', 'prune', '-f'), /conf/);
  await ok('network', 'rm', 'conf');
});
