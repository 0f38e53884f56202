import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type EngineParts, engineParts, testId } from '../../test/support/engine-parts.ts';
import { parseVolume } from '../volumes/volume-record.ts';
import { VolumeService } from '../volumes/volume-service.ts';
import { noFilters } from './filters.ts';
import type { MountPoint } from './model.ts';
import {
  createVolume,
  keepBoundVolumes,
  listVolumes,
  pruneVolumes,
  removeBoundVolumes,
  removeVolume,
  sweepVolumes,
} from './volumes.ts';

async function named(parts: EngineParts, name: string, labels: Record<string, string> = {}): Promise<void> {
  await createVolume(parts, { name, driver: 'local', driverOpts: {}, labels });
}

async function anonymous(parts: EngineParts): Promise<string> {
  return (await createVolume(parts, { driver: '', driverOpts: {}, labels: {} })).name;
}

async function bound(parts: EngineParts, containerId: string): Promise<string> {
  return (await createVolume(parts, { driver: '', driverOpts: {}, labels: {}, boundTo: containerId })).name;
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
  await named(parts, 'web-a', { tier: 'front' });
  await named(parts, 'web-b');
  await named(parts, 'db');
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
  await named(parts, 'db');
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
  const [unused, used] = [await anonymous(parts), await anonymous(parts)];
  await named(parts, 'kept');
  parts.add({ id: testId('c1'), mounts: [using(used)] });
  writeFileSync(join(parts.volumes.get(unused).mountpoint, 'file'), 'x'.repeat(5000));
  assert.deepEqual(await pruneVolumes(parts, noFilters), { deleted: [unused], spaceReclaimed: 5000 });
  assert.deepEqual((await pruneVolumes(parts, new Map([['all', ['true']]]))).deleted, ['kept']);
  assert.deepEqual(
    parts.volumes.list().map(({ name }) => name),
    [used],
  );
});

test('the end of a container takes along what was made for it, no other volumes', async (context) => {
  const parts = await engineParts(context);
  const [first, second] = [testId('c1'), testId('c2')];
  const [own, shared] = [await bound(parts, first), await bound(parts, first)];
  await named(parts, 'data');
  parts.add({ id: second, mounts: [using(shared)] });
  await removeBoundVolumes(parts, first);
  assert.deepEqual(
    parts.volumes.list().map(({ name }) => name),
    [shared, 'data'].sort(),
  );
  assert.equal(parts.volumes.get(shared).boundTo, second, 'the other container has it now');
  assert.ok((await parts.told()).includes(`volume destroy ${own}`));
});

test('volumes stay where that was decided, also through a crash', async (context) => {
  const parts = await engineParts(context);
  const kept = await bound(parts, testId('c1'));
  keepBoundVolumes(parts, testId('c1'));
  const unmade = await bound(parts, testId('c2'));
  const inUse = await bound(parts, testId('c3'));
  parts.add({ id: testId('c3'), mounts: [using(inUse)] });
  const volumes = await VolumeService.open(
    join(parts.directory, 'volumes'),
    parts.database.collection('volumes', parseVolume),
  );
  await sweepVolumes({ ...parts, volumes });
  assert.deepEqual(
    volumes.list().map(({ name }) => name),
    [kept, inUse].sort(),
  );
  assert.equal(volumes.find(unmade), undefined);
});
