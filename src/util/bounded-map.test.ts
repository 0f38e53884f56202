/** What was used longest ago goes first, by count and by weight. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BoundedMap } from './bounded-map.ts';

test('what was used longest ago goes', () => {
  const map = new BoundedMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  assert.equal(map.get('a'), 1);
  map.set('c', 3);
  assert.equal(map.get('b'), undefined);
  assert.equal(map.get('a'), 1);
  assert.equal(map.get('c'), 3);
});

test('weights are those of what is there', () => {
  const map = new BoundedMap<string, string>(10, (text) => text.length);
  map.set('a', '12345');
  map.set('a', '123');
  map.set('b', '1234567');
  assert.equal(map.get('a'), '123');
  map.delete('b');
  map.set('c', '1234567');
  assert.equal(map.get('a'), '123', 'what was deleted weighs nothing');
  map.set('d', 'x'.repeat(11));
  for (const key of ['a', 'c', 'd']) assert.equal(map.get(key), undefined, 'too heavy for the map');
});
