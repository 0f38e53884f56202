import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { MountStubs } from './mount-stubs.ts';

function trees(context: TestContext): { lower: string; upper: string; outside: string } {
  const root = mkdtempSync(join(tmpdir(), 'stubs-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const paths = { lower: join(root, 'lower'), upper: join(root, 'upper'), outside: join(root, 'outside') };
  for (const path of Object.values(paths)) mkdirSync(path);
  return paths;
}

test('what was made to mount over goes, with directories that only came up for it', async (context) => {
  const { lower, upper } = trees(context);
  mkdirSync(join(lower, 'etc'));
  const stubs = new MountStubs([lower], ['/run/secrets/token', '/data']);
  for (const path of ['etc', 'proc', 'dev', 'sys', 'run/secrets', 'data'])
    mkdirSync(join(upper, path), { recursive: true });
  for (const path of ['etc/hosts', 'etc/resolv.conf', 'run/secrets/token'])
    writeFileSync(join(upper, path), '');
  await stubs.remove(upper);
  assert.deepEqual(
    ['etc', 'proc', 'dev', 'sys', 'run', 'data'].filter((path) => existsSync(join(upper, path))),
    [],
  );
});

test('what the process wrote stays, with the times it had', async (context) => {
  const { lower, upper } = trees(context);
  mkdirSync(join(lower, 'etc'));
  mkdirSync(join(lower, 'proc'));
  const stubs = new MountStubs([lower], ['/data']);
  mkdirSync(join(upper, 'etc'));
  writeFileSync(join(upper, 'etc/hosts'), '');
  writeFileSync(join(upper, 'etc/passwd'), 'x');
  utimesSync(join(upper, 'etc'), 5, 5);
  mkdirSync(join(upper, 'data'));
  writeFileSync(join(upper, 'data/file'), '');
  await stubs.remove(upper);
  assert.equal(existsSync(join(upper, 'etc/hosts')), false);
  assert.equal(existsSync(join(upper, 'etc/passwd')), true);
  assert.equal(statSync(join(upper, 'etc')).mtimeMs, 5000);
  assert.equal(existsSync(join(upper, 'data/file')), true);
});

test('a link in the way is never followed', async (context) => {
  const { lower, upper, outside } = trees(context);
  const stubs = new MountStubs([lower], []);
  writeFileSync(join(outside, 'hosts'), '');
  symlinkSync(outside, join(upper, 'etc'));
  await stubs.remove(upper);
  assert.equal(existsSync(join(outside, 'hosts')), true);
});
