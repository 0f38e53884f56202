/** The database: documents by key, transactions, and what survives a crash. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { Database } from './database.ts';

interface Thing {
  size: number;
}

function parseThing(value: unknown): Thing {
  if (typeof value === 'object' && value !== null && 'size' in value && typeof value.size === 'number')
    return { size: value.size };
  throw new EngineError('data-loss', 'damaged thing');
}

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-database-'));
  path = join(directory, 'gantry.db');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('documents are put, got, listed in order and deleted', () => {
  const database = Database.open(path);
  const things = database.collection('things', parseThing);
  things.put('b', { size: 2 });
  things.put('a', { size: 1 });
  things.put('b', { size: 3 });
  assert.deepEqual(things.get('b'), { size: 3 });
  assert.equal(things.get('c'), undefined);
  assert.deepEqual(things.entries(), [
    ['a', { size: 1 }],
    ['b', { size: 3 }],
  ]);
  assert.equal(things.delete('a'), true);
  assert.equal(things.delete('a'), false);
  database.close();
});

test('a transaction is whole or nothing, nested ones are part of the outer', () => {
  const database = Database.open(path);
  const things = database.collection('things', parseThing);
  assert.throws(() =>
    database.transaction(() => {
      things.put('a', { size: 1 });
      database.transaction(() => things.put('b', { size: 2 }));
      throw new Error('stop');
    }),
  );
  assert.deepEqual(things.entries(), []);
  const answer = database.transaction(() => {
    things.put('a', { size: 1 });
    return 7;
  });
  assert.equal(answer, 7);
  assert.equal(things.entries().length, 1);
  database.close();
});

test('what was put is there after the process was killed, what was not committed is not', () => {
  const program = `
    import { Database } from ${JSON.stringify(new URL('./database.ts', import.meta.url).href)};
    const database = Database.open(${JSON.stringify(path)});
    const things = database.collection('things', (value) => value);
    things.put('kept', { size: 1 });
    database.transaction(() => { things.put('lost', { size: 2 }); process.kill(process.pid, 'SIGKILL'); });
  `;
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program]);
  assert.equal(signal, 'SIGKILL');
  const database = Database.open(path);
  assert.deepEqual(database.collection('things', parseThing).entries(), [['kept', { size: 1 }]]);
  database.close();
});

test('bad names, damaged documents and damaged files are EngineErrors', () => {
  const database = Database.open(path);
  assert.throws(
    () => database.collection('a; DROP TABLE b', parseThing),
    (error) => isEngineError(error, 'internal'),
  );
  database.collection('things', (value) => value).put('a', { length: 1 });
  assert.throws(
    () => database.collection('things', parseThing).get('a'),
    (error) => isEngineError(error, 'data-loss'),
  );
  database.close();
  const broken = join(directory, 'broken.db');
  writeFileSync(broken, 'no database'.repeat(1000));
  assert.throws(
    () => Database.open(broken),
    (error) => isEngineError(error, 'data-loss'),
  );
});
