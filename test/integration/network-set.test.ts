/** Networks over time: made, removed, made anew after a crash; nothing of them is left in the end. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, test } from 'node:test';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { NetworkLab } from '../support/network-lab.ts';

let lab: NetworkLab;
beforeEach(async () => {
  lab = await NetworkLab.open();
});
afterEach(() => lab.close());

const ip = (...args: string[]): string => execFileSync('ip', args).toString().replaceAll(' linkdown', '');
const table = (): string => execFileSync('nft', ['list', 'table', 'inet', lab.table]).toString();

test('a network that was removed leaves no link, route or element; one in use is not removed', async () => {
  const routes = ip('route');
  const links = ip('-br', 'link').split('\n').length;
  const network = await lab.createNetwork('short', { enableIpv6: true });
  const { id } = network.description;
  await network.connect({ containerId: 'a', ports: [] });
  await assert.rejects(lab.networks.remove(id), (error: unknown) => isEngineError(error, 'forbidden'));
  await network.disconnect('a');
  await lab.networks.remove(id);
  assert.equal(ip('route'), routes);
  assert.equal(ip('-br', 'link').split('\n').length, links);
  assert.ok(!table().includes(network.interfaceName));
  await assert.rejects(network.connect({ containerId: 'b', ports: [] }), /is not up/);
});

test('two of one name, or of one subnet, can’t be; subnets are given out until there are none', async () => {
  const pools = (subnet: string) => ({ ipam: { options: null, pools: [{ subnet }] } });
  await lab.createNetwork('one', pools('10.213.80.0/24'));
  await assert.rejects(lab.createNetwork('one'), (error: unknown) => isEngineError(error, 'conflict'));
  await assert.rejects(
    lab.createNetwork('two', pools('10.213.80.128/25')),
    /Pool overlaps with other one on this address space/,
  );
  await lab.restart({ pools: [{ base: '10.213.96.0/29', size: 30 }] });
  await lab.createNetwork('a');
  await lab.createNetwork('b');
  await assert.rejects(lab.createNetwork('c'), /all predefined address pools have been fully subnetted/);
});

test('at once made ones get subnets of their own', async () => {
  const made = await Promise.all(['a', 'b', 'c', 'd'].map((name) => lab.createNetwork(name)));
  const subnets = made.map(({ description }) => description.ipam.pools[0]?.subnet);
  assert.equal(new Set(subnets).size, 4);
});

test('a new daemon has the networks that were made, and takes away what has no record', async () => {
  const network = await lab.createNetwork('kept', { enableIpv6: true, labels: { a: 'b' } });
  const web = await lab.join(network, 'web');
  await lab.serve('web', 'tcp:80');
  const stray = `gts${lab.tag}`;
  ip('link', 'add', stray, 'type', 'bridge');
  ip('link', 'set', stray, 'alias', `gantry:${lab.table}`);
  ip('link', 'del', network.interfaceName);
  execFileSync('nft', ['delete', 'table', 'inet', lab.table]);
  await lab.restart({}, ['web']);
  assert.ok(!ip('-br', 'link').includes(stray));
  const again = lab.networks.get(network.description.id);
  assert.deepEqual(again?.description, network.description);
  assert.deepEqual(again?.endpoint('web'), web);
  assert.notEqual(await lab.ask({ host: web.ipAddress, port: 80 }), 'timeout');
  assert.match(table(), new RegExp(network.interfaceName));
});

test('published ports follow a container from one network to another', async () => {
  const [one, two] = [await lab.createNetwork('one'), await lab.createNetwork('two')];
  const port = {
    containerPort: 80,
    protocol: 'tcp' as const,
    hostIp: '',
    hostPortFirst: 18780,
    hostPortLast: 18780,
  };
  const first = await lab.join(one, 'web', { ports: [port] });
  await lab.serve('web', 'tcp:80');
  await two.connect({ containerId: 'web', ports: [], interfaceNumber: 1 });
  await lab.networks.movePorts('web', two.description.id, { ports: [port] });
  assert.match(table(), new RegExp(`18780 : ${two.endpoint('web')?.ipAddress.replaceAll('.', '\\.')} `));
  assert.deepEqual(one.endpoint('web')?.ports, []);
  await lab.networks.movePorts('web', one.description.id, { ports: [port] });
  assert.deepEqual(one.endpoint('web')?.ports, first.ports);
  assert.notEqual(await lab.ask({ host: '127.0.0.1', port: 18780 }), 'closed');
});

test('where the other network publishes otherwise, ports are published anew', async () => {
  const wanted = {
    ports: [
      {
        containerPort: 80,
        protocol: 'tcp' as const,
        hostIp: '',
        hostPortFirst: 18781,
        hostPortLast: 18781,
      },
    ],
  };
  const nat = await lab.createNetwork('nat', { enableIpv6: true });
  const routed = await lab.createNetwork('routed', {
    options: { 'com.docker.network.bridge.gateway_mode_ipv4': 'routed' },
  });
  const six = await lab.createNetwork('six', { enableIpv4: false, enableIpv6: true });
  await lab.join(nat, 'web', wanted);
  await lab.serve('web', 'tcp:80');
  for (const [number, network] of [routed, six].entries())
    await network.connect({ containerId: 'web', ports: [], interfaceNumber: number + 1 });
  const published = () =>
    [nat, routed, six].map((network) =>
      network
        .endpoint('web')
        ?.ports.map(({ hostIp, hostPort }) => `${hostIp} ${hostPort}`)
        .join(', '),
    );
  const before = table();
  const [all, by4, by6] = ['0.0.0.0 18781, :: 18781', '0.0.0.0 0', ':: 18781'];
  assert.deepEqual(published(), [all, '', '']);
  await lab.networks.movePorts('web', routed.description.id, wanted);
  assert.deepEqual(published(), ['', by4, '']);
  assert.doesNotMatch(table(), /18781/);
  assert.equal(await lab.ask({ host: '127.0.0.1', port: 18781 }), 'ECONNREFUSED');
  await lab.networks.movePorts('web', six.description.id, wanted);
  assert.deepEqual(published(), ['', '', by6]);
  await lab.networks.movePorts('web', nat.description.id, wanted);
  assert.deepEqual(published(), [all, '', '']);
  assert.equal(table(), before);
  assert.notEqual(await lab.ask({ host: '127.0.0.1', port: 18781 }), 'closed');
});

test('default pools avoid the host’s routes and addresses, also such as come later, and what was given back is used again', async () => {
  const wire = `gtw${lab.tag}`;
  const pools = [{ base: '10.213.128.0/22', size: 24 }];
  await lab.restart({ pools });
  ip('link', 'add', wire, 'type', 'veth', 'peer', 'name', `${wire}p`);
  try {
    for (const end of [wire, `${wire}p`]) ip('link', 'set', end, 'up');
    ip('route', 'add', '10.213.128.0/25', 'dev', wire);
    const subnetOf = async (name: string): Promise<[id: string, subnet: string | undefined]> => {
      const { description } = await lab.createNetwork(name);
      return [description.id, description.ipam.pools[0]?.subnet];
    };
    const [first, subnet] = await subnetOf('a');
    assert.equal(subnet, '10.213.129.0/24');
    ip('addr', 'add', '10.213.130.77/32', 'dev', wire);
    assert.equal((await subnetOf('b'))[1], '10.213.131.0/24');
    await assert.rejects(subnetOf('c'), /all predefined address pools have been fully subnetted/);
    // As long as anybody cares to make and remove them: a pool of two lasts for ten.
    let last = first;
    for (let turn = 0; turn < 10; turn += 1) {
      await lab.networks.remove(last);
      const [id, again] = await subnetOf(`turn-${turn}`);
      assert.equal(again, '10.213.129.0/24');
      last = id;
    }
    ip('route', 'del', '10.213.128.0/25', 'dev', wire);
    assert.equal((await subnetOf('freed'))[1], '10.213.128.0/24');
  } finally {
    ip('link', 'del', wire);
  }
});

test('a table that a reload of the firewall took away comes back, by itself or with the next change', async () => {
  const port = (at: number) => ({
    containerPort: 80,
    protocol: 'tcp' as const,
    hostIp: '',
    hostPortFirst: at,
    hostPortLast: at,
  });
  const network = await lab.createNetwork('kept');
  await lab.join(network, 'web', { ports: [port(18790)] });
  await lab.serve('web', 'tcp:80');
  const flush = (): Buffer => execFileSync('nft', ['delete', 'table', 'inet', lab.table]);
  flush();
  await lab.networks.mendFirewall();
  assert.notEqual(await lab.ask({ host: '127.0.0.1', port: 18790 }), 'closed');
  assert.match(lab.warnings.join(), /the firewall was reloaded/);
  flush();
  await network.connect({ containerId: 'other', ports: [port(18791)] });
  assert.match(table(), /18790.*18791|18791.*18790/s);
  flush();
  await lab.createNetwork('late');
  assert.match(table(), /18790/);
});
