import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { nameOf } from './http-source.ts';

test('a download has the last name of its address', () => {
  assert.equal(nameOf('https://host/a/b.tar.gz?x=/y#z'), 'b.tar.gz');
  assert.equal(nameOf('https://host/a/b/'), 'b');
  assert.equal(nameOf('https://host/with%20blank'), 'with blank');
  assert.equal(nameOf('https://host'), '__unnamed__');
  assert.equal(nameOf('https://host/%2e%2e%2fetc'), '__unnamed__');
  assert.equal(nameOf('https://host/%zz'), '%zz');
});

test('no address names another folder', () => {
  fc.assert(
    fc.property(fc.webUrl(), fc.string(), (url, text) => {
      const name = nameOf(`${url}/${encodeURIComponent(text)}`);
      assert.ok(name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name), name);
    }),
  );
});
