/** What a removal takes, leaves and refuses, by Docker's rules. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { shortId } from '../oci/digest.ts';
import { Database } from '../store/database.ts';
import { ImageTable } from './image-table.ts';
import { type RemoveOptions, removeImage } from './remove-image.ts';

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const [base, middle, top] = [digest('a'), digest('b'), digest('c')];

interface Fixture {
  table: ImageTable;
  /** `untagged NAME` and `deleted ID` in their order. */
  remove: (name: string, options?: Partial<RemoveOptions>) => Promise<string[]>;
}

function fixture(
  context: TestContext,
  images: Record<string, { names: string[]; parent?: string }>,
): Fixture {
  const directory = mkdtempSync(join(tmpdir(), 'remove-image-'));
  const database = Database.open(join(directory, 'db.sqlite'));
  context.after(() => {
    database.close();
    rmSync(directory, { recursive: true });
  });
  const table = new ImageTable(database, () => 0);
  const rootfs = { type: 'layers' as const, diff_ids: [] };
  for (const [id, { names, parent }] of Object.entries(images)) {
    const record = {
      config: { architecture: 'amd64', os: 'linux', rootfs },
      layers: [],
      manifestDigests: [],
    };
    table.put(id, parent === undefined ? record : { ...record, parent }, names);
  }
  const parts = { table, collector: { collect: () => Promise.resolve([]) } } as never;
  const unused = { force: false, prune: true, usedBy: () => undefined };
  return {
    table,
    remove: async (name, options) => {
      const removed = await removeImage(parts, name, { ...unused, ...options });
      return removed.map(({ untagged, deleted }) => untagged ?? deleted ?? '');
    },
  };
}

const one = 'docker.io/library/one:1';
const two = 'docker.io/library/two:2';
const user = (running: boolean) => ({ usedBy: () => ({ id: 'f'.repeat(64), running }) });
const short = shortId(base);

test('a name of several goes alone; the last one takes the image with it', async (context) => {
  const { remove, table } = fixture(context, { [base]: { names: [one, two] } });
  assert.deepEqual(await remove('one:1'), ['one:1']);
  assert.deepEqual(table.ids(), [base]);
  assert.deepEqual(await remove('two:2'), ['two:2', base]);
  assert.deepEqual(table.ids(), []);
  await assert.rejects(remove('two:2'), { code: 'not-found', message: 'No such image: two:2' });
});

test('the digests of a repository go with its last tag, and not before', async (context) => {
  const byDigest = `docker.io/library/one@${digest('d')}`;
  const { remove } = fixture(context, { [base]: { names: [one, 'docker.io/library/one:2', byDigest] } });
  assert.deepEqual(await remove('one:2'), ['one:2']);
  assert.deepEqual(await remove('one:1'), ['one:1', `one@${digest('d')}`, base]);
});

test('by digest only that reference goes', async (context) => {
  const name = `one@${digest('d')}`;
  const { remove } = fixture(context, { [base]: { names: [one, `docker.io/library/${name}`] } });
  assert.deepEqual(await remove(name), [name]);
});

test('by ID: names of one repository go too, of several only by force', async (context) => {
  const { remove } = fixture(context, {
    [base]: { names: [one, `docker.io/library/one@${digest('d')}`] },
    [top]: { names: [one.replace('one', 'three'), two] },
  });
  assert.deepEqual(await remove('aaaa'), ['one:1', `one@${digest('d')}`, base]);
  await assert.rejects(remove(top), {
    code: 'conflict',
    message: `conflict: unable to delete ${shortId(top)} (must be forced) - image is referenced in multiple repositories`,
  });
  assert.deepEqual(await remove(top, { force: true }), ['three:1', 'two:2', top]);
});

test('a stopped container stands in the way unless forced', async (context) => {
  const { remove } = fixture(context, { [base]: { names: [one] } });
  await assert.rejects(remove('one:1', user(false)), {
    message: `conflict: unable to remove repository reference "one:1" (must force) - container ffffffffffff is using its referenced image ${short}`,
  });
  await assert.rejects(remove(base, user(false)), {
    message: `conflict: unable to delete ${short} (must be forced) - image is being used by stopped container ffffffffffff`,
  });
  assert.deepEqual(await remove('one:1', { ...user(false), force: true }), ['one:1', base]);
});

test('a running container always does: by force its image only loses the name', async (context) => {
  const { remove, table } = fixture(context, { [base]: { names: [one] } });
  await assert.rejects(remove(base, { ...user(true), force: true }), {
    message: `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container ffffffffffff`,
  });
  assert.deepEqual(await remove('one:1', { ...user(true), force: true }), ['one:1']);
  assert.deepEqual(table.ids(), [base]);
});

test('an image with children cannot be deleted; its name can', async (context) => {
  const { remove, table } = fixture(context, {
    [base]: { names: [one] },
    [top]: { names: [two], parent: base },
  });
  await assert.rejects(remove(base, { force: true }), {
    message: `conflict: unable to delete ${short} (cannot be forced) - image has dependent child images`,
  });
  assert.deepEqual(await remove('one:1'), ['one:1']);
  assert.deepEqual(table.ids().sort(), [base, top]);
});

test('what an image was made from goes with it, as far as nobody needs it', async (context) => {
  const images = {
    [base]: { names: [one] },
    [middle]: { names: [], parent: base },
    [top]: { names: [two], parent: middle },
  };
  const kept = fixture(context, images);
  assert.deepEqual(await kept.remove('two:2', { prune: false }), ['two:2', top]);
  const pruned = fixture(context, images);
  assert.deepEqual(await pruned.remove('two:2'), ['two:2', top, middle]);
  assert.deepEqual(pruned.table.ids(), [base]);
  const used = fixture(context, images);
  const usedBy = (id: string) => (id === middle ? { id: 'f'.repeat(64), running: false } : undefined);
  assert.deepEqual(await used.remove('two:2', { usedBy, force: true }), ['two:2', top]);
});
