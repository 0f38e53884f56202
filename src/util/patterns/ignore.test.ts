/** .dockerignore: the answers are those of moby/patternmatcher, which was asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../../errors/engine-error.ts';
import {
  excludeMatcher,
  ignoreFileNames,
  ignoreMatcher,
  matchesIgnorePattern,
  parseIgnoreFile,
} from './ignore.ts';

test('lines: comments, blanks, slashes, exceptions, a byte order mark', () => {
  const text = '\ufeff# no\n  #yes\n\n /a/b/ \r\n!  /c\n./d//e/../f\n/\n*\n!\n';
  assert.deepEqual(parseIgnoreFile(text), ['#yes', 'a/b', '!c', 'd/f', '/', '*', '!']);
});

test("a Dockerfile's own ignore file goes first", () => {
  assert.deepEqual(ignoreFileNames('docker/app.Dockerfile'), [
    'docker/app.Dockerfile.dockerignore',
    '.dockerignore',
  ]);
});

const cases: Array<[patterns: string[], ignored: string[], kept: string[]]> = [
  [['a'], ['a', 'a/b', 'a/b/c'], ['ab', 'b/a', 'b']],
  [['/a/'], ['a', 'a/b'], ['b/a']],
  [['*.go'], ['x.go', '.go'], ['d/x.go', 'x.god']],
  [['*/*.go'], ['d/x.go'], ['x.go', 'd/e/x.go']],
  [['**/*.go'], ['x.go', 'd/x.go', 'd/e/x.go'], ['x.g']],
  [['**/a'], ['a', 'd/a', 'd/a/b', 'd/e/a'], ['ba', 'd/ab']],
  [['a/**'], ['a/b', 'a/b/c'], ['a', 'ab/c']],
  [['a/**/b'], ['a/b', 'a/x/b', 'a/x/y/b'], ['a/xb', 'b']],
  [['**'], ['a', 'a/b'], []],
  [['*'], ['a', 'a/b', '.a'], []],
  [['a?c'], ['abc', 'aéc'], ['ac', 'a/c']],
  [
    ['[a-c]x', '[^d]y'],
    ['ax', 'cx', 'ey'],
    ['dx', 'dy', 'axx'],
  ],
  [['a\\*b'], ['a*b'], ['axb']],
  [
    ['a.b', 'c+d', '(e)', '{f}', '$g'],
    ['a.b', 'c+d', '(e)', '{f}', '$g'],
    ['axb', 'ccd', 'e'],
  ],
  [['*', '!a'], ['b'], ['a', 'a/b']],
  [
    ['a', '!a/b'],
    ['a', 'a/c'],
    ['a/b', 'a/b/c'],
  ],
  [['!a', 'a'], ['a'], ['b']],
  [['*.md', '!README*.md', 'README-s.md'], ['x.md', 'README-s.md'], ['README.md']],
  [['**foo'], ['foo', 'barfoo', 'a/barfoo'], ['foobar']],
  [['foo**'], ['foo', 'foobar', 'foo/x'], ['fo']],
  [['', ' ', '.'], [], ['a', '.']],
];

for (const [patterns, ignored, kept] of cases) {
  test(`ignores by ${JSON.stringify(patterns)}`, () => {
    const { ignores } = ignoreMatcher(parseIgnoreFile(patterns.join('\n')));
    assert.deepEqual(
      ignored.filter((path) => !ignores(path)),
      [],
    );
    assert.deepEqual(kept.filter(ignores), []);
  });
}

test('a folder need not be entered unless something in it could be taken back', () => {
  assert.equal(ignoreMatcher(['a']).ignoresAllBelow('a'), true);
  assert.equal(ignoreMatcher(['a']).ignoresAllBelow('b'), false);
  assert.equal(ignoreMatcher(['a', '!a/b']).ignoresAllBelow('a'), false);
});

test('a pattern that is none is named', () => {
  for (const pattern of ['[', 'a[', '[a-', 'b/[]', '[]a]', 'x\\'])
    assert.throws(() => ignoreMatcher([pattern]), { message: `syntax error in pattern: ${pattern}` });
  assert.throws(() => ignoreMatcher(['!']), { message: 'illegal exclusion pattern: "!"' });
});

test('COPY --exclude follows the same rules; one pattern can be asked alone', () => {
  assert.equal(excludeMatcher(['**/*.o'])('a/b.o'), true);
  assert.equal(excludeMatcher([])('a'), false);
  assert.equal(matchesIgnorePattern('a/*', 'a/b/c'), false);
  assert.equal(matchesIgnorePattern('a/**', './a/b/c'), true);
});

const segment = fc.constantFrom('a', 'b', 'ab', '*', '**', '?', 'a*', '*b', '[ab]', '[^a]', 'a*b*a*b', '**a');
const patterns = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const paths = fc
  .array(fc.stringMatching(/^[abc]{1,4}$/), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'));

test('what is in an ignored folder is ignored', () => {
  fc.assert(
    fc.property(patterns, paths, paths, (pattern, path, more) => {
      const { ignores } = ignoreMatcher([pattern]);
      fc.pre(ignores(path));
      assert.equal(ignores(`${path}/${more}`), true);
    }),
  );
});

test('however it is matched, by text, expression or states, the answer is one', () => {
  fc.assert(
    fc.property(patterns, paths, (pattern, path) => {
      const parents = path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'));
      const expected = parents.some((parent) => matchesIgnorePattern(pattern, parent));
      assert.equal(ignoreMatcher([pattern]).ignores(path), expected);
    }),
    { numRuns: 2000 },
  );
});

test('no text fails in another way, or takes long', () => {
  const begin = performance.now();
  ignoreMatcher(['**/a*a*a*a*a*a*a*b']).ignores('a'.repeat(5000));
  assert.ok(performance.now() - begin < 2000);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (pattern, path) => {
      try {
        ignoreMatcher(parseIgnoreFile(pattern)).ignores(path);
      } catch (error) {
        assert.ok(isEngineError(error, 'invalid-argument'), String(error));
      }
    }),
  );
});
