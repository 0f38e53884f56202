import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkStorageOptions, hasProjectQuota } from './storage-options.ts';

const mountinfo = [
  '22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro',
  '30 22 8:2 / /var rw,relatime shared:2 - xfs /dev/sda2 rw,attr2,prjquota',
  '31 30 8:3 / /var/lib rw,relatime shared:3 - ext4 /dev/sda3 rw',
  '',
].join('\n');

test('the innermost mount says whether there are project quotas', () => {
  assert.equal(hasProjectQuota(mountinfo, '/var/data'), true);
  assert.equal(hasProjectQuota(mountinfo, '/var'), true);
  assert.equal(hasProjectQuota(mountinfo, '/var/lib/gantry'), false);
  assert.equal(hasProjectQuota(mountinfo, '/various'), false);
  assert.equal(hasProjectQuota(mountinfo, '/'), false);
});

test('without options nothing is asked; with one, proc has no quotas', () => {
  checkStorageOptions({}, '/proc');
  assert.throws(() => checkStorageOptions({ size: '10G' }, '/proc'), /supported only for overlay over xfs/);
});
