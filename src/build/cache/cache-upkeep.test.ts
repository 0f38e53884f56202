import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheRecord, PruneCacheQuery } from '../build-types.ts';
import { chooseDoomed } from './cache-upkeep.ts';

const now = 1_000_000;

function record(id: string, change: Partial<CacheRecord> = {}): CacheRecord {
  return {
    id,
    parents: [],
    description: `RUN ${id}`,
    type: 'regular',
    size: 100,
    isInUse: false,
    isShared: false,
    createdAt: 0,
    lastUsedAt: 0,
    usageCount: 1,
    ...change,
  };
}

function chosen(records: CacheRecord[], change: Partial<PruneCacheQuery>, free = 0): string[] {
  const query: PruneCacheQuery = {
    all: true,
    keepStorage: 0,
    maxUsedSpace: 0,
    minFreeSpace: 0,
    unusedFor: 0,
    filters: new Map(),
    ...change,
  };
  return chooseDoomed(records, query, () => free, now).map(({ id }) => id);
}

const three = [
  record('new', { lastUsedAt: 900_000 }),
  record('old', { lastUsedAt: 100 }),
  record('mid', { lastUsedAt: 500_000 }),
];

test('what is in use stays, and without all what images have', () => {
  const records = [record('a', { isInUse: true }), record('b', { isShared: true }), record('c')];
  assert.deepEqual(chosen(records, {}), ['b', 'c']);
  assert.deepEqual(chosen(records, { all: false }), ['c']);
});

test('the longest unused go first, until the bounds hold', () => {
  assert.deepEqual(chosen(three, { keepStorage: 250 }), ['old']);
  assert.deepEqual(chosen(three, { keepStorage: 150 }), ['old', 'mid']);
  assert.deepEqual(chosen(three, { maxUsedSpace: 300 }), []);
  assert.deepEqual(chosen(three, { minFreeSpace: 150 }, 20), ['old', 'mid']);
  assert.deepEqual(chosen(three, { minFreeSpace: 150 }, 200), []);
});

test('age and fields choose', () => {
  assert.deepEqual(chosen(three, { unusedFor: 500_000 }), ['old', 'mid']);
  assert.deepEqual(chosen(three, { filters: new Map([['id', ['new', 'mid']]]) }), ['mid', 'new']);
  assert.deepEqual(chosen(three, { filters: new Map([['description', ['RUN o']]]) }), ['old']);
  assert.deepEqual(
    chosen([record('a', { isShared: true })], { filters: new Map([['private', ['true']]]) }),
    [],
  );
  assert.throws(() => chosen([], { filters: new Map([['x', ['1']]]) }), { code: 'invalid-argument' });
});
