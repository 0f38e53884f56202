import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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
import type { CommandRequest, CommandResult } from '../host/launcher-types.ts';
import type { MountPoint } from './model.ts';
import { type MountSourcesEngine, prepareMounts } from './mount-sources.ts';
import { sweepSubpaths } from './subpath.ts';

function directoryOf(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sources-'));
  context.after(async () => {
    await sweepSubpaths(engineIn(directory));
    rmSync(directory, { recursive: true, force: true });
  });
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

/** Subpaths below the test's own directory, mounted by the same commands as the launcher's. */
function engineIn(execRoot: string): MountSourcesEngine {
  const run = ({ argv }: CommandRequest): Promise<CommandResult> => {
    const [program = '', ...args] = argv;
    const { status, stdout, stderr } = spawnSync(program, args);
    return Promise.resolve({ exitCode: status, signal: null, timedOut: false, stdout, stderr });
  };
  const nothing = { find: () => undefined, enforce: () => Promise.resolve() };
  const engine: Partial<Record<keyof MountSourcesEngine, unknown>> = {
    launcher: { run },
    config: { execRoot },
    containers: nothing,
    volumes: nothing,
  };
  return engine as MountSourcesEngine;
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

test('a source of -v is made again at each start, that of --mount must be there', async (context) => {
  const directory = directoryOf(context);
  const engine = engineIn(directory);
  const source = join(directory, 'a', 'b');
  await prepareMounts(engine, [mount(source, { createSource: true })]);
  assert.ok(existsSync(source));
  await assert.rejects(prepareMounts(engine, [mount(join(directory, 'c'))]), {
    code: 'invalid-argument',
    message: `invalid mount config for type "bind": bind source path does not exist: ${directory}/c`,
  });
  writeFileSync(join(directory, 'file'), '');
  await assert.rejects(prepareMounts(engine, [mount(join(directory, 'file', 'd'), { createSource: true })]), {
    message: /^error while creating mount source path/,
  });
});

test('a subpath is opened, and stays what it was when its name leads elsewhere', async (context) => {
  const directory = directoryOf(context);
  mkdirSync(join(directory, 'volume', 'a', 'b'), { recursive: true });
  writeFileSync(join(directory, 'volume', 'a', 'b', 'file'), 'inside');
  const engine = engineIn(directory);
  const before = openDescriptors();
  const volume = mount(join(directory, 'volume'), { type: 'volume', name: 'vol', subpath: './a//b' });
  const { mounts, close } = await prepareMounts(engine, [volume]);
  renameSync(join(directory, 'volume', 'a'), join(directory, 'volume', 'moved'));
  symlinkSync('/etc', join(directory, 'volume', 'a'));
  assert.equal(readFileSync(join(mounts[0]?.source ?? '', 'file'), 'utf8'), 'inside');
  await close();
  assert.equal(openDescriptors(), before);
  assert.deepEqual(readdirSync(join(directory, 'subpaths')), []);
  assert.ok(existsSync(join(directory, 'volume', 'moved', 'b', 'file')), 'only the mount is gone');
});

test('what a crash left mounted is taken away, and the volume is not', async (context) => {
  const directory = directoryOf(context);
  const engine = engineIn(directory);
  mkdirSync(join(directory, 'volume', 'a'), { recursive: true });
  writeFileSync(join(directory, 'volume', 'a', 'file'), 'kept');
  const subpaths = ['a', 'a/file'].map((subpath) =>
    mount(join(directory, 'volume'), { type: 'volume', name: 'vol', subpath }),
  );
  const { mounts } = await prepareMounts(engine, subpaths);
  assert.equal(readFileSync(mounts[1]?.source ?? '', 'utf8'), 'kept');
  await sweepSubpaths(engine);
  assert.deepEqual(readdirSync(join(directory, 'subpaths')), []);
  assert.equal(readFileSync('/proc/self/mounts', 'utf8').includes(directory), false);
  assert.equal(readFileSync(join(directory, 'volume', 'a', 'file'), 'utf8'), 'kept');
});

test('a subpath never leads out of its volume', async (context) => {
  const directory = directoryOf(context);
  const root = join(directory, 'volume');
  mkdirSync(join(root, 'dir'), { recursive: true });
  symlinkSync('/etc', join(root, 'link'));
  symlinkSync('dir', join(root, 'inner'));
  const engine = engineIn(directory);
  const before = openDescriptors();
  for (const subpath of ['link', 'link/passwd', 'dir/../../x', 'nosuch', 'inner']) {
    await assert.rejects(prepareMounts(engine, [mount(root, { type: 'volume', name: 'vol', subpath })]), {
      code: 'invalid-argument',
      message: new RegExp(`^cannot access subpath "${subpath}" of volume vol`),
    });
  }
  assert.equal(openDescriptors(), before);
});
