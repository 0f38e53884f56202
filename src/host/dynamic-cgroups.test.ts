import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { dynamicMountOptions, favorDynamicCgroups } from './dynamic-cgroups.ts';
import { startLauncher } from './launcher.ts';

const root = process.getuid?.() === 0;

test('it leaves no mount and no directory, and says why where it fails', {
  skip: !root && 'needs root',
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-dynmods-'));
  const launcher = await startLauncher({});
  try {
    const at = join(directory, 'cgroup2');
    const failure = await favorDynamicCgroups(launcher, at);
    assert.ok(failure === undefined || failure.length > 0);
    assert.ok(!existsSync(at));
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(directory));
    const seen = /cgroup2 .*favordynmods/.test(readFileSync('/proc/self/mountinfo', 'utf8'));
    const hasV2 = / - cgroup2 /.test(readFileSync('/proc/self/mountinfo', 'utf8'));
    if (failure === undefined && hasV2) assert.ok(seen, 'the hierarchy shows the option');
  } finally {
    await launcher.close();
    rmSync(directory, { recursive: true });
  }
});

test('what the hierarchy is mounted with stays: mounting it again would take it away everywhere', () => {
  const line = (options: string) =>
    `30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 ${options}`;
  const other = '22 1 0:20 / /proc rw - proc proc rw,nsdelegate';
  const asked = (options: string) => dynamicMountOptions(`${other}\n${line(options)}\n`);
  assert.equal(asked('rw,nsdelegate,memory_recursiveprot'), 'nsdelegate,memory_recursiveprot,favordynmods');
  assert.equal(asked('rw'), 'favordynmods');
  assert.equal(dynamicMountOptions(other), 'favordynmods', 'it is mounted nowhere');
  assert.equal(asked('rw,nsdelegate,favordynmods'), undefined, 'nothing to do');
});
