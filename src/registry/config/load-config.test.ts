import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import { type Loaded, loadConfiguration } from './load-config.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-registry-config-'));
const file = join(directory, 'config.yml');
after(() => rmSync(directory, { recursive: true }));

function loaded(text: string, environment: Record<string, string> = {}): Loaded {
  writeFileSync(file, text);
  return loadConfiguration(file, environment);
}

function refusal(text: string, environment: Record<string, string> = {}): EngineError {
  try {
    loaded(text, environment);
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    return error;
  }
  assert.fail('it was taken');
}

test('without a file there are defaults', () => {
  const { config, warnings } = loadConfiguration(undefined, {});
  assert.deepEqual(warnings, []);
  assert.deepEqual(config.storage, {
    kind: 'filesystem',
    directory: '/var/lib/gantry-registry',
    temporary: false,
  });
  assert.deepEqual(config.http.listen, { port: 5000 });
  assert.deepEqual(config.auth, { kind: 'none' });
  assert.equal(config.deletes, false);
  assert.equal(config.collect.enabled, true);
});

test('the configuration that Debian ships is understood', () => {
  const { config, warnings } = loaded(`
version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/docker-registry
  delete:
    enabled: true
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
auth:
  htpasswd:
    realm: basic-realm
    path: /etc/docker/registry
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
`);
  assert.deepEqual(warnings, []);
  assert.equal(config.deletes, true);
  assert.deepEqual(config.auth, { kind: 'htpasswd', realm: 'basic-realm', path: '/etc/docker/registry' });
  assert.deepEqual(config.http.headers, { 'X-Content-Type-Options': ['nosniff'] });
  const [check] = config.health;
  assert.deepEqual([check?.kind, check?.interval, check?.threshold], ['storage', 10_000, 3]);
  assert.deepEqual(config.log, {
    level: 'info',
    format: 'text',
    fields: { service: 'registry' },
    access: true,
  });
});

test('an unknown key is a warning with its line and the key that was meant', () => {
  const { config, warnings } = loaded(
    'version: 0.1\nstorage:\n  filesystem:\n    rootdirectroy: /x\nhtpp: {}\n',
  );
  assert.deepEqual(warnings, [
    `${file}:4: storage.filesystem.rootdirectroy: unknown key; did you mean rootdirectory?`,
    `${file}:5: htpp: unknown key; did you mean http?`,
  ]);
  assert.equal(config.storage.kind === 'filesystem' && config.storage.directory, '/var/lib/registry');
});

test('all that is wrong is said at once, with file, line, key and what is expected', () => {
  const { message, code } = refusal(
    'version: 0.1\nhttp:\n  draintimeout: soon\nstorage:\n  delete:\n    enabled: perhaps\n  filesystem: [a]\n',
  );
  assert.equal(code, 'invalid-argument');
  assert.deepEqual(message.split('\n'), [
    `${file}:3: http.draintimeout: expected a duration such as 30s, 10m or 168h, not "soon"`,
    `${file}:6: storage.delete.enabled: expected true or false, not "perhaps"`,
    `${file}:7: storage.filesystem: expected keys with values (rootdirectory, maxthreads), not ["a"]`,
  ]);
});

const refused: Array<[what: string, text: string, expected: RegExp]> = [
  ['no version', 'http: {}\n', /version is missing/],
  ['another version', 'version: 0.2\n', /unsupported version: 0.2/],
  ['no YAML', 'version: 0.1\nhttp: [\n', /:\d+: this is no YAML/],
  ['an address that is none', 'version: 0.1\nhttp: {addr: "5000"}\n', /:2: http\.addr: expected an address/],
  ['a foreign driver', 'version: 0.1\nstorage: {gcs: {bucket: x}}\n', /there is no storage driver gcs/],
  ['two drivers', 'version: 0.1\nstorage: {filesystem: {}, s3: {bucket: x}}\n', /exactly one storage type/],
  ['S3 without a bucket', 'version: 0.1\nstorage: {s3: {region: a}}\n', /bucket is missing/],
  ['two kinds of auth', 'version: 0.1\nauth: {htpasswd: {path: a}, silly: {}}\n', /exactly one type/],
  ['htpasswd without a file', 'version: 0.1\nauth: {htpasswd: {realm: a}}\n', /"path" must be set/],
  ['tokens without an issuer', 'version: 0.1\nauth: {token: {realm: a, service: b}}\n', /"issuer"/],
  ['a key without a certificate', 'version: 0.1\nhttp: {tls: {key: k}}\n', /certificate is missing/],
  ['ACME', 'version: 0.1\nhttp: {tls: {letsencrypt: {email: a@b.c}}}\n', /not fetched from an ACME/],
  [
    'an endpoint that is no URL',
    'version: 0.1\nnotifications: {endpoints: [{url: x}]}\n',
    /endpoints\.0\.url/,
  ],
  [
    'a rule for nobody',
    'version: 0.1\nauth: {htpasswd: {path: a}}\ngantry: {access: [{actions: [pull]}]}\n',
    /users, or anonymous/,
  ],
  [
    'a rule beside a token',
    'version: 0.1\nauth: {token: {realm: a, service: b, issuer: c, jwks: d}}\ngantry: {access: [{anonymous: true}]}\n',
    /the token says/,
  ],
  [
    'a malformed pattern',
    'version: 0.1\ngantry: {access: [{anonymous: true, repositories: ["a**"]}]}\n',
    /invalid pattern/,
  ],
];

for (const [what, text, expected] of refused) {
  test(`refused: ${what}`, () => assert.match(refusal(text).message, expected));
}

test('a file that is not there is said to be missing', () => {
  assert.throws(
    () => loadConfiguration(join(directory, 'none.yml'), {}),
    (error) => isEngineError(error, 'not-found') && error.message.includes('none.yml'),
  );
});

test('variables alone make a registry for S3', () => {
  const { config } = loadConfiguration(undefined, {
    REGISTRY_STORAGE: 's3',
    REGISTRY_STORAGE_S3_BUCKET: 'images',
    REGISTRY_STORAGE_S3_REGIONENDPOINT: 'minio:9000',
    REGISTRY_STORAGE_S3_SECURE: 'false',
    REGISTRY_STORAGE_S3_ACCESSKEY: '123',
    REGISTRY_STORAGE_S3_SECRETKEY: 'abc',
    REGISTRY_STORAGE_S3_ROOTDIRECTORY: '/registry/',
  });
  assert.deepEqual(config.storage, {
    kind: 's3',
    bucket: 'images',
    region: 'us-east-1',
    prefix: 'registry',
    pathStyle: true,
    skipVerify: false,
    encrypt: false,
    endpoint: 'http://minio:9000',
    accessKey: '123',
    secretKey: 'abc',
  });
});

test("distribution's one proxy stands after Gantry's several", () => {
  const { config } = loaded(`
version: 0.1
proxy: {remoteurl: https://registry-1.docker.io, username: '', ttl: 24h}
gantry:
  proxies:
    - {remoteurl: "https://quay.io", prefix: quay/, namespaces: [quay.io]}
`);
  assert.deepEqual(
    config.proxies.map(({ name, prefix, ttl, username }) => ({ name, prefix, ttl, username })),
    [
      { name: 'quay.io', prefix: 'quay', ttl: undefined, username: undefined },
      { name: 'registry-1.docker.io', prefix: '', ttl: 86_400_000, username: undefined },
    ],
  );
});

test('sections for things that the registry does without are named', () => {
  const { warnings } = loaded('version: 0.1\nredis: {addr: "x:1"}\nreporting: {newrelic: {}}\n');
  assert.deepEqual(warnings, [
    `${file}:2: redis is ignored: no Redis is needed: the registry caches in its own memory`,
    `${file}:3: reporting is ignored: there are no reports to Bugsnag or New Relic`,
  ]);
});

test('quotas, retention and collection below gantry', () => {
  const { config } = loaded(`
version: 0.1
storage: {maintenance: {uploadpurging: {enabled: false}}}
gantry:
  gc: {interval: 10m, grace: 2h, untagged: true}
  quotas: [{repositories: team/**, maxbytes: 10GB, maxtags: 5}]
  immutabletags: [{repositories: prod/**, tags: v*}]
  retention:
    rules: [{repositories: ci/**, keeplast: 10, deleteuntaggedafter: 7d}]
`);
  assert.deepEqual(config.collect, {
    enabled: true,
    interval: 600_000,
    grace: 7_200_000,
    untagged: true,
    uploadGrace: Number.POSITIVE_INFINITY,
  });
  assert.deepEqual(config.policy, {
    quotas: [{ repositories: 'team/**', maxBytes: 10 * 1024 ** 3, maxTags: 5 }],
    immutable: [{ repositories: 'prod/**', tags: 'v*' }],
  });
  assert.deepEqual(config.retention.rules, [
    { repositories: 'ci/**', keepLast: 10, deleteUntaggedAfter: 7 * 86_400_000 },
  ]);
});
