/** Copies of contexts on a real file system: they become what the client has, whatever it was, and nothing leaves them. */
import assert from 'node:assert/strict';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import type { Stat } from '../../wire/buildkit/session-messages.ts';
import { ContextListing } from './context-entry.ts';
import { ContextStore } from './context-store.ts';
import { ContextWriter, changesBetween } from './context-writer.ts';
import { goModeOf, kindOfMode, permissionsOfMode } from './go-mode.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gantry-contexts-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const modes = { directory: 0x8000_01ed, file: 0o644, symlink: 0x0800_01ff };

function statOf(path: string, kind: keyof typeof modes, more: Partial<Stat> = {}): Stat {
  return {
    path,
    mode: modes[kind],
    uid: 0,
    gid: 0,
    size: 0,
    modTime: 1_700_000_000_123_456_789n,
    linkname: '',
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
    ...more,
  };
}

/** As a session does it: the content of each file is `contents[path]`. Returns the paths whose content was asked for. */
async function sync(
  store: ContextStore,
  stats: readonly Stat[],
  contents: Record<string, string>,
): Promise<{ asked: string[]; files: string; release: () => Promise<void> }> {
  const listing = new ContextListing();
  for (const stat of stats) listing.add({ ...stat, size: contents[stat.path]?.length ?? 0 });
  const held = await store.hold('key', 'local source for context');
  const changes = changesBetween(held.before, listing);
  const asked: string[] = [];
  await held.begin();
  const writer = new ContextWriter(held.files);
  for (const path of changes.removed) await writer.remove(path);
  for (const { entry } of changes.added) {
    const file = await writer.create(entry);
    if (file === undefined) continue;
    asked.push(entry.path);
    await file.write(Buffer.from(contents[entry.path] ?? ''));
    await file.finish();
  }
  await held.settle(listing.order);
  return { asked, files: held.files, release: held.tree.release };
}

test('what has not changed is not asked for again, over restarts too', async () => {
  const stats = [statOf('a', 'directory'), statOf('a/one', 'file'), statOf('two', 'file')];
  const contents = { 'a/one': '1', two: '2' };
  const first = await sync(await ContextStore.open(root), stats, contents);
  assert.deepEqual(first.asked, ['a/one', 'two']);
  await first.release();
  const again = await ContextStore.open(root);
  const second = await sync(again, stats, contents);
  assert.deepEqual(second.asked, []);
  await second.release();
  const touched = [...stats.slice(0, 2), statOf('two', 'file', { modTime: 5n })];
  const third = await sync(again, touched, contents);
  assert.deepEqual(third.asked, ['two']);
  await third.release();
});

test('whatever becomes of a name, the copy follows', async () => {
  const store = await ContextStore.open(root);
  const before = await sync(
    store,
    [statOf('x', 'directory'), statOf('x/y', 'file'), statOf('z', 'symlink', { linkname: 'x/y' })],
    { 'x/y': 'old' },
  );
  await before.release();
  const after = await sync(
    store,
    [statOf('x', 'symlink', { linkname: '/etc' }), statOf('z', 'directory'), statOf('z/y', 'file')],
    { 'z/y': 'new' },
  );
  assert.equal(readlinkSync(join(after.files, 'x')), '/etc');
  assert.equal(readFileSync(join(after.files, 'z/y'), 'utf8'), 'new');
  await after.release();
  const back = await sync(store, [statOf('x', 'directory'), statOf('x/passwd', 'file')], {
    'x/passwd': 'mine',
  });
  assert.ok(lstatSync(join(back.files, 'x')).isDirectory());
  assert.deepEqual(readdirSync(back.files), ['x']);
  await back.release();
});

test('another name of a file is made anew with it', async () => {
  const store = await ContextStore.open(root);
  const stats = (modTime: bigint): Stat[] => [
    statOf('a', 'file', { modTime }),
    statOf('b', 'file', { linkname: 'a' }),
  ];
  await (await sync(store, stats(1n), { a: 'one' })).release();
  const second = await sync(store, stats(2n), { a: 'two' });
  assert.equal(readFileSync(join(second.files, 'b'), 'utf8'), 'two');
  assert.equal(lstatSync(join(second.files, 'a')).nlink, 2);
  await second.release();
});

test('two builds of one directory at a time have a copy each', async () => {
  const store = await ContextStore.open(root);
  const [one, other] = [await store.hold('key', ''), await store.hold('key', '')];
  assert.notEqual(one.files, other.files);
  await one.tree.release();
  await other.tree.release();
});

test('what a crash left half written is not taken up', async () => {
  const first = await sync(await ContextStore.open(root), [statOf('a', 'file')], { a: 'whole' });
  await first.release();
  const crashed = await (await ContextStore.open(root)).hold('key', '');
  await crashed.begin();
  writeFileSync(join(crashed.files, 'a'), 'half');
  const store = await ContextStore.open(root);
  assert.deepEqual(readdirSync(root), []);
  const second = await sync(store, [statOf('a', 'file')], { a: 'whole' });
  assert.deepEqual(second.asked, ['a']);
  assert.equal(readFileSync(join(second.files, 'a'), 'utf8'), 'whole');
  await second.release();
});

test('a copy that is in use is not removed', async () => {
  const store = await ContextStore.open(root);
  const held = await sync(store, [statOf('a', 'file')], { a: '1234' });
  const [record] = store.records();
  assert.deepEqual([record?.isInUse, record?.size, record?.type], [true, 4, 'source.local']);
  assert.equal(await store.remove(record?.id ?? ''), false);
  await held.release();
  assert.equal(await store.remove(record?.id ?? ''), true);
  assert.deepEqual([store.records(), existsSync(held.files)], [[], false]);
});

test('names that leave the context, come twice, or lie in what is no directory are refused', () => {
  const refuse = (...stats: Stat[]): void => {
    const listing = new ContextListing();
    assert.throws(
      () => {
        for (const stat of stats) listing.add(stat);
      },
      (error) => isEngineError(error, 'invalid-argument'),
    );
  };
  for (const path of ['', '.', '..', '../x', '/x', 'a//b', 'a/../b', 'a/', 'a\0b'])
    refuse(statOf(path, 'file'));
  refuse(statOf('a', 'symlink', { linkname: '/etc' }), statOf('a/passwd', 'file'));
  refuse(statOf('a', 'file'), statOf('a/b', 'file'));
  refuse(statOf('a/b', 'file'));
  refuse(statOf('a', 'file'), statOf('a', 'file'));
  refuse(statOf('a', 'file', { linkname: '../outside' }));
  refuse(statOf('l', 'symlink', { linkname: '/etc/passwd' }), statOf('h', 'file', { linkname: 'l' }));
});

test('modes go both ways', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0o100000, 0o040000, 0o120000),
      fc.integer({ min: 0, max: 0o7777 }),
      (type, bits) => {
        const mode = goModeOf(type | bits);
        assert.ok(mode !== undefined);
        assert.equal(permissionsOfMode(mode), bits);
        assert.equal(
          kindOfMode(mode),
          { [0o100000]: 'file', [0o040000]: 'directory', [0o120000]: 'symlink' }[type],
        );
      },
    ),
  );
  assert.equal(goModeOf(0o010644), undefined);
});
