/** What is found in certs.d. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findCertificates, readCertificates } from './certificates.ts';

const root = mkdtempSync(join(tmpdir(), 'gantry-certs-'));
after(() => rmSync(root, { recursive: true }));

function put(path: string, text = '-----BEGIN X'): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

test('by host and port, in the first folder that has any; a file that changes is noticed', () => {
  put('one/a.example:5000/ca.crt');
  put('two/a.example:5000/other.crt');
  put('two/b.example/ca.crt');
  put('two/c.example:443/ca.crt');
  put('two/c.example:443/readme.txt');
  const folders = [join(root, 'none'), join(root, 'one'), join(root, 'two')];
  const find = (url: string) => findCertificates(new URL(url), folders);
  assert.deepEqual(find('https://a.example:5000/')?.names, ['ca.crt']);
  assert.deepEqual(find('https://c.example/')?.names, ['ca.crt']);
  assert.equal(find('https://a.example/'), undefined);
  assert.equal(find('https://b.example:5000/'), undefined);
  const before = find('https://b.example/')?.fingerprint;
  assert.equal(find('https://b.example/')?.fingerprint, before);
  put('two/b.example/ca.crt', '-----BEGIN Y and more');
  assert.notEqual(find('https://b.example/')?.fingerprint, before);
});

test('pairs belong together', () => {
  put('pairs/a.example/x.crt', '-----BEGIN ca');
  put('pairs/a.example/1.cert', '-----BEGIN c1');
  put('pairs/a.example/1.key', '-----BEGIN k1');
  put('pairs/a.example/2.cert', '-----BEGIN c2');
  put('pairs/a.example/2.key', '-----BEGIN k2');
  const read = () => {
    const files = findCertificates(new URL('https://a.example'), [join(root, 'pairs')]);
    assert.ok(files);
    return readCertificates(files);
  };
  assert.deepEqual(read(), {
    ca: ['-----BEGIN ca'],
    certificates: ['-----BEGIN c1', '-----BEGIN c2'],
    keys: ['-----BEGIN k1', '-----BEGIN k2'],
  });
  rmSync(join(root, 'pairs/a.example/2.key'));
  assert.throws(read, { code: 'failed-precondition', message: /missing key 2\.key for 2\.cert/ });
});
