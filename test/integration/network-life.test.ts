/** The bridge over time: conflicts, many ports, restarts of the daemon with living connections, and nothing left in the end. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PortRequest } from '../../src/network/network-types.ts';
import { lanHost, lanHost6, NetworkLab } from '../support/network-lab.ts';

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
beforeEach(async () => {
  lab = await NetworkLab.open();
});
afterEach(() => lab.close());

const elements = (): string => execFileSync('nft', ['list', 'map', 'inet', lab.table, 'any4']).toString();
const links = (): string => execFileSync('ip', ['-o', 'link', 'show', 'master', lab.bridgeName]).toString();

test('a conflict leaves nothing behind: the address, the port and the record are free again', async () => {
  await lab.bridge.connect({ containerId: 'a', ports: [publish(18180)] });
  await assert.rejects(
    lab.bridge.connect({ containerId: 'b', ports: [publish(18181), publish(18180)] }),
    /Bind for 0\.0\.0\.0:18180 failed: port is already allocated/,
  );
  assert.deepEqual(
    lab.bridge.endpoints().map(({ containerId }) => containerId),
    ['a'],
  );
  assert.doesNotMatch(elements(), /18181/);
  await lab.bridge.disconnect('a');
  await lab.bridge.disconnect('a');
  assert.doesNotMatch(elements(), /18180/);
  await lab.bridge.connect({
    containerId: 'b',
    ports: [publish(18181), publish(18180)],
    ipAddress: '10.213.77.2',
  });
});

test('a port on which the host listens is refused', async () => {
  const server = createServer().listen(18182, '0.0.0.0');
  await once(server, 'listening');
  await assert.rejects(
    lab.bridge.connect({ containerId: 'a', ports: [publish(18182)] }),
    /failed to bind host port for 0\.0\.0\.0:18182:10\.213\.77\.2:80\/tcp: address already in use/,
  );
  server.close();
});

test('fifty containers at once get fifty addresses and ports', async () => {
  const random: PortRequest = {
    containerPort: 80,
    protocol: 'tcp',
    hostIp: '',
    hostPortFirst: 0,
    hostPortLast: 0,
  };
  const made = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      lab.bridge.connect({ containerId: `c${index}`, ports: [random] }),
    ),
  );
  assert.equal(new Set(made.map(({ endpoint }) => endpoint.ipAddress)).size, 50);
  assert.equal(new Set(made.map(({ endpoint }) => endpoint.ports[0]?.hostPort)).size, 50);
  assert.equal(elements().match(/10\.213\.77\.\d+ \. 80/g)?.length, 50);
  await Promise.all(made.map(({ endpoint }) => lab.bridge.disconnect(endpoint.containerId)));
  assert.doesNotMatch(elements(), /10\.213\.77/);
});

test('the thousandth published port costs what the first did, to publish and to connect to', async () => {
  await lab.restart({ bip: '10.213.72.1/21' });
  await lab.container('web', [publish(17000), publish(17999)]);
  await lab.serve('web', 'tcp:80');
  const median = (part: number[]): number => part.sort((a, b) => a - b)[part.length >> 1] ?? 0;
  const times: number[] = [];
  for (let port = 17001; port < 17999; port += 1) {
    const started = performance.now();
    await lab.bridge.connect({ containerId: `c${port}`, ports: [publish(port)] });
    times.push(performance.now() - started);
  }
  const [first, last] = [median(times.slice(0, 100)), median(times.slice(-100))];
  assert.ok(last < first * 2 + 2, `first ${first.toFixed(1)} ms, last ${last.toFixed(1)} ms`);
  const connecting = async (port: number): Promise<number> => {
    const taken: number[] = [];
    for (let turn = 0; turn < 50; turn += 1) {
      const started = performance.now();
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'data');
      taken.push(performance.now() - started);
      socket.destroy();
    }
    return median(taken);
  };
  const [near, far] = [await connecting(17000), await connecting(17999)];
  assert.ok(far < near * 2 + 1, `first ${near.toFixed(2)} ms, last ${far.toFixed(2)} ms`);
});

test('a new daemon keeps connections, ports and addresses, and lets go of what died meanwhile', async () => {
  await lab.addLan();
  const kept = await lab.container('kept', [publish(18280, 81)]);
  const gone = await lab.container('gone', [publish(18281)]);
  await lab.serve('kept', 'tcp:81:hold');
  const socket = connect(18280, '127.0.0.1');
  await once(socket, 'data');
  await lab.deleteNamespace('gone');
  await lab.restart({}, ['kept']);
  socket.write('still here');
  assert.equal(String((await once(socket, 'data'))[0]), 'still here');
  socket.destroy();
  assert.deepEqual(lab.bridge.endpoints(), [kept]);
  assert.doesNotMatch(elements(), /18281/);
  assert.equal(await ended(() => !links().includes(gone.hostInterface)), true);
  await lab.bridge.connect({ containerId: 'again', ports: [publish(18281)], ipAddress: gone.ipAddress });
  await assert.rejects(
    lab.bridge.connect({ containerId: 'x', ports: [], ipAddress: kept.ipAddress }),
    /already in use/,
  );
});

test('a bridge and a table that were deleted come back with their containers', async () => {
  await lab.container('web', [publish(18380)]);
  await lab.serve('web', 'tcp:80');
  execFileSync('ip', ['link', 'del', lab.bridgeName]);
  execFileSync('nft', ['delete', 'table', 'inet', lab.table]);
  assert.equal(await lab.ask({ host: '127.0.0.1', port: 18380 }), 'closed');
  await lab.restart({}, ['web']);
  assert.equal(await lab.ask({ host: '127.0.0.1', port: 18380 }), '10.213.77.1');
});

test('on an IPv6 network that was made just now, ports are reached from outside at once', async () => {
  await lab.addLan();
  const network = await lab.createNetwork('new', { enableIpv6: true });
  await lab.join(network, 'web', { ports: [publish(18390)] });
  await lab.serve('web', 'tcp:80');
  assert.equal(await lab.ask({ from: 'lan', host: lanHost6, port: 18390 }), 'fd99:77::2');
});

test('a UDP client that never stops reaches the container that has its port now', async () => {
  const client = createSocket('udp4');
  client.on('error', () => undefined);
  client.connect(18453, '127.0.0.1');
  await once(client, 'connect');
  const answers = new Set<string>();
  client.on('message', (data) => answers.add(String(data)));
  const sending = setInterval(() => client.send('?', () => undefined), 20);
  for (const name of ['first', 'second']) {
    await sleep(100);
    await lab.container(name, [publish(18453, 53, { protocol: 'udp' })]);
    await lab.serve(name, `udp:53:${name}`);
    assert.ok(
      await ended(() => [...answers].some((answer) => answer.startsWith(name))),
      `${name} was not reached`,
    );
    await lab.bridge.disconnect(name);
  }
  clearInterval(sending);
  client.close();
});

test('--icc=false keeps containers apart, but not from published ports', async () => {
  await lab.restart({ icc: false });
  await lab.addLan();
  const web = await lab.container('web', [publish(18480)]);
  await lab.container('other');
  await lab.serve('web', 'tcp:80');
  assert.equal(await lab.ask({ from: 'other', host: web.ipAddress, port: 80 }), 'timeout');
  assert.equal(await lab.ask({ from: 'other', host: lanHost, port: 18480 }), '10.213.77.1');
  assert.equal(await lab.ask({ host: web.ipAddress, port: 80 }), '10.213.77.1');
});

test('a firewall that drops forwarded packets is named', async () => {
  execFileSync('nft', ['-f', '-'], {
    input: `table ip gantry_test_drop { chain FORWARD { type filter hook forward priority 10; policy drop; }; }`,
  });
  try {
    await lab.restart();
  } finally {
    execFileSync('nft', ['delete', 'table', 'ip', 'gantry_test_drop']);
  }
  assert.match(lab.warnings.join('\n'), /"ip gantry_test_drop FORWARD" drops forwarded packets/);
});

test('an address that was changed by hand is put right; a bridge of someone else is not deleted', async () => {
  execFileSync('ip', ['addr', 'add', '10.214.0.1/24', 'dev', lab.bridgeName]);
  execFileSync('ip', ['addr', 'del', '10.213.77.1/24', 'dev', lab.bridgeName]);
  await lab.restart();
  const addresses = execFileSync('ip', ['-4', '-o', 'addr', 'show', lab.bridgeName]).toString();
  assert.match(addresses, /10\.213\.77\.1\/24/);
  assert.doesNotMatch(addresses, /10\.214/);
  execFileSync('ip', ['link', 'set', lab.bridgeName, 'alias', 'mine']);
  await lab.networks.destroy();
  execFileSync('ip', ['link', 'del', lab.bridgeName]);
});

test('after destroy no link, table or route is left', async () => {
  const { hostInterface } = await lab.container('web', [publish(18580)]);
  await lab.bridge.connect({ containerId: 'never-started', ports: [publish(18581)] });
  await lab.container('left');
  await lab.bridge.disconnect('left');
  await lab.networks.destroy();
  const all = execFileSync('ip', ['-o', 'link']).toString();
  assert.ok(!all.includes(lab.bridgeName) && !all.includes(hostInterface));
  assert.ok(!execFileSync('nft', ['list', 'tables']).toString().includes(lab.table));
  assert.ok(!execFileSync('ip', ['route']).toString().includes('10.213.77'));
  const server = createServer().listen(18580, '0.0.0.0');
  await once(server, 'listening');
  server.close();
});

/** Waits a few seconds for something to become true. */
async function ended(condition: () => boolean): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (condition()) return true;
    await sleep(30);
  }
  return false;
}
