/** A full disk: a clear error, nothing half made, and the daemon goes on. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { busyboxArchive } from '../support/image-fixtures.ts';

const small = mkdtempSync(join(tmpdir(), 'gantry-small-'));
let daemon: TestDaemon;
before(async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', small]);
  mkdirSync(join(small, 'data'));
  daemon = await TestDaemon.start({ busybox: false, flags: ['--data-root', join(small, 'data')] });
});
after(async () => {
  await daemon.close();
  execFileSync('umount', ['-l', small]);
  rmSync(small, { recursive: true });
});

function freeBytes(): number {
  return Number(execFileSync('df', ['--output=avail', '-B1', small]).toString().split('\n')[1]);
}

test('an image that does not fit is refused, says so, and leaves no byte behind', async () => {
  const filler = join(small, 'filler');
  const before = freeBytes();
  writeFileSync(filler, Buffer.alloc(before - 2_000_000, 1));
  const failed = await daemon.docker(['load'], { input: busyboxArchive() });
  assert.notEqual(failed.code, 0);
  assert.match(failed.stderr + failed.stdout, /no space left on device/i);
  assert.equal(await daemon.ok(['images', '-q']), '');
  rmSync(filler);
  assert.ok(before - freeBytes() < 500_000, `${before - freeBytes()} bytes stayed`);
  await daemon.loadBusybox();
  assert.equal(await daemon.ok(['run', '--rm', 'busybox', 'echo', 'fits now']), 'fits now');
});

test('a container on a full disk fails clearly or runs, and its removal works', async () => {
  const filler = join(small, 'filler');
  writeFileSync(filler, Buffer.alloc(Math.max(0, freeBytes() - 20_000), 1));
  const full = await daemon.docker([
    'run',
    '--name',
    'full',
    'busybox',
    'sh',
    '-c',
    'dd if=/dev/zero of=/big bs=1M count=5',
  ]);
  assert.notEqual(full.code, 0);
  assert.match(full.stderr, /no space left on device|database or disk is full/i);
  rmSync(filler);
  await daemon.removeAll();
  assert.equal(await daemon.ok(['ps', '-aq']), '');
  assert.equal(await daemon.ok(['run', '--rm', 'busybox', 'echo', 'alive']), 'alive');
});
