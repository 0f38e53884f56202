import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiVersion, minApiVersion } from '../wire/api-version.ts';
import { engineVersion, servedApi } from './engine-version.ts';

test('the engine speaks of the versions that the wire has', () => {
  assert.deepEqual(servedApi, { newest: apiVersion, oldest: minApiVersion });
  assert.match(engineVersion, /^\d+\.\d+\.\d+/);
});
