/** How often something may happen. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenBucket } from './token-bucket.ts';

test('so many at once, then so many in each second, never more than at once', () => {
  const bucket = new TokenBucket(10, 3, 0);
  const taken = (now: number, tries: number): number =>
    Array.from({ length: tries }, () => bucket.take(now)).filter(Boolean).length;
  assert.equal(taken(0, 5), 3);
  assert.equal(taken(99, 5), 0);
  assert.equal(taken(200, 5), 2);
  assert.equal(taken(60_000, 50), 3);
});
