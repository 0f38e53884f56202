/** Egress rules in the network room: real namespaces on real bridges, a router beside the host, and a name server of the outside. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { EgressRefusal } from '../../src/network/egress-reports.ts';
import type { Bridge, EndpointEgress } from '../../src/network/network-types.ts';
import { NameServerDouble } from '../support/name-server-double.ts';
import { lanHost, lanHost6, NetworkLab } from '../support/network-lab.ts';

const execute = promisify(execFile);
const far = '198.18.77.2';
const far6 = 'fd99:77::2';
const refusedTcp = 'ECONNREFUSED';
const refusedUdp = 'EHOSTUNREACH';
const refusedUdp6 = 'EACCES';

let lab: NetworkLab;
let front: Bridge;
let upstream: NameServerDouble;
const refusals: EgressRefusal[] = [];

beforeEach(async () => {
  refusals.length = 0;
  lab = await NetworkLab.open({}, { refused: (refusal) => refusals.push(refusal) });
  await lab.addLan();
  upstream = await NameServerDouble.start(lanHost, {
    'far.example': far,
    'a.wide.example': far,
    'host.example': lanHost,
    'meta.example': '169.254.169.254',
  });
  front = await lab.createNetwork('front', { enableIpv6: true });
});
afterEach(async () => {
  await upstream.close();
  await lab.close();
});

const egress = (allow: string, hosts: EndpointEgress['hosts'] = {}): { egress: EndpointEgress } => ({
  egress: { allow, hosts, servers: [lanHost] },
});
const gatewayOf = (bridge: Bridge): string => bridge.gateways[0] ?? '';
const tcp = (from: string, host: string, port: number): Promise<string> => lab.ask({ from, host, port });
const udp = (from: string, host: string, port: number): Promise<string> =>
  lab.ask({ from, host, port, protocol: 'udp' });

/** Between neighbours not every refusal is heard: the kernel bounds its own messages about packets that go back to where they came from. */
function refuses(answer: string): void {
  assert.ok([refusedTcp, refusedUdp, refusedUdp6, 'timeout'].includes(answer), answer);
}

async function until(what: () => boolean, ms = 4000): Promise<void> {
  const end = performance.now() + ms;
  while (!what() && performance.now() < end) await sleep(50);
  assert.ok(what());
}

test('what is allowed by address is reached, on both families, and nothing else', async () => {
  await lab.serve('lan', 'tcp:80', 'tcp:81', 'udp:80');
  await lab.join(front, 'web', egress(`allow=${far}:80,allow=[fd99:77::]/64:80-81,allow=${far}:80/udp`));
  assert.match(await tcp('web', far, 80), /198\.18\.77\.1/);
  assert.match(await tcp('web', far6, 81), /fd99:77::1/);
  assert.match(await udp('web', far, 80), /198\.18\.77\.1/);
  assert.equal(await tcp('web', far, 81), refusedTcp);
  assert.equal(await udp('web', far6, 80), refusedUdp6);
  assert.equal(await tcp('web', lanHost, 80), refusedTcp);
  assert.equal(await tcp('web', gatewayOf(front), 22), refusedTcp);
});

test('nothing at all is reached with no rule; neighbours without rules reach everything', async () => {
  await lab.serve('lan', 'tcp:80');
  await lab.join(front, 'none', egress('none'));
  await lab.join(front, 'free');
  assert.equal(await tcp('none', far, 80), refusedTcp);
  assert.match(await tcp('free', far, 80), /198\.18\.77\.1/);
  assert.equal((await lab.resolve('none', gatewayOf(front), 'far.example')).code, 3);
});

test('a name that is allowed opens its addresses on its ports, once it was asked for', async () => {
  await lab.serve('lan', 'tcp:80', 'tcp:81');
  await lab.join(front, 'web', egress('allow=far.example:80,allow=*.wide.example:81'));
  assert.equal(await tcp('web', far, 80), refusedTcp);
  assert.deepEqual((await lab.resolve('web', gatewayOf(front), 'FAR.example')).data, [far]);
  assert.match(await tcp('web', far, 80), /198\.18\.77\.1/);
  assert.equal(await tcp('web', far, 81), refusedTcp);
  assert.deepEqual((await lab.resolve('web', gatewayOf(front), 'a.wide.example', 'A', 'tcp')).data, [far]);
  assert.match(await tcp('web', far, 81), /198\.18\.77\.1/);
  /* Names go to the outside in lower case: the case of letters would carry data. */
  assert.deepEqual(upstream.asked, ['far.example', 'a.wide.example']);
});

test('other names, by any resolver, protocol and shape, do not reach the outside', async () => {
  await lab.join(front, 'web', egress('allow=far.example:80'));
  const gateway = gatewayOf(front);
  for (const name of [
    'c2VjcmV0.tunnel.example',
    'x.far.example',
    'example',
    'wide.example',
    `${'a'.repeat(60)}.example`,
  ])
    for (const protocol of ['udp', 'tcp'])
      assert.equal((await lab.resolve('web', gateway, name, 'TXT', protocol)).code, 3, `${name} ${protocol}`);
  assert.equal((await lab.resolve('web', gateway, '4.3.2.1.in-addr.arpa', 'PTR')).code, 3);
  assert.deepEqual((await lab.resolve('web', gateway, 'far.example', 'NULL')).data, []);
  for (const protocol of ['udp', 'tcp'])
    assert.equal((await lab.resolve('web', lanHost, 'far.example', 'A', protocol)).code, -1);
  assert.deepEqual(upstream.asked, []);
  await until(() => refusals.some(({ name }) => name === 'c2VjcmV0.tunnel.example'));
  await until(() => refusals.some(({ destination, port }) => destination === lanHost && port === 53));
});

test('no name of the outside opens the host, its metadata or neighbours', async () => {
  await lab.serve('lan', 'tcp:80');
  const free = await lab.join(front, 'free');
  await lab.serve('free', 'tcp:80');
  await lab.join(front, 'web', egress('allow=host.example:80,allow=meta.example:80,allow=*.inner:80'));
  assert.deepEqual((await lab.resolve('web', gatewayOf(front), 'host.example')).data, [lanHost]);
  assert.equal(await tcp('web', lanHost, 80), refusedTcp);
  await lab.resolve('web', gatewayOf(front), 'meta.example');
  assert.equal(await tcp('web', '169.254.169.254', 80), refusedTcp);
  assert.equal(await tcp('web', free.ipAddress, 80), refusedTcp);
});

for (const icc of ['seen by nftables', 'bridged past it'])
  test(`neighbours are reached by their names only, also where their packets are ${icc}; they reach it`, async () => {
    const options =
      icc === 'seen by nftables' ? { 'com.docker.network.bridge.enable_icc': 'false' } : undefined;
    /* A network with icc off has its bridge's packets passed to nftables: there neighbours are not reached at all. */
    const back = await lab.createNetwork('back', {
      enableIpv6: true,
      ...(options === undefined ? {} : { options }),
    });
    const db = await lab.join(back, 'db');
    const web = await lab.join(back, 'web', egress('allow=db:80'));
    await lab.serve('db', 'tcp:80', 'tcp:81', 'udp:80');
    await lab.serve('web', 'tcp:90');
    refuses(await tcp('web', db.ipAddress, 80));
    refuses(await tcp('web', db.ipv6Address ?? '', 80));
    assert.deepEqual((await lab.resolve('web', gatewayOf(back), 'db')).data, [db.ipAddress]);
    if (options !== undefined) {
      refuses(await tcp('web', db.ipAddress, 80));
      return;
    }
    assert.match(await tcp('web', db.ipAddress, 80), new RegExp(web.ipAddress));
    await lab.resolve('web', gatewayOf(back), 'db', 'AAAA');
    assert.match(await tcp('web', db.ipv6Address ?? '', 80), new RegExp(web.ipv6Address ?? ''));
    refuses(await tcp('web', db.ipAddress, 81));
    refuses(await udp('web', db.ipAddress, 80));
    assert.match(await tcp('db', web.ipAddress, 90), new RegExp(db.ipAddress));
    assert.match(await tcp('db', web.ipv6Address ?? '', 90), new RegExp(db.ipv6Address ?? ''));
    /* Whoever has the address next is not reached by what it was called before. */
    await back.disconnect('db');
    await lab.deleteNamespace('db');
    const next = await lab.join(back, 'next', { ipAddress: db.ipAddress });
    await lab.serve('next', 'tcp:80');
    refuses(await tcp('web', next.ipAddress, 80));
  });

test('published ports are reached from outside, and the answers pass; the host reaches it', async () => {
  const port = 20_000 + Math.trunc(Math.random() * 10_000);
  const ports = [
    { containerPort: 90, protocol: 'tcp' as const, hostIp: '', hostPortFirst: port, hostPortLast: port },
  ];
  const web = await lab.join(front, 'web', { ports, ...egress('none') });
  await lab.serve('web', 'tcp:90');
  assert.match(await tcp('lan', lanHost, port), /198\.18\.77\.2/);
  assert.match(await tcp('lan', lanHost6, port), /fd99:77::2/);
  assert.match(await lab.ask({ host: web.ipAddress, port: 90 }), /\d/);
  assert.equal(await tcp('web', lanHost, port), refusedTcp);
});

test('another address, another MAC and the bridge’s own multicasts do not get around it', async () => {
  await lab.serve('lan', 'tcp:80', 'udp:80');
  const other = await lab.join(front, 'other');
  await lab.join(front, 'web', egress('allow=192.0.2.1:80'));
  const inside = (...argv: string[]) => execute('ip', ['-n', lab.namespace('web'), ...argv]);
  const free = other.ipAddress.replace(/\d+$/, '99');
  await inside('addr', 'add', `${free}/16`, 'dev', 'eth0');
  await inside('route', 'replace', 'default', 'via', gatewayOf(front), 'dev', 'eth0', 'src', free);
  assert.equal(await tcp('web', far, 80), 'timeout');
  await inside('route', 'replace', 'default', 'via', gatewayOf(front), 'dev', 'eth0');
  await inside('link', 'set', 'eth0', 'address', '02:42:de:ad:be:ef');
  assert.notEqual(await udp('web', far, 80), lanHost);
  /* Frames to 01:80:c2:00:00:00-0f reach the host by the port itself, not by the bridge. */
  await inside('link', 'set', 'eth0', 'address', other.macAddress.replace(/..$/, 'f0'));
  await inside(
    'neigh',
    'replace',
    gatewayOf(front),
    'lladdr',
    '01:80:c2:00:00:03',
    'dev',
    'eth0',
    'nud',
    'permanent',
  );
  assert.equal(await udp('web', far, 80), 'timeout');
  assert.equal((await lab.resolve('web', lanHost, 'far.example')).code, -1);
  assert.deepEqual(upstream.asked, []);
});

test('addresses of the hosts file are allowed by their names', async () => {
  await lab.serve('lan', 'tcp:80', 'tcp:81');
  await lab.join(front, 'web', egress('allow=far.lan:80', { 'far.lan': [far], other: [far6] }));
  assert.match(await tcp('web', far, 80), /198\.18\.77\.1/);
  assert.equal(await tcp('web', far, 81), refusedTcp);
  assert.equal(await tcp('web', far6, 80), refusedTcp);
});

test('on the default bridge the same names are answered, to guarded containers alone', async () => {
  await lab.serve('lan', 'tcp:80');
  await lab.container('web', [], egress('allow=far.example:80'));
  await lab.container('free');
  assert.deepEqual((await lab.resolve('web', gatewayOf(lab.bridge), 'far.example')).data, [far]);
  assert.match(await tcp('web', far, 80), /198\.18\.77\.1/);
  assert.equal((await lab.resolve('free', gatewayOf(lab.bridge), 'far.example')).code, -1);
});

test('rules, and what was learned, outlive the daemon; what it left behind is taken away', async () => {
  await lab.serve('lan', 'tcp:80', 'tcp:81');
  await lab.join(front, 'web', egress('allow=far.example:80'));
  const gone = await lab.join(front, 'gone', egress('allow=far.example:80'));
  await lab.resolve('web', gatewayOf(front), 'far.example');
  await lab.networks.close();
  assert.match(await tcp('web', far, 80), /198\.18\.77\.1/);
  assert.equal(await tcp('web', far, 81), refusedTcp);
  assert.equal((await lab.resolve('web', gatewayOf(front), 'far.example')).code, -1);
  await lab.restart({}, ['web']);
  assert.match(await tcp('web', far, 80), /198\.18\.77\.1/);
  assert.equal(await tcp('web', far, 81), refusedTcp);
  front = lab.networks.get(front.description.id) ?? front;
  assert.deepEqual((await lab.resolve('web', gatewayOf(front), 'far.example')).data, [far]);
  const { stdout } = await execute('nft', ['list', 'ruleset']);
  assert.equal(stdout.includes(gone.hostInterface), false);
});

test('a reload of the firewall that takes the rules away is mended within a second', async () => {
  await lab.serve('lan', 'tcp:80');
  await lab.join(front, 'web', egress('none'));
  await execute('nft', ['delete', 'table', 'bridge', `${lab.table}_egress`]);
  await execute('nft', ['delete', 'table', 'inet', `${lab.table}_egress`]);
  await sleep(1200);
  assert.equal(await tcp('web', far, 80), refusedTcp);
});

test('a place that is given back passes nothing, while its interface is still there', async () => {
  await lab.serve('lan', 'tcp:80');
  await lab.join(front, 'web', egress(`allow=${far}:80`));
  assert.match(await tcp('web', far, 80), /198\.18\.77\.1/);
  await front.disconnect('web');
  assert.equal(await tcp('web', far, 80), 'timeout');
});

test('connections go on when what was learned ends; new ones need the name again', async () => {
  await lab.serve('lan', 'tcp:80:hold', 'tcp:81');
  await lab.join(front, 'web', egress('allow=far.example:80-81'));
  await lab.resolve('web', gatewayOf(front), 'far.example');
  const held = execFile('ip', ['netns', 'exec', lab.namespace('web'), 'busybox', 'nc', far, '80']);
  try {
    let text = '';
    held.stdout?.on('data', (data: string) => {
      text += data;
    });
    await until(() => text.includes('198.18.77.1'));
    const { stdout } = await execute('nft', ['-j', 'list', 'sets', 'inet']);
    for (const name of new Set(stdout.match(/s_[0-9a-f]{16}_0_4/g)))
      await execute('nft', ['flush', 'set', 'inet', `${lab.table}_egress`, name]);
    assert.equal(await tcp('web', far, 81), refusedTcp);
    held.stdin?.write('still here\n');
    await until(() => text.includes('still here'));
  } finally {
    held.kill('SIGKILL');
  }
});

test('what was refused is told once, with its name where it has one', async () => {
  await lab.serve('lan', 'tcp:80');
  await lab.join(front, 'web', egress('allow=far.example:81'));
  await lab.resolve('web', gatewayOf(front), 'far.example');
  for (let time = 0; time < 3; time += 1) await tcp('web', far, 80);
  await execute('ip', ['netns', 'exec', lab.namespace('web'), 'busybox', 'ping', '-c1', '-W1', far]).catch(
    () => undefined,
  );
  await until(() => refusals.length >= 2);
  await sleep(1200);
  const told = refusals.map(({ destination, port, protocol, name }) => [destination, port, protocol, name]);
  assert.deepEqual(told.sort(), [
    [far, undefined, 'icmp', 'far.example'],
    [far, 80, 'tcp', 'far.example'],
  ]);
  assert.deepEqual([...new Set(refusals.map(({ containerId }) => containerId))], ['web']);
});
