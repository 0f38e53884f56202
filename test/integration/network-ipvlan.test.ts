/** ipvlan networks and VLANs, where the kernel has them; where it has not, an error that says what is missing. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

const tag = randomBytes(3).toString('hex');
const [parent, wire] = [`gti${tag}`, `gtiwire-${tag}`];
const router = '10.252.33.1';

let daemon: TestDaemon;
const ip = (...args: string[]): string => execFileSync('ip', args).toString();

/** Can this kernel make such a link? */
function kernelHas(...link: string[]): boolean {
  const name = `gtk${tag}`;
  spawnSync('ip', ['link', 'add', `gtl${tag}`, 'type', 'veth', 'peer', 'name', `gtm${tag}`]);
  const made = spawnSync('ip', ['link', 'add', 'link', `gtl${tag}`, 'name', name, 'type', ...link]);
  spawnSync('ip', ['link', 'del', `gtl${tag}`]);
  return made.status === 0;
}
const ipvlan = kernelHas('ipvlan', 'mode', 'l2');
const vlan = kernelHas('vlan', 'id', '7');
const skipIpvlan = ipvlan ? false : 'this kernel has no ipvlan';
const skipVlan = vlan ? false : 'this kernel has no VLANs (8021q)';

const ok = (...args: string[]): Promise<string> => daemon.ok(args);
const inside = (name: string, script: string): Promise<string> =>
  ok('exec', name, 'sh', '-c', `${script} 2>&1 || true`);
const reaches = async (from: string, to: string): Promise<boolean> =>
  (await inside(from, `ping -c1 -W1 ${to}`)).includes('1 packets received');
const create = (name: string, driver: string, ...more: string[]) =>
  daemon.docker(['network', 'create', '-d', driver, '--subnet', '10.252.33.0/24', ...more, name]);

before(async () => {
  ip('netns', 'add', wire);
  ip('link', 'add', parent, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', wire);
  ip('link', 'set', parent, 'up');
  ip('-n', wire, 'link', 'set', 'eth0', 'up');
  daemon = await TestDaemon.start();
});
after(async () => {
  try {
    await daemon.close();
  } finally {
    spawnSync('ip', ['link', 'del', parent]);
    spawnSync('ip', ['netns', 'del', wire]);
  }
});

for (const [what, driver, module, there, name] of [
  ['ipvlan', 'ipvlan', 'ipvlan', ipvlan, parent],
  ['VLANs', 'macvlan', '8021q', vlan, `${parent}.50`],
] as const)
  test(`without ${what} in the kernel, the error names the module, and nothing is left`, {
    skip: there ? `this kernel has ${what}` : false,
  }, async () => {
    const links = readdirSync('/sys/class/net');
    const { code, stderr } = await create('lacking', driver, '-o', `parent=${name}`);
    assert.notEqual(code, 0);
    assert.match(stderr, new RegExp(`kernel module ${module} is missing. .*modprobe ${module}`, 'i'));
    assert.deepEqual(readdirSync('/sys/class/net'), links);
    assert.doesNotMatch(await ok('network', 'ls'), /lacking/);
  });

test('ipvlan l2: addresses of the wire, the parent’s MAC, names', { skip: skipIpvlan }, async () => {
  ip('-n', wire, 'addr', 'add', `${router}/24`, 'dev', 'eth0');
  assert.equal((await create('flat', 'ipvlan', '-o', `parent=${parent}`)).code, 0);
  await ok('run', '-d', '--name', 'i1', '--network', 'flat', 'busybox', 'sleep', '1000');
  await ok('run', '-d', '--name', 'i2', '--network', 'flat', 'busybox', 'sleep', '1000');
  assert.ok(await reaches('i1', router));
  assert.ok(await reaches('i1', 'i2'));
  const mac = ip('-br', 'link', 'show', parent).split(/\s+/)[2] ?? '?';
  assert.match(await inside('i1', 'cat /sys/class/net/eth0/address'), new RegExp(mac));
  const refused = await daemon.docker([
    'run',
    '--rm',
    '--network',
    'flat',
    '--mac-address',
    '02:00:00:00:00:07',
    'busybox',
    'true',
  ]);
  assert.match(refused.stderr, /do not support custom mac address/);
  await ok('rm', '-f', 'i1', 'i2');
  await ok('network', 'rm', 'flat');
});

for (const mode of ['l3', 'l3s'])
  test(`ipvlan ${mode}: the host routes; the default route has no gateway`, {
    skip: skipIpvlan,
  }, async () => {
    const options = ['-o', `parent=${parent}`, '-o', `ipvlan_mode=${mode}`];
    assert.equal((await create('routed', 'ipvlan', ...options)).code, 0);
    await ok('run', '-d', '--name', 'r1', '--network', 'routed', 'busybox', 'sleep', '1000');
    await ok('run', '-d', '--name', 'r2', '--network', 'routed', 'busybox', 'sleep', '1000');
    assert.match(await inside('r1', 'ip route'), /^default dev eth0/m);
    assert.ok(await reaches('r1', 'r2'));
    assert.equal(await ok('inspect', '-f', '{{.NetworkSettings.Networks.routed.Gateway}}', 'r1'), '');
    await ok('rm', '-f', 'r1', 'r2');
    await ok('network', 'rm', 'routed');
  });

test('a VLAN is made with the network, shared, and gone with the last one', { skip: skipVlan }, async () => {
  const name = `${parent}.50`;
  ip('-n', wire, 'link', 'add', 'link', 'eth0', 'name', 'v50', 'type', 'vlan', 'id', '50');
  ip('-n', wire, 'addr', 'add', '10.252.34.1/24', 'dev', 'v50');
  ip('-n', wire, 'link', 'set', 'v50', 'up');
  await ok(
    'network',
    'create',
    '-d',
    'macvlan',
    '--subnet',
    '10.252.34.0/24',
    '-o',
    `parent=${name}`,
    'tagged',
  );
  await ok('network', 'create', '-d', 'macvlan', '--subnet', '10.252.35.0/24', '-o', `parent=${name}`, 'too');
  await ok('run', '-d', '--name', 't1', '--network', 'tagged', 'busybox', 'sleep', '1000');
  assert.ok(await reaches('t1', '10.252.34.1'));
  await daemon.kill9();
  await daemon.launch();
  assert.ok(await reaches('t1', '10.252.34.1'));
  await ok('rm', '-f', 't1');
  await ok('network', 'rm', 'tagged');
  assert.ok(existsSync(`/sys/class/net/${name}`));
  await ok('network', 'rm', 'too');
  assert.ok(!existsSync(`/sys/class/net/${name}`));
  assert.ok(existsSync(`/sys/class/net/${parent}`));
});
