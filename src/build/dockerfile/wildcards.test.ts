/** Sources of COPY and ADD: wildcards, pivots, and what kind of source it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cleanPath } from '../../util/patterns/clean-path.ts';
import { kindOfSource } from './source-kind.ts';
import { hasWildcards, sourcePath, sourcePattern, splitAtPivot } from './wildcards.ts';

test('paths are cleaned as Go cleans them', () => {
  const cases: Array<[string, string]> = [
    ['', '.'],
    ['a//b/./c/', 'a/b/c'],
    ['a/../b', 'b'],
    ['../../a', '../../a'],
    ['/../a', '/a'],
    ['/', '/'],
    ['a/..', '.'],
  ];
  for (const [path, clean] of cases) assert.equal(cleanPath(path), clean, path);
});

test('what is a wildcard', () => {
  for (const source of ['*', 'a?', '[ab]', 'x/**']) assert.equal(hasWildcards(source), true, source);
  for (const source of ['a', 'a\\*', '\\[x', 'a]', '']) assert.equal(hasWildcards(source), false, source);
});

const patterns: Array<[source: string, fits: string[], fitsNot: string[], folder: string]> = [
  ['*.go', ['a.go'], ['d/a.go', 'a.god'], ''],
  ['/src/*.go', ['src/a.go'], ['src/d/a.go'], 'src'],
  ['a/b/?/c*', ['a/b/x/c', 'a/b/y/cd'], ['a/b/xx/c', 'a/b//c'], 'a/b'],
  ['d/[a-c]', ['d/a'], ['d/d'], 'd'],
  ['d/[^a]', ['d/b'], ['d/a'], 'd'],
  ['e\\*f/*', ['e*f/x'], ['exf/x'], 'e*f'],
  ['a/**', ['a/b'], ['a/b/c'], 'a'],
  ['../../*', ['a'], ['a/b'], ''],
];

for (const [source, fits, fitsNot, folder] of patterns) {
  test(`source ${source}`, () => {
    const pattern = sourcePattern(source);
    assert.equal(pattern.folder, folder);
    for (const path of fits) assert.equal(pattern.matches(path), true, path);
    for (const path of fitsNot) assert.equal(pattern.matches(path), false, path);
  });
}

test('** goes over folders with --parents only', () => {
  const { matches, folder } = sourcePattern('./src/**/*.txt', { parents: true });
  assert.equal(folder, 'src');
  assert.deepEqual(['src/a.txt', 'src/x/b.txt', 'src/x/y/c.txt', 'a.txt'].map(matches), [
    true,
    true,
    true,
    false,
  ]);
});

test('a pattern that is none', () => {
  for (const source of ['[', 'a/[b', 'x\\'])
    assert.throws(() => sourcePattern(source), { message: 'syntax error in pattern' });
});

test('a source without wildcards never leaves the root', () => {
  assert.equal(sourcePath('../../etc/./passwd'), 'etc/passwd');
  assert.equal(sourcePath('.'), '');
});

test('the pivot of --parents', () => {
  assert.deepEqual(splitAtPivot('./x/./y/*.txt'), { root: 'x', kept: 'y/*.txt' });
  assert.deepEqual(splitAtPivot('/a/b'), { root: '', kept: 'a/b' });
  assert.deepEqual(splitAtPivot('a/./b/./c'), { root: 'a', kept: 'b/c' });
  assert.deepEqual(splitAtPivot('./a'), { root: '', kept: 'a' });
});

test('paths, downloads and repositories', () => {
  for (const source of ['a', 'a.git', '/a@b:c', 'github.com/a/b', 'http:/x'])
    assert.equal(kindOfSource(source), 'local', source);
  for (const source of ['http://h/x', 'https://h/x.tar?a.git', 'HTTPS://h'])
    assert.equal(kindOfSource(source), 'http', source);
  for (const source of [
    'git://h/x',
    'git@h:a/b.git#main',
    'ssh://h/x',
    'https://h/x.git',
    'https://h/x.git#v1:dir',
  ])
    assert.equal(kindOfSource(source), 'git', source);
});
