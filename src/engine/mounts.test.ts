import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type EngineParts, engineParts, testId } from '../../test/support/engine-parts.ts';
import { hostConfig } from '../../test/support/spec-input.ts';
import type { HostConfig, MountRequest } from './model.ts';
import { type MountReservation, resolveMounts } from './mounts.ts';

const newId = testId('new');

function resolve(
  parts: EngineParts,
  host: Partial<HostConfig>,
  volumes: string[] = [],
): Promise<MountReservation> {
  return resolveMounts(parts, { containerId: newId, config: { volumes }, hostConfig: hostConfig(host) });
}

function request(change: Partial<MountRequest>): MountRequest {
  return { type: 'bind', source: '', target: '/x', readOnly: false, ...change };
}

test('binds, volumes, tmpfs and what the image wants are put together', async (context) => {
  const parts = await engineParts(context);
  const source = join(parts.directory, 'made', 'deep');
  const { mounts } = await resolve(
    parts,
    {
      binds: [`${source}:/a/b:ro,rslave`, 'data:/data', '/anonymous/'],
      mounts: [request({ type: 'tmpfs', target: '/t', tmpfs: { sizeBytes: 65_536, mode: 0o1770 } })],
      tmpfs: { '/run': '' },
    },
    ['/image', '/data', '/run'],
  );
  assert.ok(existsSync(source), 'the source of -v is made');
  const found = mounts.map((mount) => [
    mount.destination,
    mount.type,
    mount.readWrite,
    mount.mode,
    mount.propagation,
  ]);
  assert.deepEqual(found, [
    ['/anonymous', 'volume', true, '', ''],
    ['/data', 'volume', true, 'z', ''],
    ['/image', 'volume', true, '', ''],
    ['/t', 'tmpfs', true, '', ''],
    ['/a/b', 'bind', false, 'ro,rslave', 'rslave'],
  ]);
  assert.deepEqual(mounts[3]?.tmpfsOptions, ['mode=1770', 'size=65536']);
  assert.equal(mounts[1]?.source, join(parts.directory, 'volumes', 'data', '_data'));
  assert.match(mounts[0]?.name ?? '', /^[0-9a-f]{64}$/);
});

test('what makes no sense is refused in the words of Docker, and nothing is made', async (context) => {
  const parts = await engineParts(context);
  const refused = (host: Partial<HostConfig>, message: string | RegExp) =>
    assert.rejects(resolve(parts, host), { code: 'invalid-argument', message });
  const source = join(parts.directory, 'unmade');
  await refused({ binds: [`${source}:/x`, 'vol:/x'] }, 'Duplicate mount point: /x');
  await refused({ binds: [`${source}:/x/`], tmpfs: { '/x': '' } }, 'Duplicate mount point: /x');
  await refused({ binds: [`${source}:/`] }, /destination can't be '\/'/);
  await refused({ binds: [`${source}:/a/..`] }, /destination can't be '\/'/);
  await refused({ binds: [`${source}:x`] }, /mount path must be absolute/);
  await refused({ binds: [`${source}:/x:rox`] }, 'invalid mode: rox');
  await refused({ binds: [`${source}:/x:ro,rw`] }, 'invalid mode: ro,rw');
  await refused({ binds: ['a:b:c:d'] }, "invalid volume specification: 'a:b:c:d'");
  await refused({ binds: ['/x:rw'] }, "invalid volume specification: '/x:rw'");
  await refused({ binds: [':/x'] }, "invalid volume specification: ':/x'");
  await refused({ binds: ['../up:/x'] }, /includes invalid characters for a local volume name/);
  await refused(
    { mounts: [request({ source })] },
    `invalid mount config for type "bind": bind source path does not exist: ${source}`,
  );
  await refused(
    { mounts: [request({ source: 'rel' })] },
    /invalid mount path: 'rel' mount path must be absolute/,
  );
  await refused(
    {
      mounts: [
        request({ type: 'volume', source: 'v', volume: { noCopy: false, labels: {}, subpath: '../up' } }),
      ],
    },
    /subpath must be a relative path within the volume/,
  );
  await refused(
    { mounts: [request({ type: 'volume', readOnly: true })] },
    /must not set ReadOnly mode when using anonymous/,
  );
  await refused({ mounts: [request({ type: 'tmpfs', source: '/x' })] }, /field Source must not be specified/);
  await refused({ mounts: [request({ source: '/', target: '' })] }, /field Target must not be empty/);
  await refused({ volumesFrom: ['x:nocopy'] }, 'invalid mode: nocopy');
  await assert.rejects(resolve(parts, { volumesFrom: ['nosuch'] }), {
    code: 'not-found',
    message: 'No such container: nosuch',
  });
  await assert.rejects(resolve(parts, { mounts: [request({ type: 'image', source: 'busybox' })] }), {
    message: /no image busybox/,
  });
  await assert.rejects(resolve(parts, { binds: ['vol:/x'], volumeDriver: 'nosuch' }), { code: 'not-found' });
  assert.equal(existsSync(source), false);
  assert.deepEqual(parts.volumes.list(), []);
});

test("another container's mounts are taken over, and can be covered", async (context) => {
  const parts = await engineParts(context);
  const donor = await resolve(parts, { binds: ['data:/data', 'logs:/logs:ro', 'more:/more'] });
  parts.add({ id: testId('d0'), name: 'donor', mounts: donor.mounts });
  donor.release();
  const heir = await resolve(parts, { volumesFrom: ['donor:ro'], binds: ['own:/more'] });
  assert.deepEqual(
    heir.mounts.map(({ destination, name, readWrite }) => [destination, name, readWrite]),
    [
      ['/data', 'data', false],
      ['/logs', 'logs', false],
      ['/more', 'own', true],
    ],
  );
  const writer = await resolve(parts, { volumesFrom: [testId('d0').slice(0, 8)] });
  assert.deepEqual(
    writer.mounts.map(({ readWrite }) => readWrite),
    [true, false, true],
  );
});

test('a volume is held until the container is there, and goes again if it never is', async (context) => {
  const parts = await engineParts(context);
  parts.volumes.create({ name: 'old', driver: 'local', driverOpts: {}, labels: {} });
  const failed = await resolve(parts, { binds: ['old:/old', 'fresh:/fresh', '/anonymous'] });
  assert.equal(parts.volumes.list().length, 3);
  await assert.rejects(parts.volumes.remove('old', []), { code: 'conflict' });
  await failed.rollBack();
  assert.deepEqual(
    parts.volumes.list().map(({ name }) => name),
    ['old'],
  );
  await parts.volumes.remove('old', []);
  const kinds = (await parts.told()).map((line) => line.split(' ').slice(0, 2).join(' '));
  assert.deepEqual(kinds, ['volume create', 'volume create', 'volume destroy', 'volume destroy']);
});

test('a volume that two containers wanted at once stays for the other', async (context) => {
  const parts = await engineParts(context);
  const first = await resolve(parts, { binds: ['shared:/x'] });
  parts.add({ id: testId('c1'), mounts: (await resolve(parts, { binds: ['shared:/x'] })).mounts });
  await first.rollBack();
  assert.notEqual(parts.volumes.find('shared'), undefined);
});

test('volumes with options become binds or file systems', async (context) => {
  const parts = await engineParts(context);
  const target = join(parts.directory, 'elsewhere');
  mkdirSync(target);
  const volume = (name: string, options: Record<string, string>): MountRequest =>
    request({
      type: 'volume',
      source: name,
      target: `/${name}`,
      volume: { noCopy: true, labels: { a: 'b' }, driver: { name: 'local', options } },
    });
  const { mounts } = await resolve(parts, {
    mounts: [
      volume('bound', { type: 'none', o: 'bind', device: target }),
      volume('temporary', { type: 'tmpfs', o: 'size=1m', device: 'tmpfs' }),
    ],
  });
  assert.equal(mounts[0]?.source, target);
  assert.equal(mounts[0]?.noCopy, true);
  assert.deepEqual(mounts[1]?.filesystem, { type: 'tmpfs', device: 'tmpfs', options: ['size=1m'] });
  assert.deepEqual(parts.volumes.get('bound').labels, { a: 'b' });
});
