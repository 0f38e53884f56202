/** Challenges, endpoints and errors of registries. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseReference } from '../../oci/reference.ts';
import { parseChallenges } from './auth-challenge.ts';
import { endpointsOf, isInsecureRegistry } from './endpoints.ts';
import { nextPage } from './registry-client.ts';
import { noCredentials, pullError, pushError, readFailure } from './registry-error.ts';
import { mergeScopes } from './scopes.ts';

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

test('errors of a push, as Docker says them', () => {
  const reference = parseReference('host:5000/app');
  const error = pushError(readFailure(403, ''), reference);
  assert.equal(error.message, 'denied: requested access to the resource is denied');
  assert.equal(error.code, 'forbidden');
  const none = pushError({ status: 401, code: noCredentials, message: 'x' }, reference);
  assert.equal(none.message, 'no basic auth credentials');
  assert.equal(none.hint, 'log in to the registry first: docker login host:5000');
  const invalid = '{"errors":[{"code":"MANIFEST_INVALID","message":"manifest invalid"}]}';
  assert.equal(pushError(readFailure(400, invalid), reference).message, 'manifest invalid: manifest invalid');
  assert.match(pushError(readFailure(413, '<html>'), reference).hint ?? '', /client_max_body_size/);
  const details = readFailure(401, '{"details":"incorrect username or password"}');
  assert.equal(pushError(details, reference).message, 'unauthorized: incorrect username or password');
});

test('rate limits explain themselves', () => {
  const hint = (headers: Record<string, string>): string => readFailure(429, '', headers).hint ?? '';
  assert.match(hint({ 'ratelimit-limit': '100;w=21600' }), /^the registry allows 100 pulls in 6 hours: wait/);
  assert.match(hint({ 'retry-after': '30' }), /^wait 30 seconds, log in/);
  assert.match(hint({}), /^wait a while/);
});

test('mirrors: of Docker Hub and of any registry, with prefix and namespace', () => {
  const config = {
    mirrors: ['http://127.0.0.1:5000'],
    insecureRegistries: ['old.example'],
    mirrorsFor: {
      'ghcr.io': ['https://m.example/ghcr/', 'http://old.example'],
      'docker.io': ['https://m.example'],
    },
  };
  assert.deepEqual(endpointsOf('ghcr.io', config), [
    {
      url: 'https://m.example',
      isMirror: true,
      isInsecure: false,
      prefix: 'ghcr',
      namespace: 'ghcr.io',
    },
    { url: 'http://old.example', isMirror: true, isInsecure: true, namespace: 'ghcr.io' },
    { url: 'https://ghcr.io', isMirror: false, isInsecure: false },
  ]);
  assert.deepEqual(
    endpointsOf('docker.io', config).map(({ url, namespace }) => [url, namespace]),
    [
      ['https://m.example', 'docker.io'],
      ['http://127.0.0.1:5000', undefined],
      ['https://registry-1.docker.io', undefined],
    ],
  );
});

test('scopes: each resource once, with all its actions', () => {
  assert.deepEqual(
    mergeScopes(['repository:a/b:pull,push', 'repository:host:5000/x:pull', 'repository:a/b:pull']),
    ['repository:a/b:pull,push', 'repository:host:5000/x:pull'],
  );
  assert.deepEqual(mergeScopes([]), []);
  assert.deepEqual(mergeScopes(['openid']), ['openid']);
});

test('the next page is of the same registry only', () => {
  const url = new URL('https://r.example/v2/x/tags/list');
  const next = (link: string): string | undefined => nextPage({ headers: { link }, url })?.href;
  assert.equal(
    next('</v2/x/tags/list?last=b&n=2>; rel="next"'),
    'https://r.example/v2/x/tags/list?last=b&n=2',
  );
  assert.equal(next('<?last=b>; rel=next'), 'https://r.example/v2/x/tags/list?last=b');
  assert.equal(next('</x>; rel="prev"'), undefined);
  assert.equal(next('<https://evil.example/>; rel="next"'), undefined);
  assert.equal(next('nonsense'), undefined);
});
