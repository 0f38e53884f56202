/** Which proxy a URL goes through, by Go's rules. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectiveProxies, hidePassword, proxyFor } from './proxies.ts';

const settings = { httpProxy: 'http://plain:3128', httpsProxy: 'secure:3128', noProxy: '' };

function via(url: string, noProxy = ''): string | undefined {
  return proxyFor(new URL(url), { ...settings, noProxy })?.href;
}

test('by scheme; a proxy without one is HTTP', () => {
  assert.equal(via('http://a.example/'), 'http://plain:3128/');
  assert.equal(via('https://a.example/'), 'http://secure:3128/');
  assert.equal(proxyFor(new URL('https://a.example/'), { ...settings, httpsProxy: '' }), undefined);
});

test('loopback never', () => {
  for (const host of ['localhost:5000', '127.0.0.1', '127.8.9.1:80', '[::1]:5000'])
    assert.equal(via(`http://${host}/`), undefined, host);
});

test('no-proxy: names and what is below, suffixes, ports, addresses, networks, and all', () => {
  const direct: Array<[string, string]> = [
    ['a.example', 'example'],
    ['example', 'example'],
    ['a.example', '.example'],
    ['a.example', '*.example'],
    ['a.example:5000', 'x.test , A.Example:5000'],
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7:5000', '192.0.2.0/24'],
    ['[2001:db8::1]', '2001:db8::/32'],
    ['a.example', '*'],
  ];
  for (const [host, noProxy] of direct) assert.equal(via(`https://${host}/`, noProxy), undefined, noProxy);
  const proxied: Array<[string, string]> = [
    ['example', '.example'],
    ['an-example', 'example'],
    ['a.example', 'a.example:5000'],
    ['192.0.3.7', '192.0.2.0/24'],
    ['a.example', '192.0.2.0/24'],
    ['a.example', ','],
  ];
  for (const [host, noProxy] of proxied) assert.ok(via(`https://${host}/`, noProxy), noProxy);
});

test('settings come before the environment, one by one', () => {
  const env = { https_proxy: 'env:1', HTTP_PROXY: 'env:2', NO_PROXY: 'x' };
  assert.deepEqual(effectiveProxies({ httpsProxy: 'mine:1', httpProxy: '' }, env), {
    httpProxy: 'env:2',
    httpsProxy: 'mine:1',
    noProxy: 'x',
  });
});

test('passwords are not shown', () => {
  assert.equal(hidePassword('http://me:word@proxy:1'), 'http://xxxxx:xxxxx@proxy:1');
  assert.equal(hidePassword('me:word@proxy:1'), 'xxxxx:xxxxx@proxy:1');
  assert.equal(hidePassword('http://proxy:1'), 'http://proxy:1');
});
