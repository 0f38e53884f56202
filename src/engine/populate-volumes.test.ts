import assert from 'node:assert/strict';
import {
  chmodSync,
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
import { type TestContext, test } from 'node:test';
import { engineParts } from '../../test/support/engine-parts.ts';
import type { MountPoint } from './model.ts';
import { populateVolumes } from './populate-volumes.ts';

/** An image of two layers, and a volume. */
async function fixture(context: TestContext) {
  const parts = await engineParts(context);
  const directory = mkdtempSync(join(tmpdir(), 'populate-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const [top, base] = [join(directory, 'top'), join(directory, 'base')];
  mkdirSync(join(base, 'data', 'sub'), { recursive: true });
  mkdirSync(join(top, 'data'), { recursive: true });
  writeFileSync(join(base, 'data', 'sub', 'old'), 'base');
  writeFileSync(join(base, 'data', 'both'), 'base');
  writeFileSync(join(top, 'data', 'both'), 'top');
  symlinkSync('/etc/passwd', join(top, 'data', 'link'));
  chmodSync(join(top, 'data'), 0o1777);
  const { volume } = parts.volumes.create({ driver: 'local', driverOpts: {}, labels: {} });
  const mount: MountPoint = {
    type: 'volume',
    name: volume.name,
    source: volume.mountpoint,
    destination: '/data',
    mode: '',
    readWrite: true,
    propagation: '',
  };
  const snapshots = { mount: () => ({ lower: [top, base], upper: '', work: '' }) };
  const launcher = { fileOperations: () => Promise.resolve(undefined) };
  const fill = (change: Partial<MountPoint> = {}) =>
    populateVolumes({ ...parts, snapshots, launcher } as never, 'c1', [{ ...mount, ...change }]);
  return { path: volume.mountpoint, fill };
}

test("an empty volume gets the image's files, with the directory's own mode", async (context) => {
  const { path, fill } = await fixture(context);
  await fill();
  assert.deepEqual(readdirSync(path).sort(), ['both', 'link', 'sub']);
  assert.equal(readFileSync(join(path, 'both'), 'utf8'), 'top');
  assert.equal(readFileSync(join(path, 'sub', 'old'), 'utf8'), 'base');
  assert.equal(statSync(path).mode & 0o7777, 0o1777);
  assert.deepEqual(readdirSync(join(path, '..')), ['_data'], 'nothing is left beside it');
});

test('a volume that holds something, or that shall stay empty, is left alone', async (context) => {
  const { path, fill } = await fixture(context);
  await fill({ noCopy: true });
  await fill({ destination: '/nosuch' });
  assert.deepEqual(readdirSync(path), []);
  writeFileSync(join(path, 'mine'), '');
  await fill();
  assert.deepEqual(readdirSync(path), ['mine']);
});

test('two at once fill it once', async (context) => {
  const { path, fill } = await fixture(context);
  await Promise.all([fill(), fill(), fill()]);
  assert.deepEqual(readdirSync(path).sort(), ['both', 'link', 'sub']);
});
