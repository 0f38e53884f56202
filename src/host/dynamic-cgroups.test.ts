import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { favorDynamicCgroups } from './dynamic-cgroups.ts';
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
