/** Keys say what they were made of, and are in the order of the names in them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestOf } from '../../oci/digest.ts';
import { fieldsOf, isDoomed, liveOf, readGenerations } from './generations.ts';
import {
  decodeNumber,
  encodeNumber,
  linkKeys,
  manifestKeys,
  nameKey,
  parseRepositoryKey,
  repositoryKeys,
  tagKeys,
} from './keys.ts';

const digest = digestOf('x');
const part = fc.stringMatching(/^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/);
const repositories = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const tags = fc.stringMatching(/^[\w][\w.-]{0,30}$/);

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

test('a key is read back as what it was made of', () => {
  fc.assert(
    fc.property(repositories, tags, (repository, tag) => {
      const parsed = parseRepositoryKey(`${tagKeys(repository, tag)}abc.def.l`);
      assert.equal(parsed?.repository, repository);
      assert.equal(parsed?.kind, 'tags');
      assert.equal(parsed?.name, tag);
      assert.deepEqual(parsed?.fields, ['abc', 'def', 'l']);
      assert.equal(parseRepositoryKey(`${linkKeys(repository, digest)}g`)?.kind, 'blobs');
    }),
  );
  assert.equal(parseRepositoryKey('repositories/a/somebody-else'), undefined);
});

test('keys are in the order of the tags and repositories in them', () => {
  fc.assert(
    fc.property(tags, tags, (a, b) => {
      if (a === b) return;
      assert.equal(
        Math.sign(compareBytes(`${tagKeys('r', a)}zz`, `${tagKeys('r', b)}00`)),
        Math.sign(compareBytes(a, b)),
      );
    }),
  );
  fc.assert(
    fc.property(repositories, repositories, (a, b) => {
      assert.equal(Math.sign(compareBytes(nameKey(a), nameKey(b))), Math.sign(compareBytes(a, b)));
    }),
  );
});

test('what is of one repository begins with its keys, what is of those below it does not', () => {
  assert.ok(manifestKeys('a', digest).startsWith(repositoryKeys('a')));
  assert.ok(!manifestKeys('a/b', digest).startsWith(repositoryKeys('a')));
  assert.ok(!manifestKeys('a-b', digest).startsWith(repositoryKeys('a')));
});

test('numbers are read back', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      assert.equal(decodeNumber(encodeNumber(value)), value);
    }),
  );
  assert.equal(decodeNumber(undefined), 0);
  assert.equal(decodeNumber('!'), 0);
});

function read(...rests: string[]): ReturnType<typeof readGenerations> {
  return readGenerations(rests.map((rest) => ({ key: `blobs/x!${rest}`, fields: fieldsOf(`x!${rest}`) })));
}

test('generations are told newest first, with their last use', () => {
  const [old, recent] = [encodeNumber(1000), encodeNumber(2000)];
  const found = read(
    `held.a.${old}.${encodeNumber(5)}`,
    `held.b.${recent}.5`,
    `used.a.${encodeNumber(3000)}`,
  );
  assert.deepEqual(
    found.all.map(({ id, usedAt, size }) => [id, usedAt, size]),
    [
      ['b', 2000, 5],
      ['a', 3000, 5],
    ],
  );
});

test('a doomed generation is not live, until its collection must be dead', () => {
  const minute = 60_000;
  const found = read(`held.a.${encodeNumber(1)}.1`, `doomed.a.collection.${encodeNumber(minute)}`);
  assert.equal(liveOf(found, 2 * minute).length, 0);
  assert.equal(liveOf(found, 40 * minute).length, 1);
  assert.deepEqual(
    found.all.map((one) => isDoomed(one, 2 * minute)),
    [true],
  );
});

test('notes of what is gone are strays', () => {
  assert.deepEqual(read('doomed.a.c.1', 'used.a.1', 'pulled.zz').stray.length, 3);
  const held = read(`held.a.${encodeNumber(1)}`, `pulled.${encodeNumber(7)}`);
  assert.equal(held.pulledAt, 7);
  assert.deepEqual(held.stray, []);
});
