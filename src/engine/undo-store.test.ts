import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { walked } from '../../test/support/engine-parts.ts';
import { Database } from '../store/database.ts';
import { parseUndoEntry, UndoStore } from './undo-store.ts';

interface Limits {
  undoRetention: number;
  undoBudget: number;
}

function fixture(context: TestContext, limits: Limits) {
  const directory = mkdtempSync(join(tmpdir(), 'undo-'));
  const database = Database.open(join(directory, 'db.sqlite'));
  const root = join(directory, 'undo');
  const opened: UndoStore[] = [];
  context.after(async () => {
    for (const store of opened) await store.close();
    database.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const open = (): UndoStore => {
    const store = new UndoStore({
      root,
      documents: database.collection('undo', parseUndoEntry),
      config: () => limits,
      removeTree: (path) => rm(path, { recursive: true, force: true }),
      measure: async (path) => walked(path),
      log: pino({ level: 'silent' }),
    });
    opened.push(store);
    return store;
  };
  return { root, open };
}

/** A removed volume with one file. */
function keep(store: UndoStore, id: string, removedAt: number, bytes: number): void {
  const volume = {
    name: id,
    driver: 'local' as const,
    mountpoint: '/x',
    createdAt: 1,
    labels: {},
    options: {},
  };
  store.begin({ id, kind: 'volume', name: id, group: id, removedAt, volume });
  mkdirSync(store.place(id, 'volume'));
  writeFileSync(join(store.place(id, 'volume'), 'file'), 'x'.repeat(bytes));
  store.settle();
}

async function settled(store: UndoStore, ids: readonly string[]): Promise<void> {
  for (let waited = 0; waited < 4000; waited += 50) {
    await store.idle();
    if (store.list().every(({ size }) => size !== undefined) && store.list().length === ids.length) break;
    await sleep(50);
  }
  assert.deepEqual(
    store.list().map(({ id }) => id),
    ids,
  );
}

test('the newest stay within the budget, and what is too old goes', async (context) => {
  const now = Date.now();
  const { open, root } = fixture(context, { undoRetention: 60_000, undoBudget: 1000 });
  const store = open();
  keep(store, 'old', now - 70_000, 1);
  keep(store, 'first', now - 3000, 500);
  keep(store, 'second', now - 2000, 400);
  keep(store, 'huge', now - 1000, 5000);
  keep(store, 'last', now, 300);
  await settled(store, ['last', 'second']);
  await store.idle();
  assert.deepEqual(readdirSync(root).sort(), ['last', 'second']);
});

test('entries outlive the daemon; what has no document, or is on its way out, is taken away', async (context) => {
  const { open, root } = fixture(context, { undoRetention: 60_000, undoBudget: 1e9 });
  const first = open();
  keep(first, 'kept', Date.now(), 10);
  await first.close();
  mkdirSync(join(root, 'unrecorded', 'volume'), { recursive: true });
  mkdirSync(join(root, '.removing-1'));
  const second = open();
  await second.idle();
  assert.deepEqual(readdirSync(root), ['kept']);
  assert.equal(second.get('kept')?.kind, 'volume');
  second.drop('kept');
  assert.equal(existsSync(join(root, 'kept')), false, 'out of sight at once');
  await second.idle();
  assert.deepEqual(readdirSync(root), []);
});

test('nothing is kept where either limit is 0', (context) => {
  for (const limits of [
    { undoRetention: 0, undoBudget: 1 },
    { undoRetention: 1, undoBudget: 0 },
  ])
    assert.equal(fixture(context, limits).open().isOn, false);
});
