/** config.json: what is not ours stays, nobody else reads it, and it is never half written. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { ConfigFile } from './config-file.ts';

const root = mkdtempSync(join(tmpdir(), 'gantry-config-'));
after(() => rmSync(root, { recursive: true, force: true }));

let folder = '';
let count = 0;
beforeEach(() => {
  count += 1;
  folder = join(root, String(count));
});

function existing(text: string): string {
  mkdirSync(folder);
  const path = join(folder, 'config.json');
  writeFileSync(path, text);
  return path;
}

test('a file that is not there counts as empty, and is made for the owner alone', () => {
  const config = ConfigFile.read(folder);
  assert.deepEqual([config.problem, config.credentialStore, config.auths.size], [undefined, '', 0]);
  config.setAuth('b.example', { auth: 'Yg==' });
  config.setAuth('a.example', { auth: 'YQ==', identitytoken: 't' });
  config.save();
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(config.path).mode & 0o777, 0o600);
  assert.equal(
    readFileSync(config.path, 'utf8'),
    '{\n\t"auths": {\n\t\t"a.example": {\n\t\t\t"auth": "YQ==",\n\t\t\t"identitytoken": "t"\n\t\t},\n\t\t"b.example": {\n\t\t\t"auth": "Yg=="\n\t\t}\n\t}\n}',
  );
  assert.deepEqual(readdirSync(folder), ['config.json']);
});

test('unknown keys stay, and a file that others could read no longer is one', () => {
  const path = existing(
    '{"HttpHeaders":{"X":"y"},"psFormat":"table","auths":{"a":{"auth":"YTpi","email":"e@x"}},"zork":[1,{"b":null}]}',
  );
  chmodSync(path, 0o644);
  const config = ConfigFile.read(folder);
  config.setAuth('b', {});
  config.deleteAuth('c');
  config.save();
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), {
    HttpHeaders: { X: 'y' },
    psFormat: 'table',
    auths: { a: { auth: 'YTpi', email: 'e@x' }, b: {} },
    zork: [1, { b: null }],
  });
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a symbolic link stays one: what it points to is written', () => {
  mkdirSync(folder);
  const target = join(root, `target-${count}.json`);
  writeFileSync(target, '{}');
  symlinkSync(target, join(folder, 'config.json'));
  const config = ConfigFile.read(folder);
  config.setAuth('a', { auth: 'YQ==' });
  config.save();
  assert.ok(lstatSync(join(folder, 'config.json')).isSymbolicLink());
  assert.deepEqual(JSON.parse(readFileSync(target, 'utf8')), { auths: { a: { auth: 'YQ==' } } });
});

test('a file that is no JSON counts as empty and is never overwritten', () => {
  const path = existing('{bad');
  const config = ConfigFile.read(folder);
  assert.match(config.problem ?? '', /JSON/);
  config.setAuth('a', {});
  assert.throws(() => config.save(), { code: 'failed-precondition', message: /^could not parse / });
  assert.equal(readFileSync(path, 'utf8'), '{bad');
  writeFileSync(path, '[]');
  assert.match(ConfigFile.read(folder).problem ?? '', /no JSON object/);
});

test('odd values are passed over', () => {
  existing(
    '{"auths":{"a":null,"b":{"auth":5},"c":{"auth":"YTpi"}},"credHelpers":{"x":"pass","y":1},"credsStore":7}',
  );
  const config = ConfigFile.read(folder);
  assert.deepEqual(
    [...config.auths],
    [
      ['a', {}],
      ['b', {}],
      ['c', { auth: 'YTpi' }],
    ],
  );
  assert.deepEqual([...config.credentialHelpers], [['x', 'pass']]);
  assert.equal(config.credentialStore, '');
});
