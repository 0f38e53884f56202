import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type KeyPart, type KeyParts, keyOf, partDigests } from './cache-key.ts';

const { part } = fc.letrec<{ part: KeyPart }>((tie) => ({
  part: fc.oneof(
    { maxDepth: 3 },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(tie('part'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('part'), { maxKeys: 4 }),
  ),
}));
const parts: fc.Arbitrary<KeyParts> = fc.dictionary(fc.string(), part, { maxKeys: 5 });

test('keys are equal exactly where all parts are', () => {
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      assert.equal(keyOf(one) === keyOf(other), isSame(one, other));
      assert.equal(keyOf(one), keyOf(shuffled(one)));
    }),
  );
});

test('one change anywhere is another key', () => {
  fc.assert(
    fc.property(parts, fc.string(), part, (before, name, value) => {
      const after = { ...before, [name]: value };
      assert.equal(keyOf(before) === keyOf(after), isSame(before, after));
    }),
  );
});

test('neighbours do not run into each other', () => {
  assert.notEqual(keyOf({ a: ['b', 'c'] }), keyOf({ a: ['b,c'] }));
  assert.notEqual(keyOf({ a: ['1'] }), keyOf({ a: [1] }));
  assert.notEqual(keyOf({ a: ['', 'x'] }), keyOf({ a: ['x', ''] }));
  assert.notEqual(keyOf({ a: { b: 'c' } }), keyOf({ a: 'b:c' }));
  assert.equal(keyOf({ a: undefined }), keyOf({}));
  assert.match(keyOf({}), /^sha256:[0-9a-f]{64}$/);
});

test('parts with names are told apart one by one', () => {
  const digests = partDigests({ below: 'x', environment: { A: '1', B: '2' } });
  assert.deepEqual(Object.keys(digests), ['below', 'environment.A', 'environment.B']);
  const changed = partDigests({ below: 'x', environment: { A: '1', B: '3' } });
  assert.equal(digests['environment.A'], changed['environment.A']);
  assert.notEqual(digests['environment.B'], changed['environment.B']);
});

/** Equal but for the order of names. */
function isSame(one: KeyPart, other: KeyPart): boolean {
  try {
    assert.deepStrictEqual(plain(one), plain(other));
    return true;
  } catch {
    return false;
  }
}

/** Without prototypes and negative zeros, which no key has. */
function plain(value: KeyPart): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}

function shuffled(value: KeyParts): KeyParts {
  return Object.fromEntries(Object.entries(value).toReversed());
}
