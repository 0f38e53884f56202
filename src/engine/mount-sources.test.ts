import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MountPoint } from './model.ts';
import { prepareMounts } from './mount-sources.ts';

function directoryOf(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sources-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function mount(source: string, change: Partial<MountPoint> = {}): MountPoint {
  return {
    type: 'bind',
    source,
    destination: '/x',
    mode: '',
    readWrite: true,
    propagation: 'rprivate',
    ...change,
  };
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

test('a source of -v is made again at each start, that of --mount must be there', async (context) => {
  const directory = directoryOf(context);
  const source = join(directory, 'a', 'b');
  await prepareMounts([mount(source, { createSource: true })]);
  assert.ok(existsSync(source));
  await assert.rejects(prepareMounts([mount(join(directory, 'c'))]), {
    code: 'invalid-argument',
    message: `invalid mount config for type "bind": bind source path does not exist: ${directory}/c`,
  });
  writeFileSync(join(directory, 'file'), '');
  await assert.rejects(prepareMounts([mount(join(directory, 'file', 'd'), { createSource: true })]), {
    message: /^error while creating mount source path/,
  });
});

test('a subpath is opened, and stays what it was when its name leads elsewhere', async (context) => {
  const directory = directoryOf(context);
  mkdirSync(join(directory, 'volume', 'a', 'b'), { recursive: true });
  writeFileSync(join(directory, 'volume', 'a', 'b', 'file'), 'inside');
  const before = openDescriptors();
  const volume = mount(join(directory, 'volume'), { type: 'volume', name: 'vol', subpath: './a//b' });
  const { mounts, close } = await prepareMounts([volume]);
  renameSync(join(directory, 'volume', 'a'), join(directory, 'volume', 'moved'));
  symlinkSync('/etc', join(directory, 'volume', 'a'));
  assert.equal(readFileSync(join(mounts[0]?.source ?? '', 'file'), 'utf8'), 'inside');
  await close();
  assert.equal(openDescriptors(), before);
});

test('a subpath never leads out of its volume', async (context) => {
  const directory = directoryOf(context);
  const root = join(directory, 'volume');
  mkdirSync(join(root, 'dir'), { recursive: true });
  symlinkSync('/etc', join(root, 'link'));
  symlinkSync('dir', join(root, 'inner'));
  const before = openDescriptors();
  for (const subpath of ['link', 'link/passwd', 'dir/../../x', 'nosuch', 'inner']) {
    await assert.rejects(prepareMounts([mount(root, { type: 'volume', name: 'vol', subpath })]), {
      code: 'invalid-argument',
      message: new RegExp(`^cannot access subpath "${subpath}" of volume vol`),
    });
  }
  assert.equal(openDescriptors(), before);
});
