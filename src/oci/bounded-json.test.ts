/** JSON from strangers: what is taken, and what is refused before anybody walks it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import { parseBoundedJson } from './bounded-json.ts';

test('what is not deep is parsed as JSON.parse does', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (text) => {
      assert.deepEqual(parseBoundedJson(text, 'it'), JSON.parse(text));
    }),
  );
  assert.equal(parseBoundedJson(JSON.stringify(`${'['.repeat(1000)}\\"{`), 'it'), `${'['.repeat(1000)}\\"{`);
});

test('what is deep, or no JSON, is refused by name', () => {
  const deep = (depth: number): string => `${'[{"a":'.repeat(depth)}1${'}]'.repeat(depth)}`;
  assert.ok(parseBoundedJson(deep(32), 'it'));
  for (const text of [deep(33), '['.repeat(1_000_000), `{"a":"\\"","b":${deep(40)}}`])
    assert.throws(
      () => parseBoundedJson(text, 'the manifest'),
      (error) =>
        isEngineError(error, 'invalid-argument') &&
        /^the manifest: nested more than 64 deep/.test(error.message),
    );
  for (const text of ['', '{', '"', '"\\', '[1,]'])
    assert.throws(
      () => parseBoundedJson(text, 'the manifest'),
      /^Error: the manifest: not JSON|the manifest: not JSON/,
    );
});
