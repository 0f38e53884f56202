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
  await lab.networks.movePorts('web', two.description.id);
  assert.match(table(), new RegExp(`18780 : ${two.endpoint('web')?.ipAddress.replaceAll('.', '\\.')} `));
  assert.deepEqual(one.endpoint('web')?.ports, []);
  await lab.networks.movePorts('web', one.description.id);
  assert.deepEqual(one.endpoint('web')?.ports, first.ports);
  assert.notEqual(await lab.ask({ host: '127.0.0.1', port: 18780 }), 'closed');
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
