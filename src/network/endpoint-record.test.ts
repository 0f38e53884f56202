import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { parseEndpoint } from './endpoint-record.ts';
import type { Endpoint } from './network-types.ts';

const endpoint: Endpoint = {
  containerId: 'c',
  endpointId: 'e',
  networkId: 'n',
  ipAddress: '172.17.0.2',
  prefixLength: 16,
  gateway: '172.17.0.1',
  ipv6Address: 'fd00::2',
  ipv6PrefixLength: 64,
  ipv6Gateway: 'fd00::1',
  macAddress: '02:42:ac:11:00:02',
  hostInterface: 'veth1234567',
  ports: [{ containerPort: 80, protocol: 'tcp', hostIp: '0.0.0.0', hostPort: 8080 }],
};

test('an endpoint is read back as it was written, with and without IPv6', () => {
  assert.deepEqual(parseEndpoint(JSON.parse(JSON.stringify(endpoint))), endpoint);
  const { ipv6Address, ipv6PrefixLength, ipv6Gateway, ...plain } = endpoint;
  assert.deepEqual(parseEndpoint(plain), plain);
});

test('a damaged record is data loss', () => {
  const bad = [
    null,
    7,
    {},
    { ...endpoint, ipAddress: '', ipv6Address: undefined },
    { ...endpoint, prefixLength: '16' },
    { ...endpoint, ports: {} },
    { ...endpoint, ports: [{ protocol: 'icmp' }] },
  ];
  for (const value of bad) {
    assert.throws(
      () => parseEndpoint(value),
      (error: unknown) => isEngineError(error, 'data-loss'),
    );
  }
});
