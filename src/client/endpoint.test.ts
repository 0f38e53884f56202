/** Addresses of daemons, in every spelling of docker's clients. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseEndpoint } from './endpoint.ts';
import { encodeFilters, segment } from './query.ts';

test('sockets and ports', () => {
  assert.deepEqual(parseEndpoint('unix:///run/x.sock'), {
    kind: 'unix',
    path: '/run/x.sock',
    label: 'unix:///run/x.sock',
  });
  assert.deepEqual(parseEndpoint('/run/x.sock'), parseEndpoint('unix:///run/x.sock'));
  assert.deepEqual(parseEndpoint('tcp://10.0.0.1:99'), {
    kind: 'tcp',
    host: '10.0.0.1',
    port: 99,
    label: 'tcp://10.0.0.1:99',
  });
  assert.deepEqual(parseEndpoint('tcp://h'), { kind: 'tcp', host: 'h', port: 2375, label: 'tcp://h:2375' });
  assert.deepEqual(parseEndpoint('h:5'), { kind: 'tcp', host: 'h', port: 5, label: 'tcp://h:5' });
  assert.equal(parseEndpoint('tcp://[::1]:5').label, 'tcp://[::1]:5');
  const tls = { verify: true };
  assert.deepEqual(parseEndpoint('tcp://h', tls), {
    kind: 'tcp',
    host: 'h',
    port: 2376,
    tls,
    label: 'tcp://h:2376',
  });
});

test('what is no address is refused', () => {
  for (const text of ['zork://x', 'tcp://h:99999', 'tcp://h:x', '', 'a b'])
    assert.throws(() => parseEndpoint(text), text);
  assert.throws(() => parseEndpoint('npipe:////./pipe/docker'), { hint: /Named pipes are for Windows/ });
  assert.throws(() => parseEndpoint('fd://'), { hint: /for the daemon alone/ });
});

test('names become parts of paths, filters JSON', () => {
  assert.equal(segment('localhost:5000/a/b:1@sha256:x'), 'localhost:5000/a/b:1@sha256:x');
  assert.equal(segment('a b?c'), 'a%20b%3Fc');
  assert.equal(encodeFilters(new Map([['name', ['a', 'b']]])), '{"name":{"a":true,"b":true}}');
  assert.equal(encodeFilters(new Map()), undefined);
});
