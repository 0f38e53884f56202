/** Writes that share a transaction: durable together, taken back together. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { Database } from './database.ts';
import { GroupCommit } from './group-commit.ts';

let directory: string;
let database: Database;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-commit-'));
  database = Database.open(join(directory, 'db'));
});
afterEach(() => {
  database.close();
  rmSync(directory, { recursive: true });
});

test('writes of one turn are one transaction, and are there when they are told to be', async () => {
  const things = database.collection('things', Number);
  const commits = new GroupCommit(database);
  let transactions = 0;
  const counted: Pick<Database, 'transaction'> = {
    transaction: (work, durable) => {
      transactions += 1;
      return database.transaction(work, durable);
    },
  };
  const grouped = new GroupCommit(counted);
  const writes = [1, 2, 3].map((number) =>
    grouped.add(
      () => things.put(`thing ${number}`, number),
      () => assert.fail('nothing is taken back'),
    ),
  );
  assert.deepEqual(things.entries(), []);
  await Promise.all(writes);
  assert.equal(transactions, 1);
  assert.equal(things.entries().length, 3);
  const late = commits.add(
    () => things.put('flushed', 4),
    () => undefined,
    'process',
  );
  commits.flush();
  assert.equal(things.get('flushed'), 4);
  await late;
});

test('where one write fails, all of its turn are taken back, the last one first', async () => {
  const things = database.collection('things', Number);
  const commits = new GroupCommit(database);
  const undone: number[] = [];
  const add = (number: number, apply: () => void): Promise<void> =>
    commits.add(apply, () => undone.push(number));
  const outcomes = await Promise.allSettled([
    add(1, () => things.put('one', 1)),
    add(2, () => {
      throw new EngineError('resource-exhausted', 'full');
    }),
    add(3, () => things.put('three', 3)),
  ]);
  for (const outcome of outcomes)
    assert.ok(outcome.status === 'rejected' && isEngineError(outcome.reason, 'resource-exhausted'));
  assert.deepEqual(undone, [3, 2, 1]);
  assert.deepEqual(things.entries(), []);
  await add(4, () => things.put('four', 4));
  assert.deepEqual(things.entries(), [['four', 4]]);
});

test('a full disk is told as such', async () => {
  const commits = new GroupCommit({
    transaction: () => {
      throw Object.assign(new Error('database or disk is full'), { errcode: 13 });
    },
  });
  const nothing = (): void => undefined;
  await assert.rejects(commits.add(nothing, nothing), (error) => isEngineError(error, 'resource-exhausted'));
});
