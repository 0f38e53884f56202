/** Names that lead into insecure networks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withResolvedInsecure } from './resolved-insecure.ts';

const none = { mirrors: [], insecureRegistries: [] };
const addresses: Record<string, string[]> = {
  'near.example': ['203.0.113.9', '10.1.2.3'],
  'self.example': ['127.0.1.1'],
  'far.example': ['203.0.113.9'],
};
const resolve = (name: string): Promise<string[]> =>
  Promise.resolve(addresses[name] ?? []).then((found) =>
    found.length > 0 ? found : Promise.reject(new Error('ENOTFOUND')),
  );

test('what is known, what is an address, and what leads elsewhere or nowhere stays as it is', async () => {
  const known = ['docker.io', 'localhost:5000', '10.1.2.3:5000', '[2001:db8::1]', 'a.invalid', 'far.example'];
  for (const domain of known) assert.equal(await withResolvedInsecure(domain, none, resolve), none, domain);
});

test('a name that leads into a network that was named, or to this host', async () => {
  const config = { mirrors: [], insecureRegistries: ['10.0.0.0/8'] };
  for (const domain of ['near.example:5000', 'self.example']) {
    const { insecureRegistries } = await withResolvedInsecure(domain, config, resolve);
    assert.deepEqual(insecureRegistries, ['10.0.0.0/8', domain]);
  }
});

test('not where a proxy resolves it', async () => {
  const proxied = { ...none, insecureRegistries: ['10.0.0.0/8'], proxies: { httpsProxy: 'http://proxy:1' } };
  assert.equal(await withResolvedInsecure('near.example', proxied, resolve), proxied);
  assert.equal(
    await withResolvedInsecure(
      'near.example',
      { ...proxied, proxies: { httpsProxy: 'ftp://x' } },
      resolve,
    ).then(({ insecureRegistries }) => insecureRegistries.length),
    1,
  );
});
