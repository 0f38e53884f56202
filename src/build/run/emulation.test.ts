import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRunnable } from './emulation.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };

test('another platform’s programs need an emulator', () => {
  checkRunnable(amd64, () => false, amd64);
  checkRunnable({ os: 'linux', architecture: '386' }, () => false, amd64);
  checkRunnable(arm64, (name) => name === 'qemu-aarch64', amd64);
  assert.throws(() => checkRunnable(arm64, () => false, amd64), /RUN for linux\/arm64 needs an emulator/);
  assert.throws(
    () => checkRunnable({ os: 'windows', architecture: 'amd64' }, () => true, amd64),
    /needs an emulator/,
  );
});
