/** The name service on real gateways: who hears what, by UDP and TCP, v4 and v6, and what happens where port 53 is somebody else's. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, test } from 'node:test';
import type { Bridge } from '../../src/network/network-types.ts';
import { askName } from '../support/name-ask.ts';
import { NameServerDouble } from '../support/name-server-double.ts';
import { lanHost, NetworkLab } from '../support/network-lab.ts';

let lab: NetworkLab;
let front: Bridge;
beforeEach(async () => {
  lab = await NetworkLab.open();
  front = await lab.createNetwork('front', { enableIpv6: true });
});
afterEach(() => lab.close());

const gatewayOf = (bridge: Bridge, version: 4 | 6 = 4): string =>
  bridge.gateways.find((gateway) => gateway.includes(':') === (version === 6)) ?? '';

test('names, aliases and addresses, by UDP and TCP, on both families', async () => {
  const web = await lab.join(front, 'web', { aliases: ['www.example'] });
  await lab.join(front, 'client');
  const found = (data: string[]) => ({ code: 0, truncated: false, data });
  assert.deepEqual(await lab.resolve('client', gatewayOf(front), 'WEB'), found([web.ipAddress]));
  assert.deepEqual(
    await lab.resolve('client', gatewayOf(front, 6), 'www.example', 'AAAA', 'tcp'),
    found([web.ipv6Address ?? '']),
  );
  const qualified = `web.${front.description.name}`;
  assert.deepEqual(await askName(gatewayOf(front), qualified), found([web.ipAddress]));
  const reversed = `${web.ipAddress.split('.').reverse().join('.')}.in-addr.arpa`;
  assert.deepEqual(await lab.resolve('client', gatewayOf(front), reversed, 'PTR'), found([qualified]));
  assert.deepEqual(await askName(gatewayOf(front), 'web', 'MX'), found([]));
});

test('a name is right as soon as a container comes, ends, or is renamed', async () => {
  const gateway = gatewayOf(front);
  const { id } = front.description;
  const { ipAddress } = await lab.join(front, 'web', { aliases: ['one'] });
  await lab.join(front, 'other', { aliases: ['one'] });
  assert.equal((await askName(gateway, 'one')).data.length, 2);
  lab.networks.silence('web');
  assert.equal((await askName(gateway, 'one')).data.length, 1);
  lab.networks.rename('other', id, ['renamed']);
  assert.equal((await askName(gateway, 'renamed')).data.length, 1);
  await front.disconnect('web');
  const reversed = `${ipAddress.split('.').reverse().join('.')}.in-addr.arpa`;
  assert.equal((await askName(gateway, reversed, 'PTR')).code, 3);
});

test('several with one name take turns', async () => {
  for (const name of ['a', 'b', 'c'])
    await front.connect({
      containerId: name,
      ports: [],
      naming: { names: [name, 'all'], links: {}, servers: [] },
    });
  const firsts = new Set<string | undefined>();
  for (let turn = 0; turn < 3; turn += 1) firsts.add((await askName(gatewayOf(front), 'all')).data[0]);
  assert.equal(firsts.size, 3);
});

test('an answer that UDP can’t hold is cut, said to be, and whole by TCP', async () => {
  for (let index = 0; index < 60; index += 1)
    await front.connect({
      containerId: `c${index}`,
      ports: [],
      naming: { names: ['all'], links: {}, servers: [] },
    });
  const plain = await askName(gatewayOf(front), 'all');
  assert.equal(plain.truncated, true);
  assert.ok(plain.data.length > 0 && plain.data.length < 60);
  const extended = await askName(gatewayOf(front), 'all', 'A', { udpSize: 4096 });
  assert.deepEqual([extended.truncated, extended.data.length], [false, 60]);
  const byTcp = await askName(gatewayOf(front), 'all', 'A', { protocol: 'tcp' });
  assert.deepEqual([byTcp.truncated, byTcp.data.length], [false, 60]);
});

test('a container hears of all its networks, and of no other', async () => {
  const back = await lab.createNetwork('back');
  await lab.join(front, 'both');
  const naming = { names: ['both'], links: { shop: 'db' }, servers: [] };
  await back.connect({ containerId: 'both', ports: [], interfaceNumber: 1, naming });
  const db = await lab.join(back, 'db');
  await lab.join(front, 'plain');
  assert.deepEqual((await lab.resolve('both', gatewayOf(front), 'db')).data, [db.ipAddress]);
  assert.deepEqual((await lab.resolve('both', gatewayOf(front), 'shop')).data, [db.ipAddress]);
  assert.deepEqual((await lab.resolve('plain', gatewayOf(front), 'db')).data, []);
  /* From another network, and from outside, nobody is answered at all. */
  assert.equal((await lab.resolve('plain', gatewayOf(back), 'db')).code, -1);
  await lab.addLan();
  assert.equal((await lab.resolve('lan', gatewayOf(front), 'plain')).code, -1);
});

test('other names are asked of the servers that the container has, the next where one is silent', async () => {
  await lab.addLan();
  const silent = createSocket('udp4');
  silent.bind({ address: gatewayOf(lab.bridge), port: 53 });
  const server = await NameServerDouble.start(lanHost, { 'far.example': '192.0.2.7' });
  try {
    const servers = [gatewayOf(lab.bridge), lanHost];
    await lab.join(front, 'web', { naming: { names: ['web'], links: {}, servers } });
    const found = await lab.resolve('web', gatewayOf(front), 'far.example');
    assert.deepEqual(found, { code: 0, truncated: false, data: ['192.0.2.7'] });
    const byTcp = await lab.resolve('web', gatewayOf(front), 'far.example', 'A', 'tcp');
    assert.deepEqual(byTcp.data, ['192.0.2.7']);
    assert.equal((await lab.resolve('web', gatewayOf(front), 'no.example')).code, 3);
    /* Names of its own, also those that have no address of a family, and its own subnets, are nobody else's business. */
    await lab.resolve('web', gatewayOf(front), 'web', 'TXT');
    await lab.resolve('web', gatewayOf(front), '9.9.18.172.in-addr.arpa', 'PTR');
    const asked = server.asked.filter((name) => name === 'web');
    assert.deepEqual(asked, []);
  } finally {
    silent.close();
    await server.close();
  }
});

test('from an internal network no question gets out', async () => {
  await lab.addLan();
  const server = await NameServerDouble.start(lanHost, { 'far.example': '192.0.2.7' });
  try {
    const vault = await lab.createNetwork('vault', { internal: true });
    await lab.join(vault, 'safe', { naming: { names: ['safe'], links: {}, servers: [lanHost] } });
    assert.equal((await lab.resolve('safe', gatewayOf(vault), 'far.example')).code, 3);
    assert.equal((await lab.resolve('safe', gatewayOf(vault), 'safe')).data.length, 1);
    assert.deepEqual(server.asked, []);
  } finally {
    await server.close();
  }
});

test('where port 53 is somebody else’s, or a container publishes it, names are found all the same', async () => {
  await front.connect({ containerId: 'web', ports: [], naming: { names: ['web'], links: {}, servers: [] } });
  const publish = (protocol: 'udp' | 'tcp') => ({
    containerPort: 53,
    protocol,
    hostIp: '',
    hostPortFirst: 53,
    hostPortLast: 53,
  });
  const { endpoint } = await lab.bridge.connect({
    containerId: 'dns',
    ports: [publish('udp'), publish('tcp')],
  });
  assert.equal(endpoint.ports.filter(({ hostPort }) => hostPort === 53).length, 2);
  await lab.join(front, 'client');
  for (const protocol of ['udp', 'tcp'])
    assert.equal((await lab.resolve('client', gatewayOf(front), 'web', 'A', protocol)).data.length, 1);
  await lab.bridge.disconnect('dns');
  const other = createSocket('udp4');
  other.bind({ address: '0.0.0.0', port: 53 });
  await once(other, 'listening');
  try {
    const late = await lab.createNetwork('late');
    await late.connect({ containerId: 'x', ports: [], naming: { names: ['x'], links: {}, servers: [] } });
    assert.equal((await askName(gatewayOf(late), 'x')).data.length, 1);
    await lab.restart({}, ['web', 'client', 'x']);
    assert.equal((await askName(gatewayOf(late), 'x')).data.length, 1);
  } finally {
    other.close();
  }
});

test('a new daemon answers at once', async () => {
  await lab.join(front, 'web');
  await lab.restart({}, ['web']);
  assert.equal((await askName(gatewayOf(front), 'web')).data.length, 1);
  await lab.restart({}, []);
  assert.equal((await askName(gatewayOf(front), 'web')).data.length, 0);
});

test('garbage is refused or not answered, and answers go on', async () => {
  await front.connect({ containerId: 'web', ports: [], naming: { names: ['web'], links: {}, servers: [] } });
  const socket = createSocket('udp4');
  for (let length = 0; length < 40; length += 1)
    socket.send(
      Buffer.from(Array.from({ length }, (_, at) => (at * 37 + length * 11) & 255)),
      53,
      gatewayOf(front),
    );
  assert.equal((await askName(gatewayOf(front), 'web')).data.length, 1);
  socket.close();
});
