import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rfc3339 } from './timestamps.ts';

test('moments as Docker writes them', () => {
  assert.equal(rfc3339(undefined), '0001-01-01T00:00:00Z');
  assert.equal(rfc3339(0), '1970-01-01T00:00:00Z');
  assert.equal(rfc3339(1_700_000_000_120), '2023-11-14T22:13:20.12Z');
  assert.equal(rfc3339(1_700_000_000_000.5), '2023-11-14T22:13:20.0005Z');
});
