import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkVersion, escapeImageName, splitVersion } from './version-prefix.ts';

test('the version comes off the path', () => {
  assert.deepEqual(splitVersion('/v1.41/info?x=1'), { version: '1.41', path: '/info?x=1' });
  assert.deepEqual(splitVersion('/info'), { version: '1.51', path: '/info' });
  assert.deepEqual(splitVersion('/volumes/v1'), { version: '1.51', path: '/volumes/v1' });
  assert.deepEqual(splitVersion('/v1.41'), { version: '1.41', path: '/' });
});

test('versions that are not served are refused in the words of Docker', () => {
  checkVersion('1.24');
  checkVersion('1.51');
  assert.throws(() => checkVersion('1.99'), {
    message: 'client version 1.99 is too new. Maximum supported API version is 1.51',
  });
  assert.throws(() => checkVersion('1.10'), {
    message:
      'client version 1.10 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version',
  });
});

test('slashes within image names are escaped', () => {
  assert.equal(
    escapeImageName('GET', '/images/host:5000/a/b:tag/json?x=/'),
    '/images/host:5000%2Fa%2Fb:tag/json?x=/',
  );
  assert.equal(escapeImageName('DELETE', '/images/a/json'), '/images/a%2Fjson');
  assert.equal(escapeImageName('POST', '/images/a/b/tag?repo=c/d'), '/images/a%2Fb/tag?repo=c/d');
  assert.equal(
    escapeImageName('GET', '/distribution/host:5000/a/b@sha256:1/json'),
    '/distribution/host:5000%2Fa%2Fb@sha256:1/json',
  );
  assert.equal(
    escapeImageName('GET', '/gantry/manifests/a/b:c?expand=1'),
    '/gantry/manifests/a%2Fb:c?expand=1',
  );
  assert.equal(escapeImageName('DELETE', '/containers/web/db?link=1'), '/containers/web%2Fdb?link=1');
  assert.equal(escapeImageName('GET', '/containers/web/db/json'), '/containers/web%2Fdb/json');
  assert.equal(escapeImageName('DELETE', '/containers/a/checkpoints/b'), '/containers/a/checkpoints/b');
  for (const path of ['/images/json', '/images/busybox/json', '/images/a%2Fb/json', '/containers/a/json']) {
    assert.equal(escapeImageName('GET', path), path);
  }
});
