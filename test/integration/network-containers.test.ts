/** Containers on user-defined networks by the stock command line: names, several networks, connecting while running, restarts of all sorts. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';
import { type HostSnapshot, hostSnapshot } from '../support/host-snapshot.ts';
import { askName } from '../support/name-ask.ts';

let daemon: TestDaemon;
let before0: HostSnapshot;

before(async () => {
  daemon = await TestDaemon.start({
    config: { 'default-address-pools': [{ base: '10.241.0.0/16', size: 24 }] },
  });
  before0 = snapshot();
});
after(() => daemon.close());

function snapshot(): HostSnapshot {
  const all = hostSnapshot({ root: daemon.root, cgroupParent: daemon.cgroupParent });
  /* Others may test beside this one: only what is this daemon's counts. The parent cgroup goes a while after its last container. */
  return { ...all, links: readdirSync('/sys/class/net').filter(isOurs), tables: [], cgroups: [] };
}

function isOurs(name: string): boolean {
  try {
    return readFileSync(`/sys/class/net/${name}/ifalias`, 'utf8').trim() === `gantry:${daemon.nftTable}`;
  } catch {
    return false;
  }
}

const ok = (...args: string[]): Promise<string> => daemon.ok(args);
const sleeper = (name: string, ...flags: string[]): Promise<string> =>
  ok('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '1000');
const inside = (name: string, script: string): Promise<string> =>
  ok('exec', name, 'sh', '-c', `${script} 2>&1 || true`);
const reach = (from: string, name: string): Promise<string> => inside(from, `ping -c1 -W1 ${name}`);

test('three containers find each other by name and alias, and others do not', async () => {
  await ok('network', 'create', 'app');
  await sleeper('web', '--network', 'app', '--network-alias', 'www');
  await sleeper('db', '--network', 'name=app,alias=store,alias=sql');
  await sleeper('worker', '--network', 'app', '--link', 'db:postgres');
  await sleeper('stranger');
  for (const [from, name] of [
    ['web', 'db'],
    ['worker', 'www'],
    ['worker', 'sql'],
    ['worker', 'postgres'],
    ['db', 'worker.app'],
  ])
    assert.match(await reach(from ?? '', name ?? ''), /1 packets received/, `${from} to ${name}`);
  assert.match(await reach('web', 'postgres'), /bad address/);
  assert.match(await reach('stranger', 'web'), /bad address/);
  await ok('rename', 'web', 'site');
  assert.match(await reach('db', 'site'), /1 packets received/);
  assert.match(await reach('db', 'web'), /bad address/);
});

test('a container that runs joins and leaves networks: interface, route, name, files and events', async () => {
  await ok('network', 'create', '--subnet', '10.242.7.0/24', 'more');
  await ok(
    'network',
    'connect',
    '--ip',
    '10.242.7.9',
    '--alias',
    'here',
    '--gw-priority',
    '5',
    'more',
    'site',
  );
  assert.match(await inside('site', 'ip -4 addr show eth1'), /10\.242\.7\.9\/24/);
  assert.match(await inside('site', 'ip route'), /default via 10\.242\.7\.1/);
  assert.match(await inside('site', 'cat /etc/hosts'), /10\.242\.7\.9\t/);
  await sleeper('late', '--network', 'more');
  assert.match(await reach('late', 'here'), /1 packets received/);
  const again = await daemon.docker(['network', 'connect', 'more', 'site']);
  assert.match(again.stderr, /endpoint with name site already exists in network more/);
  await ok('network', 'disconnect', 'more', 'site');
  assert.match(await inside('site', 'ip link show eth1'), /can't find device/);
  assert.match(await inside('site', 'ip route'), /default via 10\.241\./);
  assert.doesNotMatch(await inside('site', 'cat /etc/hosts /etc/resolv.conf'), /10\.242/);
  assert.match(await reach('late', 'here'), /bad address/);
  const events = await ok(
    'events',
    '--since',
    '1',
    '--until',
    String(Math.ceil(Date.now() / 1000)),
    '--filter',
    'network=more',
    '--format',
    '{{.Action}}',
  );
  assert.deepEqual(events.trim().split('\n').slice(0, 4), ['create', 'connect', 'connect', 'disconnect']);
  const notThere = await daemon.docker(['network', 'disconnect', 'more', 'site']);
  assert.match(notThere.stderr, /is not connected to the network more/);
});

test('connecting and disconnecting drop nothing but what was asked', async () => {
  await ok('exec', '-d', 'site', 'sh', '-c', 'ping -i 0.05 -W1 db > /tmp/log 2>&1');
  for (let turn = 0; turn < 3; turn += 1) {
    await ok('network', 'connect', 'more', 'site');
    await ok('network', 'disconnect', 'more', 'site');
  }
  const log = await inside('site', 'killall -INT ping; sleep 0.2; cat /tmp/log');
  assert.match(log, / 0% packet loss/, log);
});

test('a stopped container remembers its networks; those that are in use stay', async () => {
  await ok('create', '--name', 'later', '--network', 'app', 'busybox', 'sleep', '1000');
  await ok('network', 'connect', 'more', 'later');
  const names = '{{range $name, $net := .NetworkSettings.Networks}}{{$name}} {{end}}';
  assert.equal((await ok('inspect', '-f', names, 'later')).trim(), 'app more');
  await ok('start', 'later');
  assert.match(await inside('later', 'ip -o link'), /eth0.*\n.*eth1/);
  const refused = await daemon.docker(['network', 'rm', 'more']);
  assert.match(
    refused.stderr,
    /error while removing network: network more has active endpoints \(name:"late" id:"[0-9a-f]{12}"\)/,
  );
  await ok('rm', '-f', 'later', 'late');
  assert.equal((await ok('network', 'rm', 'more')).trim(), 'more');
});

test('fifty containers: each name is answered at once after its start, and no dead one’s', async () => {
  await ok('network', 'create', 'many');
  const gateway = (await ok('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Gateway}}', 'many')).trim();
  const names = Array.from({ length: 50 }, (_, index) => `m${index}`);
  const unknown: string[] = [];
  const times: number[] = [];
  for (let at = 0; at < names.length; at += 10) {
    await Promise.all(
      names.slice(at, at + 10).map(async (name) => {
        await sleeper(name, '--network', 'many', '--network-alias', 'all');
        const started = performance.now();
        const { data } = await askName(gateway, name);
        times.push(performance.now() - started);
        if (data.length !== 1) unknown.push(name);
      }),
    );
  }
  assert.deepEqual(unknown, [], 'the first answer after a start has the name');
  /* Of single ones the time says more about the nine command lines beside them. */
  const median = times.sort((one, other) => one - other)[25] ?? 0;
  assert.ok(median < 50, `answered after ${median.toFixed(1)} ms`);
  assert.equal((await askName(gateway, 'all', 'A', { udpSize: 4096 })).data.length, 50);
  await ok('kill', ...names.slice(0, 25));
  assert.equal((await askName(gateway, 'all', 'A', { udpSize: 4096 })).data.length, 25);
  await ok('rm', '-f', ...names);
  assert.deepEqual((await askName(gateway, 'all')).data, []);
});

test('after kill -9 of the daemon everything is as it was, and a half-made connection is gone', async () => {
  await ok('network', 'create', '--internal', 'inner');
  await ok('network', 'connect', 'inner', 'db');
  const addresses = await inside('db', 'ip -o addr; ip route');
  const connecting = daemon.docker(['network', 'connect', 'inner', 'site']);
  await sleep(8);
  await daemon.kill9();
  await connecting;
  await daemon.launch();
  assert.equal(await inside('db', 'ip -o addr; ip route'), addresses);
  assert.match(await reach('db', 'worker'), /1 packets received/);
  const configured = await ok('inspect', '-f', '{{json .NetworkSettings.Networks}}', 'site');
  const interfaces = (await inside('site', 'ip -o link')).trim().split('\n').length - 1;
  assert.equal(interfaces, Object.keys(JSON.parse(configured)).length);
  assert.match(await reach('site', 'db'), /1 packets received/);
  await ok('network', 'disconnect', '-f', 'inner', 'site');
  await ok('network', 'connect', 'inner', 'site');
  assert.match(await reach('site', 'db'), /1 packets received/);
});

test('taken off its last network a container is on none, also after a restart; on another it is on that alone', async () => {
  await sleeper('moved');
  await ok('network', 'disconnect', 'bridge', 'moved');
  const shown = (): Promise<string> => ok('inspect', '-f', '{{json .NetworkSettings.Networks}}', 'moved');
  assert.equal(await shown(), '{}');
  await ok('restart', '-t', '0', 'moved');
  assert.equal(await inside('moved', 'ls /sys/class/net'), 'lo');
  await ok('network', 'connect', 'app', 'moved');
  await ok('restart', '-t', '0', 'moved');
  assert.deepEqual(Object.keys(JSON.parse(await shown())), ['app']);
  assert.match(await reach('moved', 'db'), /1 packets received/);
  await ok('rm', '-f', 'moved');
});

test('predefined networks are protected, and what can’t be is refused in Docker’s words', async () => {
  const refusals: Array<[string[], RegExp]> = [
    [['network', 'rm', 'bridge'], /bridge is a pre-defined network and cannot be removed/],
    [['network', 'create', 'host'], /operation is not permitted on predefined host network/],
    [['network', 'create', 'app'], /network with name app already exists/],
    [['network', 'create', '-d', 'overlay', 'x'], /This node is not a swarm manager/],
    [['network', 'create', '--subnet', '10.243.0.1/24', 'x'], /it should be 10\.243\.0\.0\/24/],
    [['network', 'connect', 'host', 'site'], /connected to host network/],
    [['network', 'connect', 'nosuch', 'site'], /network nosuch not found/],
    [['run', '--rm', '--network', 'nosuch', 'busybox', 'true'], /network nosuch not found/],
    [
      ['run', '--rm', '--network', 'app', '--ip', '10.241.0.77', 'busybox', 'true'],
      /supported only when connecting to networks with user configured subnets/,
    ],
    [
      ['network', 'create', '-o', 'com.docker.network.bridge.enable_icc=maybe', 'x'],
      /neither true nor false/,
    ],
  ];
  for (const [args, message] of refusals) {
    const result = await daemon.docker(args);
    assert.notEqual(result.code, 0, args.join(' '));
    assert.match(result.stderr, message, args.join(' '));
  }
});

test('when all is removed, the host has nothing of it', async () => {
  await ok('rm', '-f', 'site', 'db', 'worker', 'stranger');
  const pruned = await ok('network', 'prune', '-f');
  for (const name of ['app', 'many', 'inner']) assert.match(pruned, new RegExp(`^${name}$`, 'm'));
  for (let tries = 0; tries < 100 && snapshot().processes.length > before0.processes.length; tries += 1)
    await sleep(50);
  assert.deepEqual({ ...snapshot(), processes: [] }, { ...before0, processes: [] });
});
