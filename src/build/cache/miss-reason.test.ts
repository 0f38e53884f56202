import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missReason } from './miss-reason.ts';

test('what differs is named', () => {
  assert.equal(missReason(undefined, { below: '1' }), 'it was not built before');
  assert.equal(missReason({ below: '1' }, { below: '1' }), 'its result was removed from the cache');
  assert.equal(missReason({ below: '1' }, { below: '2' }), 'what it stands on has changed');
  assert.equal(
    missReason({ 'environment.A': '1', files: '1' }, { 'environment.B': '1', files: '2' }),
    'the environment has changed, the files have changed (A, B)',
  );
  assert.equal(missReason({ odd: '1' }, {}), 'odd has changed');
});

test('of many variables only some are named', () => {
  const now = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`environment.V${index}`, 'x']));
  assert.match(missReason({}, now), /\(V0, V1, V2, V3, V4, and 4 more\)$/);
});
