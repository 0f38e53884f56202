import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { containerPorts, parsePortRange, portRequests } from './ports.ts';

const host = (
  portBindings: Record<string, Array<{ hostIp: string; hostPort: string }>>,
  publishAllPorts = false,
) => ({
  portBindings,
  publishAllPorts,
});
const to = (hostPort: string, hostIp = '') => ({ hostIp, hostPort });

test('ports and ranges are read, anything else is not', () => {
  assert.deepEqual(parsePortRange('80'), { first: 80, last: 80, protocol: 'tcp' });
  assert.deepEqual(parsePortRange('8000-8010/UDP'), { first: 8000, last: 8010, protocol: 'udp' });
  for (const text of ['', '0', '65536', '9-8', '80/icmp', 'x', '-1', '80/', '1-70000', '80 ']) {
    assert.equal(parsePortRange(text), undefined, text);
  }
});

test('any text is either ports in their range or refused', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (text) => {
      const range = parsePortRange(text);
      return range === undefined || (range.first >= 1 && range.last <= 65_535 && range.first <= range.last);
    }),
  );
});

test('bindings become requests', () => {
  const requests = portRequests(
    ['80/tcp'],
    host({ '80/tcp': [to('8080', '127.0.0.1'), to('9000-9010')], '53/udp': [to('')] }),
  );
  assert.deepEqual(requests, [
    { containerPort: 80, protocol: 'tcp', hostIp: '127.0.0.1', hostPortFirst: 8080, hostPortLast: 8080 },
    { containerPort: 80, protocol: 'tcp', hostIp: '', hostPortFirst: 9000, hostPortLast: 9010 },
    { containerPort: 53, protocol: 'udp', hostIp: '', hostPortFirst: 0, hostPortLast: 0 },
  ]);
});

test('the address of the daemon stands in for none', () => {
  const [request] = portRequests([], host({ '80/tcp': [to('80')] }), '10.0.0.1');
  assert.equal(request?.hostIp, '10.0.0.1');
  assert.equal(portRequests([], host({ '80/tcp': [to('80')] }), '0.0.0.0')[0]?.hostIp, '');
  assert.equal(portRequests([], host({ '80/tcp': [to('80', '[::1]')] }))[0]?.hostIp, '::1');
});

test('publishing all takes what is exposed and not bound', () => {
  const requests = portRequests(
    ['80/tcp', '90-91/tcp'],
    host({ '80/tcp': [to('8080')], '70/tcp': [] }, true),
  );
  assert.deepEqual(
    requests.map(({ containerPort, hostPortFirst }) => [containerPort, hostPortFirst]),
    [
      [80, 8080],
      [70, 0],
      [90, 0],
      [91, 0],
    ],
  );
});

test('bad ports and addresses are refused in the words of Docker', () => {
  const refused = (key: string, binding: { hostIp: string; hostPort: string }, message: RegExp) =>
    assert.throws(() => portRequests([], host({ [key]: [binding] })), {
      code: 'invalid-argument',
      message,
    });
  refused('x/tcp', to('80'), /^invalid port specification: "x"$/);
  refused('80/tcp', to('70000'), /^invalid port specification: "70000"$/);
  refused('80/tcp', to('80', 'localhost'), /^invalid IP address: localhost$/);
  assert.throws(() => portRequests(['http'], host({})), /invalid port specification: "http"/);
});

test('exposed and bound ports are listed once', () => {
  assert.deepEqual(containerPorts(['90', '80/tcp', '80/udp'], host({ '80/tcp': [] })), [
    { port: 80, protocol: 'tcp' },
    { port: 80, protocol: 'udp' },
    { port: 90, protocol: 'tcp' },
  ]);
});
