import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkVariables } from './link-variables.ts';

const facts = { parent: 'web', alias: 'my-db', address: '10.0.0.2' };

test('each port has four variables; the lowest TCP one stands for all', () => {
  const ports = [
    { port: 53, protocol: 'udp' },
    { port: 5432, protocol: 'tcp' },
  ] as const;
  assert.deepEqual(linkVariables({ ...facts, ports, env: [] }), [
    'MY_DB_PORT=tcp://10.0.0.2:5432',
    'MY_DB_PORT_5432_TCP=tcp://10.0.0.2:5432',
    'MY_DB_PORT_5432_TCP_ADDR=10.0.0.2',
    'MY_DB_PORT_5432_TCP_PORT=5432',
    'MY_DB_PORT_5432_TCP_PROTO=tcp',
    'MY_DB_PORT_53_UDP=udp://10.0.0.2:53',
    'MY_DB_PORT_53_UDP_ADDR=10.0.0.2',
    'MY_DB_PORT_53_UDP_PORT=53',
    'MY_DB_PORT_53_UDP_PROTO=udp',
    'MY_DB_NAME=/web/my-db',
  ]);
});

test('neighbouring ports have their first and last one named', () => {
  const ports = [7, 8, 9, 20].map((port) => ({ port, protocol: 'tcp' as const }));
  const named = linkVariables({ ...facts, ports, env: [] });
  assert.deepEqual(
    named.filter((one) => /START|END/.test(one)),
    [
      'MY_DB_PORT_7_TCP_START=tcp://10.0.0.2:7',
      'MY_DB_PORT_7_TCP_PORT_START=7',
      'MY_DB_PORT_7_TCP_END=tcp://10.0.0.2:9',
      'MY_DB_PORT_7_TCP_PORT_END=9',
    ],
  );
});

test('variables of the linked container come along, but not HOME, PATH and bare names', () => {
  const env = ['MODE=a=b', 'HOME=/root', 'PATH=/bin', 'bare'];
  assert.deepEqual(linkVariables({ ...facts, ports: [], env }), [
    'MY_DB_NAME=/web/my-db',
    'MY_DB_ENV_MODE=a=b',
  ]);
});
