/** The table of containers, on a real database. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { Database } from '../store/database.ts';
import { parseContainerRecord } from './container-record.ts';
import { ContainerTable } from './container-table.ts';
import type { ContainerRecord } from './model.ts';

function openDatabase(context: TestContext): { open: () => ContainerTable } {
  const directory = mkdtempSync(join(tmpdir(), 'engine-table-'));
  const database = Database.open(join(directory, 'test.db'));
  context.after(() => {
    database.close();
    rmSync(directory, { recursive: true });
  });
  return { open: () => new ContainerTable(database.collection('containers', parseContainerRecord)) };
}

function record(id: string, name: string): ContainerRecord {
  const plain: unknown = {
    id: id.padEnd(64, '0'),
    name,
    createdAt: 1,
    imageId: 'sha256:x',
    path: 'true',
    args: [],
    config: {},
    hostConfig: {},
    endpointConfigs: {},
    mounts: [],
    state: { status: 'created' },
    restartCount: 0,
    stoppedByUser: false,
    platform: 'linux',
  };
  return parseContainerRecord(plain);
}

test('a container is found by ID, name, and a prefix that fits only one', (context) => {
  const table = openDatabase(context).open();
  for (const [id, name] of [
    ['abc1', 'one'],
    ['abc2', 'two'],
    ['def', 'abc'],
  ] as const) {
    table.reserveName(name, id.padEnd(64, '0'));
    table.add(record(id, name));
  }
  assert.equal(table.resolve('abc1').name, 'one');
  assert.equal(table.resolve('/two').name, 'two');
  assert.equal(table.resolve('def'.padEnd(64, '0')).name, 'abc');
  assert.equal(table.resolve('abc').name, 'abc', 'a name goes before a prefix');
  assert.throws(
    () => table.resolve('ab'),
    (error: unknown) =>
      isEngineError(error, 'invalid-argument') &&
      error.message === 'Multiple IDs found with provided prefix: ab',
  );
  for (const ref of ['', 'nobody', 'fff']) {
    assert.throws(
      () => table.resolve(ref),
      (error: unknown) => isEngineError(error, 'not-found') && error.message === `No such container: ${ref}`,
    );
  }
});

test('a name is taken from its reservation until its container is gone or renamed', (context) => {
  const table = openDatabase(context).open();
  const one = record('1', 'web');
  table.reserveName('web', one.id);
  const taken = (error: unknown): boolean =>
    isEngineError(error, 'conflict') &&
    error.message ===
      `Conflict. The container name "/web" is already in use by container "${one.id}". You have to remove (or rename) that container to be able to reuse that name.`;
  assert.throws(() => table.reserveName('web', 'other'), taken);
  const container = table.add(one);
  table.releaseName('web', one.id);
  assert.throws(() => table.reserveName('web', 'other'), taken, 'a borne name is not given back');
  table.reserveName('db', one.id);
  table.update(container, { name: 'db' });
  table.reserveName('web', 'other');
  assert.equal(table.ownerOf('db'), one.id);
  table.delete(container);
  assert.equal(table.ownerOf('db'), undefined);
  assert.equal(table.find(one.id), undefined);
});

test('what was changed is there after the daemon comes back, what was only noted is not', (context) => {
  const { open } = openDatabase(context);
  const table = open();
  table.reserveName('web', record('1', 'web').id);
  const container = table.add(record('1', 'web'));
  const before = container.record;
  table.setState(container, { status: 'running', pid: 7, startedAt: 9 }, { restartCount: 4 });
  assert.equal(before.state.status, 'created', 'a record that someone holds does not change');
  table.noteState(container, {
    status: 'exited',
    startedAt: 9,
    finishedAt: 10,
    exitCode: 1,
    oomKilled: false,
  });
  const again = open().resolve('web');
  assert.deepEqual(again.state, { status: 'running', pid: 7, startedAt: 9 });
  assert.equal(again.record.restartCount, 4);
});
