/** Credentials in config.json and in helpers. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { type CredentialHelper, writeCredentialHelper } from '../../../test/support/credential-helper.ts';
import { openCredentials } from './credential-store.ts';
import { hostOf, hubServer, serverKey, serverOfImage } from './credentials.ts';

const root = mkdtempSync(join(tmpdir(), 'gantry-credentials-'));
const path = process.env['PATH'];
let helper: CredentialHelper;
before(() => {
  helper = writeCredentialHelper(join(root, 'bin'), 'fake');
  process.env['PATH'] = `${helper.folder}:${path}`;
});
after(() => {
  process.env['PATH'] = path;
  rmSync(root, { recursive: true, force: true });
});

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'config-'));
  helper.calls();
});

function open(config: object | undefined, searched = '/nowhere') {
  if (config !== undefined) writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  return openCredentials(folder, searched).store;
}

function written(): unknown {
  return JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
}

const me = { username: 'me', password: 'p:w', identityToken: '' };

test('servers by the names that users write and images have', () => {
  assert.deepEqual(
    ['', 'docker.io', 'index.docker.io', 'https://index.docker.io/v1/', 'https://registry-1.docker.io'].map(
      serverKey,
    ),
    Array.from({ length: 5 }, () => hubServer),
  );
  assert.deepEqual(['https://a:5000/v2/', 'http://a', 'a:5000'].map(serverKey), ['a:5000', 'a', 'a:5000']);
  assert.equal(hostOf('https://a:5000/v2/x'), 'a:5000');
  assert.equal(serverOfImage('docker.io/library/x'), hubServer);
  assert.equal(serverOfImage('a:5000/x/y'), 'a:5000');
});

test('without a helper: in the file, with a warning once for each password', () => {
  const store = open(undefined);
  assert.equal(store.get('a.example'), undefined);
  assert.deepEqual(store.set('a.example', me), { plainFile: join(folder, 'config.json') });
  assert.deepEqual(store.set('a.example', me), { plainFile: undefined });
  assert.deepEqual(open(undefined).get('a.example'), me);
  assert.deepEqual(written(), { auths: { 'a.example': { auth: 'bWU6cDp3' } } });
  const token = { username: 'me', password: '', identityToken: 'T' };
  assert.deepEqual(store.set('t.example', token), { plainFile: undefined });
  assert.deepEqual(open(undefined).get('t.example'), token);
  store.erase(['a.example', 'https://a.example', 't.example']);
  assert.deepEqual(written(), { auths: {} });
});

test('entries under the names of older clients are found', () => {
  const store = open({
    auths: { 'https://old.example/v1/': { auth: 'bWU6cDp3' }, 'x.example': { auth: '!!' } },
  });
  assert.deepEqual(store.get('old.example'), me);
  assert.equal(store.get('x.example'), undefined);
  assert.equal(store.get('example'), undefined);
});

test('credsStore keeps all of them; the file only says that there is a login', () => {
  const store = open({ credsStore: 'fake', auths: { 'plain.example': { auth: 'bWU6cDp3' } } });
  assert.deepEqual(store.set('a.example', me), { plainFile: undefined });
  assert.deepEqual(store.get('a.example'), me);
  assert.equal(store.get('plain.example'), undefined, 'what is in the file does not count beside a helper');
  assert.deepEqual(helper.calls(), [
    'store {"ServerURL":"a.example","Username":"me","Secret":"p:w"}',
    'get a.example',
    'get plain.example',
  ]);
  assert.deepEqual(written(), {
    credsStore: 'fake',
    auths: { 'a.example': {}, 'plain.example': { auth: 'bWU6cDp3' } },
  });
  assert.deepEqual(store.servers(), ['a.example', 'listed.example', 'plain.example']);
  store.erase(['a.example']);
  assert.equal(store.get('a.example'), undefined);
});

test('identity tokens go through a helper under the name that stands for them', () => {
  const store = open({ credsStore: 'fake' });
  store.set('token.example', { username: 'me', password: '', identityToken: 'T' });
  assert.deepEqual(helper.calls(), ['store {"ServerURL":"token.example","Username":"<token>","Secret":"T"}']);
  assert.deepEqual(store.get('token.example'), { username: '', password: '', identityToken: 'T' });
});

test('credHelpers are for their own registries', () => {
  const store = open({ credHelpers: { 'a.example': 'fake' } });
  store.set('a.example', me);
  store.set('b.example', me);
  assert.deepEqual(helper.calls(), ['store {"ServerURL":"a.example","Username":"me","Secret":"p:w"}']);
  assert.deepEqual(written(), {
    credHelpers: { 'a.example': 'fake' },
    auths: { 'a.example': {}, 'b.example': { auth: 'bWU6cDp3' } },
  });
});

test('helpers that fail, and such as are not there', () => {
  const store = open({ credsStore: 'fake', credHelpers: { 'c.example': 'nonsuch' } });
  const locked = 'err: exit status 1, out: `the keychain is locked`';
  assert.throws(() => store.get('broken.example'), {
    code: 'unavailable',
    message: `error getting credentials - ${locked}`,
  });
  assert.throws(() => store.set('broken.example', me), { message: `error storing credentials - ${locked}` });
  assert.throws(() => store.erase(['broken.example']), { message: `error erasing credentials - ${locked}` });
  assert.throws(() => store.get('c.example'), {
    message:
      'error getting credentials - err: exec: "docker-credential-nonsuch": executable file not found in $PATH, out: ``',
  });
  store.erase(['unknown.example']);
});

test('a keychain that is installed is used where nothing was decided yet', () => {
  const bin = join(root, 'keychain');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'docker-credential-secretservice'), '', { mode: 0o755 });
  open(undefined, bin);
  assert.equal(readable(bin), 'secretservice');
  writeFileSync(join(bin, 'pass'), '', { mode: 0o755 });
  assert.equal(readable(bin), '', 'pass would be used, but has no helper');
  writeFileSync(join(bin, 'docker-credential-pass'), '', { mode: 0o755 });
  assert.equal(readable(bin), 'pass');
  assert.equal(readable(bin, { auths: { a: { auth: 'YTpi' } } }), '');
});

function readable(searched: string, config: object = {}): string {
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  return openCredentials(folder, searched).helper;
}
