import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { HostPorts, withoutPorts } from './host-ports.ts';
import type { PortRequest } from './network-types.ts';

const ipv4 = { ipAddress: '172.17.0.2', defaultAddress: '0.0.0.0' };
const dual = { ...ipv4, ipv6Address: 'fd00::2' };
/** Outside the kernel's own range, so that no client of another test has one. */
const base = 21000 + (process.pid % 5000);

function request(hostPort: number, more: Partial<PortRequest> = {}): PortRequest {
  return {
    containerPort: 80,
    protocol: 'tcp',
    hostIp: '',
    hostPortFirst: hostPort,
    hostPortLast: hostPort,
    ...more,
  };
}

/** A listening server on a port that the kernel chose. */
async function listen(host: string): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer().listen(0, host);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

test('a request for all addresses gives a row for each family that the container has', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  const rows = await ports.claim([request(base)], dual);
  assert.deepEqual(
    rows.map((row) => `${row.hostIp} ${row.hostPort}`),
    [`0.0.0.0 ${base}`, `:: ${base}`],
  );
  await ports.release(rows);
  assert.equal(
    (await ports.claim([request(base)], ipv4).then((again) => ports.release(again).then(() => again))).length,
    1,
  );
});

test('a routed family has a row without a port of the host, for each request one, and holds nothing', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  const routed = { ...dual, routed: { ipv4: true, ipv6: false } };
  const rows = await ports.claim([request(base)], routed);
  assert.deepEqual(
    rows.map((row) => `${row.hostIp} ${row.hostPort}`),
    [`:: ${base}`, '0.0.0.0 0'],
  );
  const again = await ports.claim([request(base, { hostIp: '127.0.0.1' })], routed);
  assert.deepEqual(
    again.map((row) => `${row.hostIp} ${row.hostPort}`),
    ['0.0.0.0 0'],
  );
  assert.deepEqual(await ports.adopt(again, routed), []);
  await ports.release(rows);
  await ports.release(again);
  await ports.release(await ports.claim([request(base)], dual));
});

test('without IPv4, ports are those of IPv6; what names the other family is refused', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  const only6 = { ...dual, ipAddress: '' };
  const rows = await ports.claim([request(base)], only6);
  assert.deepEqual(
    rows.map((row) => row.hostIp),
    ['::'],
  );
  await ports.release(rows);
  await assert.rejects(
    ports.claim([request(base, { hostIp: '127.0.0.1' })], only6),
    /the network has no IPv4/,
  );
  await assert.rejects(ports.claim([request(base)], { ...only6, defaultAddress: '127.0.0.1' }), /no IPv4/);
});

test('what the same container holds already is kept where it fits, random ports too, and nothing twice', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  const random = request(0);
  const before = await ports.claim([random, random, request(base + 8)], ipv4);
  const numbers = (rows: readonly { hostIp: string; hostPort: number }[]) =>
    rows.map((row) => `${row.hostIp} ${row.hostPort - base}`).sort();
  assert.deepEqual(numbers(before), ['0.0.0.0 0', '0.0.0.0 1', '0.0.0.0 8']);
  const after = await ports.claim([random, random, request(base + 8)], dual, before);
  assert.deepEqual(numbers(after), ['0.0.0.0 0', '0.0.0.0 1', '0.0.0.0 8', ':: 0', ':: 1', ':: 8']);
  await ports.release(withoutPorts(before, after));
  await assert.rejects(ports.claim([request(base + 8)], ipv4), /already allocated/);
  // Another address of the same port takes the place of the one that is held.
  const local = await ports.claim([request(base + 8, { hostIp: '127.0.0.1' })], ipv4, after);
  assert.deepEqual(numbers(local), ['127.0.0.1 8']);
  await ports.release(withoutPorts(after, local));
  const six = await ports.claim([request(base + 1)], { ...dual, ipAddress: '' });
  await ports.release([...local, ...six]);
  await ports.release(await ports.claim([random, random, request(base + 8)], dual));
});

test('a port of another container is refused in Docker’s words, and nothing else is kept', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  const rows = await ports.claim([request(base + 1)], ipv4);
  for (const hostIp of ['', '0.0.0.0', '127.0.0.1']) {
    await assert.rejects(
      ports.claim([request(base + 2), request(base + 1, { hostIp })], ipv4),
      (error: unknown) => {
        assert.ok(isEngineError(error, 'internal'));
        assert.equal(
          error.message,
          `Bind for ${hostIp || '0.0.0.0'}:${base + 1} failed: port is already allocated`,
        );
        return true;
      },
    );
  }
  await ports.release([...rows, ...(await ports.claim([request(base + 2)], ipv4))]);
});

test('of SCTP and of IPv6, what other containers have is seen too', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  const rows = await ports.claim(
    [request(base + 8, { protocol: 'sctp' }), request(base + 8, { hostIp: '::1' })],
    dual,
  );
  for (const [more, address] of [
    [{ protocol: 'sctp' }, '0\\.0\\.0\\.0'],
    [{ hostIp: '::' }, '::'],
  ] as const)
    await assert.rejects(
      ports.claim([request(base + 8, more)], dual),
      new RegExp(`Bind for ${address}:${base + 8} failed: port is already allocated`),
    );
  await ports.release(rows);
});

test('different addresses and protocols share a port', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  const rows = await ports.claim(
    [
      request(base + 3, { hostIp: '127.0.0.1' }),
      request(base + 3, { hostIp: '127.0.0.2' }),
      request(base + 3, { protocol: 'udp' }),
      request(base + 3, { protocol: 'sctp' }),
    ],
    ipv4,
  );
  assert.equal(rows.length, 4);
  await ports.release(rows);
});

test('a port on which a program of the host listens is refused in Docker’s words', async () => {
  const other = await listen('127.0.0.1');
  const ports = new HostPorts({ first: base, last: base + 9 });
  await assert.rejects(ports.claim([request(other.port)], ipv4), (error: unknown) => {
    assert.ok(isEngineError(error, 'internal'));
    assert.equal(
      error.message,
      `failed to bind host port for 0.0.0.0:${other.port}:172.17.0.2:80/tcp: address already in use`,
    );
    return true;
  });
  await other.close();
  await ports.release(await ports.claim([request(other.port)], ipv4));
});

test('a UDP port in use is seen too', async () => {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  const ports = new HostPorts({ first: base, last: base + 9 });
  await assert.rejects(ports.claim([request(port, { protocol: 'udp' })], ipv4), /address already in use/);
  socket.close();
});

test('an address that the host lacks is refused at once, also for a range or a random port', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  for (const hostPortFirst of [0, base]) {
    const bad = request(0, { hostIp: '203.0.113.9', hostPortFirst, hostPortLast: hostPortFirst && base + 9 });
    await assert.rejects(ports.claim([bad], ipv4), /cannot assign requested address/);
  }
});

test('an IPv6 address needs a container with IPv6', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  await assert.rejects(ports.claim([request(base, { hostIp: '::' })], ipv4), (error: unknown) =>
    isEngineError(error, 'invalid-argument'),
  );
});

test('a range gives its first free port, and is exhausted in the end', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  const range = request(base + 4, { hostPortLast: base + 6 });
  const rows = await ports.claim([range, request(base + 4)], ipv4);
  assert.deepEqual(rows.map((row) => row.hostPort).sort(), [base + 4, base + 5]);
  const last = await ports.claim([range], ipv4);
  await assert.rejects(ports.claim([range], ipv4), /all ports are allocated/);
  await ports.release([...rows, ...last]);
});

test('random ports are all different, also when asked for at once', async () => {
  const ports = new HostPorts({ first: base + 10, last: base + 59 });
  const claims = await Promise.all(Array.from({ length: 40 }, () => ports.claim([request(0)], ipv4)));
  const rows = claims.flat();
  assert.equal(new Set(rows.map((row) => row.hostPort)).size, 40);
  assert.ok(rows.every((row) => row.hostPort >= base + 10 && row.hostPort <= base + 59));
  await ports.release(rows);
});

test('of two requests for one port at once, one wins', async () => {
  const ports = new HostPorts({ first: base, last: base + 9 });
  const results = await Promise.allSettled([
    ports.claim([request(base + 7)], dual),
    ports.claim([request(base + 7)], dual),
  ]);
  const won = results.filter((result) => result.status === 'fulfilled');
  assert.equal(won.length, 1);
  await ports.release(won.flatMap((result) => result.value));
});

test('ports of a recorded endpoint are taken over; those of other programs are named', async () => {
  const other = await listen('0.0.0.0');
  const ports = new HostPorts({ first: base, last: base + 9 });
  const recorded = [other.port, base + 8].map((hostPort) => ({
    containerPort: 80,
    protocol: 'tcp' as const,
    hostIp: '0.0.0.0',
    hostPort,
  }));
  assert.deepEqual(await ports.adopt(recorded, ipv4), recorded.slice(0, 1));
  await assert.rejects(ports.claim([request(base + 8)], ipv4), /already allocated/);
  await ports.release(recorded);
  await ports.release(await ports.claim([request(base + 8)], ipv4));
  await other.close();
});

test('a connection to ::1 is passed on, both ways and half-closed', async () => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('end', () => socket.end(`got ${text}`));
  }).listen(0, '::1');
  await new Promise((resolve) => server.once('listening', resolve));
  const ports = new HostPorts({ first: base, last: base + 9 });
  const { port } = server.address() as AddressInfo;
  const rows = await ports.claim([request(base + 9, { containerPort: port })], {
    ...ipv4,
    ipv6Address: '::1',
  });
  const answer = await new Promise<string>((resolve, reject) => {
    let text = '';
    const client = connect({ host: '::1', port: base + 9, allowHalfOpen: true }, () => client.end('hello'));
    client.on('data', (data) => {
      text += data;
    });
    client.on('end', () => resolve(text)).on('error', reject);
  });
  assert.equal(answer, 'got hello');
  await ports.release(rows);
  server.close();
});
