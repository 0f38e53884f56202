import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import { applyEnvironment } from './environment.ts';
import { configurationKeys } from './keys.ts';

function applied(tree: Record<string, unknown>, environment: Record<string, string>): unknown {
  const ignored = applyEnvironment(tree, configurationKeys, environment);
  assert.deepEqual(ignored, []);
  return tree;
}

test('a variable sets the key that its words name', () => {
  assert.deepEqual(
    applied(
      { storage: { filesystem: { rootdirectory: '/old', maxthreads: 50 } } },
      { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: '/data', REGISTRY_HTTP_ADDR: ':80', HOME: '/root' },
    ),
    { storage: { filesystem: { rootdirectory: '/data', maxthreads: 50 } }, http: { addr: ':80' } },
  );
});

test('values are YAML where no text is expected', () => {
  assert.deepEqual(
    applied(
      {},
      {
        REGISTRY_STORAGE_DELETE_ENABLED: 'true',
        REGISTRY_HTTP_TLS_CLIENTCAS: '[/a.pem, /b.pem]',
        REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING: '{enabled: false}',
        REGISTRY_LOG_FIELDS: '{zone: 3}',
      },
    ),
    {
      storage: { delete: { enabled: true }, maintenance: { uploadpurging: { enabled: false } } },
      http: { tls: { clientcas: ['/a.pem', '/b.pem'] } },
      log: { fields: { zone: 3 } },
    },
  );
});

test('text is taken as it is where YAML would see something else', () => {
  assert.deepEqual(
    applied(
      {},
      {
        REGISTRY_HTTP_SECRET: '0123',
        REGISTRY_PROXY_PASSWORD: '*a: {b',
        REGISTRY_PROXY_USERNAME: '"quoted"',
        REGISTRY_AUTH_HTPASSWD_REALM: 'Registry Realm',
      },
    ),
    {
      http: { secret: '0123' },
      proxy: { password: '*a: {b', username: 'quoted' },
      auth: { htpasswd: { realm: 'Registry Realm' } },
    },
  );
});

test('one word for a choice, and more below it', () => {
  assert.deepEqual(
    applied(
      { storage: 'filesystem' },
      { REGISTRY_AUTH: 'htpasswd', REGISTRY_AUTH_HTPASSWD_PATH: '/auth/htpasswd' },
    ),
    { storage: 'filesystem', auth: { htpasswd: { path: '/auth/htpasswd' } } },
  );
  assert.deepEqual(
    applied(
      { storage: { filesystem: { rootdirectory: '/x' }, delete: { enabled: true } } },
      { REGISTRY_STORAGE: 's3', REGISTRY_STORAGE_S3_BUCKET: 'images' },
    ),
    { storage: { s3: { bucket: 'images' } } },
  );
});

test('numbers are indices: what is there is changed, the next is new', () => {
  assert.deepEqual(
    applied(
      { notifications: { endpoints: [{ name: 'one', url: 'http://a' }] } },
      {
        REGISTRY_NOTIFICATIONS_ENDPOINTS_0_URL: 'http://b',
        REGISTRY_NOTIFICATIONS_ENDPOINTS_1_NAME: 'two',
        REGISTRY_HTTP_TLS_CLIENTCAS_0: '/ca.pem',
      },
    ),
    {
      notifications: { endpoints: [{ name: 'one', url: 'http://b' }, { name: 'two' }] },
      http: { tls: { clientcas: ['/ca.pem'] } },
    },
  );
});

test('an index that leaves a gap, or is none, is an error that names the variable', () => {
  for (const name of [
    'REGISTRY_NOTIFICATIONS_ENDPOINTS_1_URL',
    'REGISTRY_NOTIFICATIONS_ENDPOINTS_FIRST_URL',
  ]) {
    assert.throws(
      () => applyEnvironment({}, configurationKeys, { [name]: 'http://a' }),
      (error) => isEngineError(error, 'invalid-argument') && error.message.includes(name),
    );
  }
});

test('keys that anyone may choose: those that are there first, also with underscores, else lower case', () => {
  assert.deepEqual(
    applied(
      { log: { fields: { my_zone: 'a' } }, http: { headers: { 'X-Content-Type-Options': ['nosniff'] } } },
      {
        REGISTRY_LOG_FIELDS_MY_ZONE: 'b',
        REGISTRY_LOG_FIELDS_HOST: 'c',
        'REGISTRY_HTTP_HEADERS_X-CONTENT-TYPE-OPTIONS': '[none]',
        'REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin': "['*']",
      },
    ),
    {
      log: { fields: { my_zone: 'b', host: 'c' } },
      http: { headers: { 'X-Content-Type-Options': ['none'], 'access-control-allow-origin': ['*'] } },
    },
  );
});

test('what means nothing is named and changes nothing', () => {
  const tree = { http: { addr: ':5000' } };
  const ignored = applyEnvironment(tree, configurationKeys, {
    REGISTRY_PORT: 'tcp://172.17.0.2:5000',
    REGISTRY_PORT_5000_TCP_ADDR: '172.17.0.2',
    REGISTRY_HTTP_ADDR_MORE: 'x',
    REGISTRY_HTTP_ADRR: ':1',
  });
  assert.deepEqual(tree, { http: { addr: ':5000' } });
  assert.deepEqual(ignored, [
    'REGISTRY_HTTP_ADDR_MORE',
    'REGISTRY_HTTP_ADRR',
    'REGISTRY_PORT',
    'REGISTRY_PORT_5000_TCP_ADDR',
  ]);
});
