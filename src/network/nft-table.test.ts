import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import type { Endpoint, PublishedPort } from './network-types.ts';
import { addElements, deleteElements, tableScript } from './nft-table.ts';

const port = (hostIp: string, more: Partial<PublishedPort> = {}): PublishedPort => ({
  containerPort: 80,
  protocol: 'tcp',
  hostIp,
  hostPort: 8080,
  ...more,
});
const endpoint = (...ports: PublishedPort[]): Endpoint => ({
  containerId: 'c',
  endpointId: 'e',
  networkId: 'n',
  ipAddress: '172.17.0.2',
  prefixLength: 16,
  gateway: '172.17.0.1',
  ipv6Address: 'fd00::2',
  macAddress: '',
  hostInterface: '',
  ports,
});
const options = { table: 'gantry', bridge: 'gantry0', subnet: '172.17.0.0/16', icc: true, ipMasq: true };

test('one element per published port, in the map of its family and address', () => {
  const all = endpoint(port('0.0.0.0'), port('::', { protocol: 'udp' }), port('127.0.0.1'), port('fd99::1'));
  assert.equal(
    addElements('gantry', [all]),
    [
      'add element inet gantry any4 { tcp . 8080 : 172.17.0.2 . 80 }',
      'add element inet gantry any6 { udp . 8080 : fd00::2 . 80 }',
      'add element inet gantry exact4 { 127.0.0.1 . tcp . 8080 : 172.17.0.2 . 80 }',
      'add element inet gantry exact6 { fd99::1 . tcp . 8080 : fd00::2 . 80 }',
      '',
    ].join('\n'),
  );
});

test('taking elements back works whether they are there or not', () => {
  const lines = deleteElements('gantry', [endpoint(port('0.0.0.0'))])
    .trim()
    .split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(' ')[0]),
    ['add', 'delete'],
  );
});

test('names that could break out of the script are refused', () => {
  for (const table of ['a b', 'x{', '', '1a']) {
    assert.throws(
      () => tableScript({ ...options, table }, []),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  }
  for (const bridge of ['a"b', 'more-than-15-chars', '', 'a b']) {
    assert.throws(
      () => tableScript({ ...options, bridge }, []),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  }
});

test('--icc=false and --ip-masq=false change one rule each', () => {
  const usual = tableScript(options, []);
  assert.match(usual, /iifname "gantry0" oifname "gantry0" accept/);
  assert.match(tableScript({ ...options, icc: false }, []), /iifname "gantry0" oifname "gantry0" drop/);
  assert.match(usual, /oifname != "gantry0" ip saddr 172\.17\.0\.0\/16 masquerade/);
  assert.doesNotMatch(tableScript({ ...options, ipMasq: false }, []), /oifname != "gantry0" ip saddr/);
});
