/** Challenges, endpoints and errors of registries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseReference } from '../../oci/reference.ts';
import { parseChallenges } from './auth-challenge.ts';
import { endpointsOf, isInsecureRegistry } from './endpoints.ts';
import { pullError, readFailure } from './registry-error.ts';

test('challenges, as registries write them', () => {
  assert.deepEqual(
    parseChallenges(
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
    ),
    [
      {
        scheme: 'bearer',
        parameters: {
          realm: 'https://auth.docker.io/token',
          service: 'registry.docker.io',
          scope: 'repository:a/b:pull,push',
        },
      },
    ],
  );
  assert.deepEqual(parseChallenges('Basic realm="a \\"b\\""'), [
    { scheme: 'basic', parameters: { realm: 'a "b"' } },
  ]);
  assert.deepEqual(parseChallenges('Negotiate, Basic Realm=x, charset=UTF-8'), [
    { scheme: 'negotiate', parameters: {} },
    { scheme: 'basic', parameters: { realm: 'x', charset: 'UTF-8' } },
  ]);
  assert.deepEqual(parseChallenges(''), []);
});

test('no header hangs or throws', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      assert.ok(Array.isArray(parseChallenges(text)));
    }),
  );
});

test('endpoints: HTTPS alone, unless the registry is of this host or was named', () => {
  const config = {
    mirrors: ['https://mirror.example/'],
    insecureRegistries: ['old.example:5000', '10.1.0.0/16', 'http://plain.example', 'fd00::/8'],
  };
  const urls = (domain: string): string[] => endpointsOf(domain, config).map(({ url }) => url);
  assert.deepEqual(urls('docker.io'), ['https://mirror.example', 'https://registry-1.docker.io']);
  assert.deepEqual(urls('quay.io'), ['https://quay.io']);
  assert.deepEqual(urls('localhost:5000'), ['https://localhost:5000', 'http://localhost:5000']);
  assert.deepEqual(urls('127.1.2.3:5000'), ['https://127.1.2.3:5000', 'http://127.1.2.3:5000']);
  for (const host of [
    'old.example:5000',
    '10.1.2.3:80',
    '10.1.2.3',
    'plain.example',
    '[::1]:5000',
    '[fd00::5]:5000',
  ])
    assert.ok(isInsecureRegistry(host, config), host);
  for (const host of [
    'old.example',
    'old.example:5001',
    '10.2.0.1',
    '127.example.com',
    'localhost.example',
    '[fe80::1]',
  ])
    assert.ok(!isInsecureRegistry(host, config), host);
});

test('errors, as Docker says them', () => {
  const reference = parseReference('me/app:v1');
  const text = (status: number, body: string): string =>
    pullError(readFailure(status, body), reference).message;
  assert.equal(
    text(401, '{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'),
    "pull access denied for me/app, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
  );
  assert.equal(
    text(404, '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'),
    'manifest for me/app:v1 not found: manifest unknown: manifest unknown',
  );
  assert.equal(
    text(404, '{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry"}]}'),
    'repository me/app not found: name unknown: repository name not known to registry',
  );
  assert.equal(text(401, ''), 'unauthorized: authentication required');
  assert.equal(text(502, '<html>'), 'unexpected status code 502');
  assert.equal(text(500, '{"errors":[{"code":7}]}'), 'unexpected status code 500');
  assert.equal(text(500, '{"errors":[{"code":"UNKNOWN"}]}'), 'unknown: unexpected status code 500');
});
