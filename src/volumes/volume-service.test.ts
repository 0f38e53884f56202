import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Database } from '../store/database.ts';
import type { Collection } from '../util/collection.ts';
import { anonymousLabel } from './volume-name.ts';
import { parseVolume } from './volume-record.ts';
import { VolumeService } from './volume-service.ts';
import type { Volume } from './volume-types.ts';

interface Fixture {
  root: string;
  documents: Collection<Volume>;
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
  const documents = database.collection('volumes', parseVolume);
  return { root, documents, open: () => VolumeService.open(root, documents) };
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

test('a renamed volume keeps files and labels, and an anonymous one becomes as any other', async (context) => {
  const { open, root } = fixture(context);
  const service = await open();
  const { volume } = service.create({ ...plain, labels: { a: 'b' }, boundTo: 'c1' });
  writeFileSync(join(volume.mountpoint, 'file'), '');
  service.create({ ...plain, name: 'taken' });
  assert.throws(() => service.rename(volume.name, 'taken', []), { code: 'conflict' });
  assert.throws(() => service.rename(volume.name, 'named', ['c1']), { message: /volume is in use - \[c1\]/ });
  const renamed = service.rename(volume.name, 'named', []);
  assert.deepEqual([renamed.labels, renamed.boundTo], [{ a: 'b' }, undefined]);
  assert.ok(existsSync(join(root, 'named', '_data', 'file')));
  assert.deepEqual(
    (await open()).list().map(({ name }) => name),
    ['named', 'taken'],
  );
});

test('a rename that a crash cut short is ended, before and after its directory moved', async (context) => {
  for (const moved of [false, true]) {
    const { open, root, documents } = fixture(context);
    const { volume } = (await open()).create({ ...plain, name: 'old', labels: { a: 'b' } });
    writeFileSync(join(volume.mountpoint, 'file'), '');
    documents.put('old', { ...volume, renamedTo: 'new' });
    if (moved) renameSync(join(root, 'old'), join(root, 'new'));
    const [only, ...others] = (await open()).list();
    assert.deepEqual([only?.name, only?.labels, only?.renamedTo, others], ['new', { a: 'b' }, undefined, []]);
    assert.ok(existsSync(join(root, 'new', '_data', 'file')));
    assert.equal(existsSync(join(root, 'old')), false);
  }
});

test('a protected volume stays', async (context) => {
  const { open } = fixture(context);
  const service = await open();
  service.create({ ...plain, name: 'vol' });
  service.protect('vol', true);
  await assert.rejects(service.remove('vol', []), { message: 'remove vol: volume is protected' });
  const again = await open();
  await assert.rejects(again.remove('vol', []), { code: 'conflict' });
  again.protect('vol', false);
  await again.remove('vol', []);
});

test('a volume that is filled is there when it is whole, or not at all', async (context) => {
  const { open, root } = fixture(context);
  const service = await open();
  const failing = service.createFilled({ ...plain, name: 'half' }, (directory) => {
    writeFileSync(join(directory, 'file'), '');
    assert.deepEqual(service.list(), []);
    return Promise.reject(new Error('no more'));
  });
  await assert.rejects(failing, /no more/);
  assert.deepEqual(readdirSync(root), []);
  const whole = await service.createFilled({ ...plain, name: 'whole' }, async (directory) => {
    writeFileSync(join(directory, 'file'), '');
  });
  assert.ok(existsSync(join(whole.mountpoint, 'file')));
  mkdirSync(join(root, '.making-1', '_data'), { recursive: true });
  await open();
  assert.deepEqual(readdirSync(root), ['whole']);
});

test('what is kept is put back with its document, but not in the place of another', async (context) => {
  const { open, root } = fixture(context);
  const service = await open();
  const { volume } = service.create({ ...plain, name: 'vol', labels: { a: 'b' } });
  writeFileSync(join(volume.mountpoint, 'file'), '');
  const aside = join(root, '..', 'aside');
  await service.remove('vol', [], aside);
  assert.equal(existsSync(join(root, 'vol')), false);
  service.create({ ...plain, name: 'vol' });
  assert.throws(() => service.putBack(volume, aside), { code: 'conflict' });
  await service.remove('vol', []);
  service.putBack(volume, aside);
  assert.deepEqual(service.get('vol'), volume);
  assert.ok(existsSync(join(volume.mountpoint, 'file')));
});

test('a directory keeps its mode, and a link in its place is not followed', async (context) => {
  const { open, root } = fixture(context);
  const { volume } = (await open()).create({ ...plain, name: 'vol' });
  chmodSync(volume.mountpoint, 0o1777);
  await open();
  assert.equal(statSync(volume.mountpoint).mode & 0o7777, 0o1777);
  const outside = join(root, '..', 'outside');
  mkdirSync(outside, { mode: 0o700 });
  rmSync(volume.mountpoint, { recursive: true });
  symlinkSync(outside, volume.mountpoint);
  const service = await open();
  assert.equal(statSync(outside).mode & 0o777, 0o700);
  writeFileSync(join(outside, 'kept'), '');
  await service.remove('vol', []);
  assert.ok(existsSync(join(outside, 'kept')));
});
