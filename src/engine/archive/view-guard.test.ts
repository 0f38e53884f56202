/** Which places of a container may be written to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkWritable } from './view-guard.ts';

const mounts = [
  { destination: '/data', readOnly: true },
  { destination: '/data/open', readOnly: false },
  { destination: '/open', readOnly: false },
];

test('the nearest mount counts, then the root', () => {
  for (const path of ['/data/open', '/data/open/x', '/open', '/etc', '/database', '/'])
    checkWritable(path, mounts, false);
  for (const path of ['/data', '/data/x', '/data/opened'])
    assert.throws(() => checkWritable(path, mounts, false), /mounted volume is marked read-only/);
  for (const path of ['/open/x', '/data/open']) checkWritable(path, mounts, true);
  for (const path of ['/', '/etc', '/opened'])
    assert.throws(() => checkWritable(path, mounts, true), /container rootfs is marked read-only/);
});
