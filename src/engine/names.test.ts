/** Names and IDs of containers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import type { Collection } from '../util/collection.ts';
import { ContainerTable } from './container-table.ts';
import type { ContainerRecord } from './model.ts';
import { checkContainerName, generatedName, newId, reserveGeneratedName } from './names.ts';

const empty: Collection<ContainerRecord> = {
  get: () => undefined,
  put: () => undefined,
  delete: () => false,
  entries: () => [],
};

test('names are letters, digits, dots, dashes and underscores, at least two', () => {
  for (const name of ['web', 'a1', 'A.b-c_d', '0x']) checkContainerName(name);
  for (const name of ['', 'a', '-x', '_x', 'a/b', 'a b', 'ä1', '.x', 'a\n']) {
    assert.throws(
      () => checkContainerName(name),
      (error: unknown) =>
        isEngineError(error, 'invalid-argument') &&
        error.message === `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
      JSON.stringify(name),
    );
  }
});

test('a generated name is an allowed name of two words', () => {
  for (let count = 0; count < 200; count += 1) {
    const name = generatedName();
    assert.match(name, /^[a-z]+_[a-z]+$/);
    checkContainerName(name);
  }
});

test('generated names stay free of conflicts when many are taken', () => {
  const table = new ContainerTable(empty);
  const names = new Set<string>();
  for (let count = 0; count < 3000; count += 1) names.add(reserveGeneratedName(table, newId()));
  assert.equal(names.size, 3000);
});

test('IDs are 64 hexadecimal digits, and their short form is no number', () => {
  for (let count = 0; count < 1000; count += 1) {
    const id = newId();
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.doesNotMatch(id.slice(0, 12), /^\d+$/);
  }
});
