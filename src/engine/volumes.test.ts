import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type EngineParts, engineParts, testId } from '../../test/support/engine-parts.ts';
import { noFilters } from './filters.ts';
import type { MountPoint } from './model.ts';
import { createVolume, listVolumes, pruneVolumes, removeAnonymousVolumes, removeVolume } from './volumes.ts';

function named(parts: EngineParts, name: string, labels: Record<string, string> = {}): void {
  createVolume(parts, { name, driver: 'local', driverOpts: {}, labels });
}

function anonymous(parts: EngineParts): string {
  return createVolume(parts, { driver: '', driverOpts: {}, labels: {} }).name;
}

function using(name: string): MountPoint {
  return {
    type: 'volume',
    name,
    source: '/x',
    destination: '/x',
    mode: '',
    readWrite: true,
    propagation: '',
  };
}

test('lists are filtered', async (context) => {
  const parts = await engineParts(context);
  named(parts, 'web-a', { tier: 'front' });
  named(parts, 'web-b');
  named(parts, 'db');
  parts.add({ id: testId('c1'), mounts: [using('db')] });
  const names = (filters: Record<string, string[]>) =>
    listVolumes(parts, new Map(Object.entries(filters))).map(({ name }) => name);
  assert.deepEqual(names({}), ['db', 'web-a', 'web-b']);
  assert.deepEqual(names({ name: ['web'] }), ['web-a', 'web-b']);
  assert.deepEqual(names({ dangling: ['true'] }), ['web-a', 'web-b']);
  assert.deepEqual(names({ dangling: ['0'] }), ['db']);
  assert.deepEqual(names({ label: ['tier=front'] }), ['web-a']);
  assert.deepEqual(names({ driver: ['nfs'] }), []);
  assert.throws(() => names({ dangling: ['maybe'] }), { message: "invalid filter 'dangling=maybe'" });
  assert.throws(() => names({ size: ['1'] }), { message: "invalid filter 'size'" });
});

test('a volume in use is not removed', async (context) => {
  const parts = await engineParts(context);
  named(parts, 'db');
  parts.add({ id: testId('c1'), mounts: [using('db')] });
  await assert.rejects(removeVolume(parts, 'db', { force: true }), {
    code: 'conflict',
    message: `remove db: volume is in use - [${testId('c1')}]`,
  });
  await assert.rejects(removeVolume(parts, 'nosuch', { force: false }), { code: 'not-found' });
  await removeVolume(parts, 'nosuch', { force: true });
});

test('pruning takes what nobody uses: anonymous volumes, or all', async (context) => {
  const parts = await engineParts(context);
  const [unused, used] = [anonymous(parts), anonymous(parts)];
  named(parts, 'kept');
  parts.add({ id: testId('c1'), mounts: [using(used)] });
  writeFileSync(join(parts.volumes.get(unused).mountpoint, 'file'), 'x'.repeat(5000));
  assert.deepEqual(await pruneVolumes(parts, noFilters), { deleted: [unused], spaceReclaimed: 5000 });
  assert.deepEqual((await pruneVolumes(parts, new Map([['all', ['true']]]))).deleted, ['kept']);
  assert.deepEqual(
    parts.volumes.list().map(({ name }) => name),
    [used],
  );
});

test('the end of a container takes its anonymous volumes along, no others', async (context) => {
  const parts = await engineParts(context);
  const [own, shared] = [anonymous(parts), anonymous(parts)];
  named(parts, 'data');
  parts.add({ id: testId('c2'), mounts: [using(shared)] });
  await removeAnonymousVolumes(parts, [using(own), using(shared), using('data')]);
  assert.deepEqual(
    parts.volumes.list().map(({ name }) => name),
    [shared, 'data'].sort(),
  );
  assert.ok((await parts.told()).includes(`volume destroy ${own}`));
});
