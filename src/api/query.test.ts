import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Query } from './query.ts';

test("Docker's notion of true", () => {
  const query = new Query('/x?a=1&b=true&c=anything&d=0&e=false&f=no&g=none&h=');
  const read = [...'abcdefghi'].map((name) => query.boolean(name));
  assert.deepEqual(read, [true, true, true, false, false, false, false, false, false]);
  assert.equal(query.boolean('missing', true), true);
});

test('numbers', () => {
  const query = new Query('/x?t=-1&n=12&bad=1s');
  assert.equal(query.integer('t'), -1);
  assert.equal(query.integer('n'), 12);
  assert.equal(query.integer('missing'), undefined);
  assert.throws(() => query.integer('bad'), { code: 'invalid-argument', message: /"1s" for bad/ });
});

test('filters in both forms', () => {
  const filters = (text: string) => new Query(`/x?filters=${encodeURIComponent(text)}`).filters();
  assert.deepEqual(filters('{"status":["running","paused"]}').get('status'), ['running', 'paused']);
  assert.deepEqual(filters('{"label":{"a=b":true,"c":false}}').get('label'), ['a=b']);
  assert.equal(filters('').size, 0);
  for (const bad of ['[', '[]', '{"a":1}', '{"a":[1]}', '"x"']) {
    assert.throws(() => filters(bad), { code: 'invalid-argument' }, bad);
  }
});
