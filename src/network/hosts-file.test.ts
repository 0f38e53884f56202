import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { type HostsFile, hostnameFile, hostsFile, hostsFileOfHost } from './hosts-file.ts';

const base: HostsFile = {
  hostname: 'web',
  domainname: '',
  addresses: ['172.17.0.2'],
  extraHosts: [],
  hostGateways: ['172.17.0.1'],
};
const lines = (more: Partial<HostsFile>): string[] =>
  hostsFile({ ...base, ...more })
    .trimEnd()
    .split('\n');

test('localhost first, the container itself last', () => {
  assert.equal(lines({})[0], '127.0.0.1\tlocalhost');
  assert.equal(lines({}).at(-1), '172.17.0.2\tweb');
  assert.ok(lines({}).includes('::1\tlocalhost ip6-localhost ip6-loopback'));
});

test('a domain name gives the full name before the short one', () => {
  assert.equal(lines({ domainname: 'example.org' }).at(-1), '172.17.0.2\tweb.example.org web');
});

test('one line per own address, none without a network', () => {
  assert.equal(lines({ addresses: ['172.17.0.2', 'fd00::2'] }).at(-1), 'fd00::2\tweb');
  assert.equal(lines({ addresses: [] }).at(-1), 'ff02::2\tip6-allrouters');
});

test('extra hosts in both spellings, IPv6, and the host itself', () => {
  const text = hostsFile({
    ...base,
    extraHosts: ['db:10.0.0.5', 'six=fd00::5', 'seven:[fd00::7]', 'host.docker.internal:host-gateway'],
    hostGateways: ['172.17.0.1', 'fd00::1'],
  });
  for (const line of [
    '10.0.0.5\tdb',
    'fd00::5\tsix',
    'fd00::7\tseven',
    '172.17.0.1\thost.docker.internal',
    'fd00::1\thost.docker.internal',
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
});

test('extra hosts that make no sense are invalid arguments', () => {
  for (const entry of ['db', 'db:', ':1.2.3.4', 'db:nowhere', 'a b:1.2.3.4']) {
    assert.throws(
      () => hostsFile({ ...base, extraHosts: [entry] }),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  }
  const noGateway = { ...base, extraHosts: ['h:host-gateway'], hostGateways: [] };
  assert.throws(() => hostsFile(noGateway), /host-gateway/);
});

test('the hostname file is one line', () => assert.equal(hostnameFile('web'), 'web\n'));

test("the host's own file is kept as it is, with the additional hosts after it", () => {
  assert.equal(hostsFileOfHost('127.0.0.1 me', [], []), '127.0.0.1 me');
  assert.equal(
    hostsFileOfHost('127.0.0.1 me', ['a:1.2.3.4', 'up:host-gateway'], ['172.17.0.1']),
    '127.0.0.1 me\n1.2.3.4\ta\n172.17.0.1\tup\n',
  );
});
