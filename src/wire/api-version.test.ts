import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiVersion, compareApiVersions, minApiVersion } from './api-version.ts';

test('versions compare by number, not by text', () => {
  assert.ok(compareApiVersions('1.9', '1.24') < 0);
  assert.ok(compareApiVersions('2.0', '1.51') > 0);
  assert.equal(compareApiVersions('1.44', '1.44'), 0);
  assert.ok(compareApiVersions(minApiVersion, apiVersion) < 0);
});
