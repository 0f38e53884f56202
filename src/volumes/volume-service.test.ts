import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Database } from '../store/database.ts';
import { anonymousLabel } from './volume-name.ts';
import { parseVolume } from './volume-record.ts';
import { VolumeService } from './volume-service.ts';

interface Fixture {
  root: string;
  open(): Promise<VolumeService>;
}

function fixture(context: TestContext): Fixture {
  const directory = mkdtempSync(join(tmpdir(), 'volumes-'));
  const database = Database.open(join(directory, 'db.sqlite'));
  context.after(() => {
    database.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const root = join(directory, 'volumes');
  return { root, open: () => VolumeService.open(root, database.collection('volumes', parseVolume)) };
}

const plain = { driver: '', driverOpts: {}, labels: {} };

test('a volume is a directory that outlives the service', async (context) => {
  const { open, root } = fixture(context);
  const first = await open();
  const { volume, created } = first.create({ ...plain, name: 'web-data', labels: { a: 'b' } });
  assert.equal(created, true);
  assert.equal(volume.mountpoint, join(root, 'web-data', '_data'));
  assert.equal(statSync(volume.mountpoint).mode & 0o777, 0o755);
  writeFileSync(join(volume.mountpoint, 'file'), 'content');
  const second = await open();
  assert.deepEqual(second.list(), [volume]);
  assert.equal(second.create({ ...plain, name: 'web-data' }).created, false);
  assert.ok(existsSync(join(volume.mountpoint, 'file')));
});

test('a volume without a name gets 64 hex digits and the label', async (context) => {
  const { open } = fixture(context);
  const { volume } = (await open()).create(plain);
  assert.match(volume.name, /^[0-9a-f]{64}$/);
  assert.equal(volume.labels[anonymousLabel], '');
});

test('names that could lead elsewhere are refused in the words of Docker', async (context) => {
  const { open } = fixture(context);
  const service = await open();
  for (const name of ['../x', 'a/b', '.hidden', '..', 'a b', '/abs', 'x\0y', '-dash']) {
    assert.throws(
      () => service.create({ ...plain, name }),
      /includes invalid characters for a local volume name/,
    );
  }
  assert.throws(() => service.create({ ...plain, name: 'a' }), /volume name is too short/);
  assert.throws(() => service.create({ ...plain, name: 'a'.repeat(300) }), /too long/);
  assert.deepEqual(service.list(), []);
});

test('unknown drivers and options are refused', async (context) => {
  const { open } = fixture(context);
  const service = await open();
  const create = (driver: string, driverOpts: Record<string, string>) => () =>
    service.create({ name: 'vol', driver, driverOpts, labels: {} });
  assert.throws(create('nosuch', {}), { code: 'not-found', message: /plugin "nosuch" not found/ });
  assert.throws(create('local', { colour: 'red' }), /invalid option: "colour"/);
  assert.throws(create('local', { type: 'tmpfs' }), /missing required option: "device"/);
  assert.throws(create('local', { o: 'bind', type: 'none', device: '../etc' }), /not an absolute path/);
  service.create({
    name: 'vol',
    driver: 'local',
    driverOpts: { type: 'tmpfs', device: 'tmpfs' },
    labels: {},
  });
  assert.throws(create('local', { type: 'nfs', device: ':/x' }), { code: 'conflict' });
  assert.equal(create('local', {})().created, false);
});

test('a volume in use stays; a removed one takes its files along', async (context) => {
  const { open, root } = fixture(context);
  const service = await open();
  const { volume } = service.create({ ...plain, name: 'vol' });
  await assert.rejects(service.remove('vol', ['abc']), {
    code: 'conflict',
    message: 'remove vol: volume is in use - [abc]',
  });
  service.hold('vol', 'def');
  await assert.rejects(service.remove('vol', []), { message: 'remove vol: volume is in use - [def]' });
  service.release('def');
  const outside = join(root, '..', 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'kept'), '');
  symlinkSync(outside, join(volume.mountpoint, 'link'));
  await service.remove('vol', []);
  assert.equal(existsSync(join(root, 'vol')), false);
  assert.ok(existsSync(join(outside, 'kept')), 'a link inside leads nowhere');
  await assert.rejects(service.remove('vol', []), { code: 'not-found', message: 'get vol: no such volume' });
});

test('what a crash left half done is repaired at the next start', async (context) => {
  const { open, root } = fixture(context);
  const service = await open();
  const { volume } = service.create({ ...plain, name: 'lost' });
  rmSync(join(root, 'lost'), { recursive: true });
  mkdirSync(join(root, 'unrecorded', '_data'), { recursive: true });
  mkdirSync(join(root, '.removing-1', '_data'), { recursive: true });
  mkdirSync(join(root, 'unremoved', '_data', 'files'), { recursive: true });
  const repaired = await open();
  assert.deepEqual(
    repaired.list().map(({ name }) => name),
    ['lost', 'unremoved'],
  );
  assert.ok(existsSync(volume.mountpoint));
  assert.equal(existsSync(join(root, 'unrecorded')), false);
  assert.equal(existsSync(join(root, '.removing-1')), false);
});
