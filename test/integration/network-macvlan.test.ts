/** Containers on macvlan networks by the stock command line, on a parent whose other end is a machine of its own. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';

const tag = randomBytes(3).toString('hex');
/** The parent, and the namespace of the machine at the other end of its cable. */
const [parent, wire] = [`gtp${tag}`, `gtwire-${tag}`];
const [subnet, router, subnet6, router6] = ['10.251.33.0/24', '10.251.33.1', 'fd33:77::/64', 'fd33:77::1'];

let daemon: TestDaemon;
const ip = (...args: string[]): string => execFileSync('ip', args).toString();
const ok = (...args: string[]): Promise<string> => daemon.ok(args);
const inside = (name: string, script: string): Promise<string> =>
  ok('exec', name, 'sh', '-c', `${script} 2>&1 || true`);
const reaches = async (from: string, to: string): Promise<boolean> =>
  (await inside(from, `ping -c1 -W1 ${to}`)).includes('1 packets received');
const sleeper = (name: string, ...flags: string[]): Promise<string> =>
  ok('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '1000');
const refusal = async (...args: string[]): Promise<string> => {
  const { code, stderr } = await daemon.docker(args);
  assert.notEqual(code, 0, `docker ${args.join(' ')} is to fail`);
  return stderr;
};
const links = (): string[] => readdirSync('/sys/class/net').sort();
const create = (name: string, ...more: string[]): Promise<string> =>
  ok('network', 'create', '-d', 'macvlan', ...more, name);
const addressed = ['--subnet', subnet, '--gateway', router];
const both = [...addressed, '--ipv6', '--subnet', subnet6, '--gateway', router6];
const onParent = ['-o', `parent=${parent}`];

before(async () => {
  ip('netns', 'add', wire);
  ip('link', 'add', parent, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', wire);
  ip('link', 'set', parent, 'up');
  for (const command of [`addr add ${router}/24 dev eth0`, `addr add ${router6}/64 dev eth0 nodad`])
    ip('-n', wire, ...command.split(' '));
  for (const name of ['lo', 'eth0']) ip('-n', wire, 'link', 'set', name, 'up');
  daemon = await TestDaemon.start({
    config: { 'default-address-pools': [{ base: '10.250.0.0/16', size: 24 }] },
  });
});
/* Of a test that failed, too: the next one has the wire to itself. */
afterEach(async () => {
  await daemon.removeAll();
  await ok('network', 'prune', '-f');
});
after(async () => {
  try {
    await daemon.close();
  } finally {
    spawnSync('ip', ['link', 'del', parent]);
    spawnSync('ip', ['netns', 'del', wire]);
  }
});

test('a container is on the wire itself: addresses, MAC, route and names; the parent stays when the network goes', async () => {
  const linksBefore = links();
  await create(
    'lan',
    ...both,
    '--ip-range',
    '10.251.33.64/26',
    '--aux-address',
    'nas=10.251.33.64',
    ...onParent,
  );
  /* Somebody else had the address before. */
  ip('-n', wire, ...'neigh replace 10.251.33.200 lladdr 02:66:66:66:66:66 dev eth0 nud stale'.split(' '));
  await sleeper('one', '--network', 'lan');
  await sleeper(
    'two',
    '--network',
    'lan',
    '--ip',
    '10.251.33.200',
    '--ip6',
    'fd33:77::99',
    '--mac-address',
    '02:11:22:33:44:55',
  );
  const [shown] = JSON.parse(await ok('network', 'inspect', 'lan')) as [Record<string, unknown>];
  assert.equal(shown['Driver'], 'macvlan');
  assert.deepEqual(shown['Options'], { parent });
  assert.deepEqual(shown['IPAM'], {
    Driver: 'default',
    Options: {},
    Config: [
      {
        Subnet: subnet,
        IPRange: '10.251.33.64/26',
        Gateway: router,
        AuxiliaryAddresses: { nas: '10.251.33.64' },
      },
      { Subnet: subnet6, Gateway: router6 },
    ],
  });
  const [{ NetworkSettings: settings }] = JSON.parse(await ok('inspect', 'one'));
  assert.equal(settings.Networks.lan.IPAddress, '10.251.33.65');
  assert.equal(settings.Networks.lan.Gateway, router);
  assert.equal(settings.Networks.lan.MacAddress, '02:42:0a:fb:21:41');
  assert.match(await inside('one', 'ip route'), new RegExp(`default via ${router} dev eth0`));
  assert.match(
    await inside('two', 'ip addr show eth0'),
    /02:11:22:33:44:55[\s\S]*10\.251\.33\.200\/24[\s\S]*fd33:77::99\/64/,
  );
  for (const to of [router, router6, 'two', '10.251.33.200', 'fd33:77::99', 'two.lan'])
    assert.ok(await reaches('one', to), `one reaches ${to}`);
  assert.match(await inside('two', 'nslookup one 127.0.0.11'), /10\.251\.33\.65/);
  assert.match(ip('-n', wire, 'neigh'), /10\.251\.33\.200.*02:11:22:33:44:55/, 'it has announced itself');
  await ok('rm', '-f', 'one', 'two');
  await ok('network', 'rm', 'lan');
  assert.deepEqual(links(), linksBefore);
});

test('several subnets of a family: each container has the gateway of its own; where one is full the next gives', async () => {
  const [subnet2, router2] = ['10.251.44.0/30', '10.251.44.1'];
  ip('-n', wire, 'addr', 'add', `${router2}/30`, 'dev', 'eth0');
  await create('two', '--subnet', subnet2, '--gateway', router2, ...both, ...onParent);
  await sleeper('small', '--network', 'two');
  await sleeper('large', '--network', 'two');
  await sleeper('chosen', '--network', 'two', '--ip', '10.251.33.177');
  const places = await Promise.all(
    ['small', 'large', 'chosen'].map(async (name) => {
      const [{ NetworkSettings: settings }] = JSON.parse(await ok('inspect', name));
      const { IPAddress, IPPrefixLen, Gateway } = settings.Networks.two;
      return [IPAddress, IPPrefixLen, Gateway];
    }),
  );
  assert.deepEqual(places, [
    ['10.251.44.2', 30, router2],
    ['10.251.33.2', 24, router],
    ['10.251.33.177', 24, router],
  ]);
  for (const [name, via] of [
    ['small', router2],
    ['large', router],
  ] as const) {
    assert.match(await inside(name, 'ip route'), new RegExp(`default via ${via} dev eth0`));
    assert.ok(await reaches(name, via));
  }
  assert.match(await inside('large', 'nslookup small 127.0.0.11'), /10\.251\.44\.2/);
  const bridged = await refusal(
    'network',
    'create',
    '--subnet',
    '10.246.1.0/24',
    '--subnet',
    '10.246.2.0/24',
    'x',
  );
  assert.match(bridged, /bridge driver doesn't support multiple subnets/);
  const clash = await refusal('network', 'create', '-d', 'macvlan', '--subnet', '10.251.44.0/29', 'clash');
  assert.match(clash, /Pool overlaps with other one on this address space/);
  await daemon.kill9();
  await daemon.launch();
  await ok('rm', '-f', 'small');
  await sleeper('again', '--network', 'two');
  assert.match(await inside('again', 'ip addr show eth0'), /10\.251\.44\.2\/30/);
});

test('a macvlan network without IPv4', async () => {
  await create('only6', '--ipv4=false', '--ipv6', '--subnet', subnet6, '--gateway', router6, ...onParent);
  await sleeper('six', '--network', 'only6');
  await sleeper('six2', '--network', 'only6');
  assert.doesNotMatch(await inside('six', 'ip addr show eth0'), /inet /);
  for (const to of [router6, 'six2']) assert.ok(await reaches('six', to), `six reaches ${to}`);
});

test('names are answered while containers come, go and are renamed, and port 53 is left to them', async () => {
  await create('names', ...addressed, ...onParent);
  await sleeper('asker', '--network', 'names');
  assert.match(await inside('asker', 'cat /etc/resolv.conf'), /^nameserver 127\.0\.0\.11$/m);
  await sleeper('late', '--network', 'names', '--network-alias', 'other');
  assert.ok(await reaches('asker', 'other'));
  await ok('rename', 'late', 'later');
  assert.ok(await reaches('asker', 'later'));
  assert.match(await inside('asker', 'ping -c1 late'), /bad address/);
  await ok('exec', '-d', 'asker', 'nc', '-ll', '-p', '53', '-e', 'echo', 'mine');
  await sleep(300);
  assert.equal(await inside('later', 'nc -w1 asker 53'), 'mine');
  await ok('stop', '-t', '0', 'later');
  assert.match(await inside('asker', 'ping -c1 later'), /bad address/);
  await ok('rm', '-f', 'asker', 'later');
  await ok('network', 'rm', 'names');
});

test('modes: private keeps containers apart, passthru has the parent and its MAC to itself', async () => {
  await create('apart', ...addressed, ...onParent, '-o', 'macvlan_mode=private');
  await sleeper('p1', '--network', 'apart');
  await sleeper('p2', '--network', 'apart');
  assert.ok(await reaches('p1', router));
  assert.ok(!(await reaches('p1', 'p2')));
  const shared = await refusal(
    'network',
    'create',
    '-d',
    'macvlan',
    '--subnet',
    '10.251.34.0/24',
    ...onParent,
    '-o',
    'macvlan_mode=passthru',
    'whole',
  );
  assert.match(
    shared,
    /cannot use mode passthru, macvlan network [0-9a-f]{64} is already using parent interface gtp/,
  );
  await ok('rm', '-f', 'p1', 'p2');
  await ok('network', 'rm', 'apart');
  await create('whole', ...addressed, ...onParent, '-o', 'macvlan_mode=passthru');
  await sleeper('p1', '--network', 'whole');
  const mac = readFileSync(`/sys/class/net/${parent}/address`, 'utf8').trim();
  assert.match(await inside('p1', 'cat /sys/class/net/eth0/address'), new RegExp(mac));
  assert.equal(await ok('inspect', '-f', '{{.NetworkSettings.Networks.whole.MacAddress}}', 'p1'), mac);
  assert.ok(await reaches('p1', router));
  assert.match(
    await refusal('run', '--rm', '--network', 'whole', 'busybox', 'true'),
    /failed to create the macvlan port/,
  );
  await ok('rm', '-f', 'p1');
  await ok('network', 'rm', 'whole');
  await create('vepa', ...addressed, ...onParent, '-o', 'macvlan_mode=vepa');
  await sleeper('v1', '--network', 'vepa');
  assert.ok(await reaches('v1', router));
  await ok('rm', '-f', 'v1');
  await ok('network', 'rm', 'vepa');
});

test('a container that runs joins and leaves; the default route follows priority; ports are not published', async () => {
  await create('lan2', ...addressed, ...onParent);
  await ok('network', 'create', 'app');
  await sleeper('mixed', '--network', 'app', '-p', '127.0.0.1::80');
  await ok('network', 'connect', '--gw-priority', '1', '--ip', '10.251.33.77', 'lan2', 'mixed');
  assert.match(await inside('mixed', 'ip route'), new RegExp(`default via ${router} dev eth1`));
  assert.ok(await reaches('mixed', router));
  await sleeper('peer', '--network', 'lan2', '-p', '18099:80');
  assert.equal(await ok('port', 'peer'), '');
  assert.ok(await reaches('mixed', 'peer'), 'the bridge’s name service knows it too');
  await ok('network', 'disconnect', 'app', 'mixed');
  assert.match(await inside('mixed', 'cat /etc/resolv.conf'), /127\.0\.0\.11/);
  assert.ok(await reaches('mixed', 'peer'));
  await ok('network', 'connect', 'app', 'mixed');
  await ok('network', 'disconnect', 'lan2', 'mixed');
  assert.doesNotMatch(await inside('mixed', 'ip addr'), /10\.251\.33/);
  assert.match(await inside('mixed', 'ip route'), /default via 10\.250/);
  await ok('rm', '-f', 'mixed', 'peer');
  await ok('network', 'rm', 'lan2', 'app');
});

test('after kill -9 of the daemon names are answered again, addresses are kept, and new ones are others', async () => {
  await create('kept', ...both, ...onParent);
  await sleeper('k1', '--network', 'kept');
  await sleeper('k2', '--network', 'kept');
  await daemon.kill9();
  await daemon.launch();
  assert.ok(await reaches('k1', 'k2'));
  await sleeper('k3', '--network', 'kept');
  assert.match(await inside('k3', 'nslookup k1 127.0.0.11'), /10\.251\.33\.2\b/);
  assert.equal(
    await ok('inspect', '-f', '{{.NetworkSettings.Networks.kept.IPAddress}}', 'k3'),
    '10.251.33.4',
  );
  await ok('restart', '-t', '0', 'k1');
  assert.ok(await reaches('k2', 'k1'));
  await ok('rm', '-f', 'k1', 'k2', 'k3');
  await ok('network', 'rm', 'kept');
});

test('without a parent, containers reach each other and nobody else', async () => {
  const id = await create('alone', '--subnet', '10.251.35.0/24');
  assert.ok(existsSync(`/sys/class/net/dm-${id.slice(0, 12)}`));
  await sleeper('a1', '--network', 'alone');
  await sleeper('a2', '--network', 'alone');
  assert.ok(await reaches('a1', 'a2'));
  assert.doesNotMatch(await inside('a1', 'ip route'), /default/);
  await daemon.kill9();
  execFileSync('ip', ['link', 'del', `dm-${id.slice(0, 12)}`]);
  await daemon.launch();
  await ok('restart', '-t', '0', 'a1', 'a2');
  assert.ok(await reaches('a1', 'a2'), 'the parent was made anew');
  await ok('rm', '-f', 'a1', 'a2');
  await ok('network', 'rm', 'alone');
  assert.ok(!existsSync(`/sys/class/net/dm-${id.slice(0, 12)}`));
});

test('what can’t be is refused in Docker’s words, and leaves nothing', async () => {
  const linksBefore = links();
  const fails = (...options: string[]): Promise<string> =>
    refusal('network', 'create', '-d', 'macvlan', ...addressed, ...options, 'bad');
  assert.match(await fails('-o', 'parent=lo'), /loopback interface is not a valid macvlan parent link/);
  assert.match(
    await fails('-o', 'macvlan_mode=odd'),
    /requested macvlan mode 'odd' is not valid, 'bridge' mode is the macvlan driver default/,
  );
  assert.match(
    await fails('-o', 'parent=gtnone'),
    /invalid subinterface vlan name gtnone, example formatting is eth0\.10/,
  );
  assert.match(await fails('-o', 'parent=gtnone.7'), /-o parent interface was not found on the host: gtnone/);
  assert.match(await fails('-o', `parent=${parent}.5000`), /vlan id must be between 1-4094, received: 5000/);
  assert.match(await fails('-o', `parent=${daemon.bridge}x.y`), /unable to parse a valid vlan id from: y/);
  await create('first', ...addressed, ...onParent);
  assert.match(await fails(...onParent), /Pool overlaps with other one on this address space/);
  await ok('network', 'rm', 'first');
  assert.deepEqual(links(), linksBefore);
  assert.ok(!(await ok('network', 'ls', '--format', '{{.Name}}')).split('\n').includes('bad'));
});
