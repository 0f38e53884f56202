/** Shell patterns match as Go's path.Match does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesPath } from './path-match.ts';

test('stars, question marks and classes stop at slashes', () => {
  const cases: ReadonlyArray<readonly [pattern: string, text: string, fits: boolean]> = [
    ['abc', 'abc', true],
    ['*', 'abc', true],
    ['*', '', true],
    ['*', 'a/b', false],
    ['*c', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*', 'axbxcxdxe', true],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxe/xxx/f', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['**/x', 'ab/x', true],
    ['*ab', 'aab', true],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['a?b', 'a☺b', true],
    ['a[^a]b', 'a☺b', true],
    ['a???b', 'a☺b', false],
    ['[a-ζ]*', 'α', true],
    ['a?b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[\\-]', '-', true],
    ['[x\\-]', 'z', false],
    ['busybox:1.*', 'busybox:1.36', true],
    ['.+', 'aa', false],
  ];
  for (const [pattern, text, fits] of cases)
    assert.equal(matchesPath(pattern, text), fits, `${pattern} ${text}`);
});

test('a broken pattern is an error, also where it would not match', () => {
  for (const pattern of [
    '[',
    '[]',
    '[]a]',
    '[-]',
    '[x-]',
    '[-x]',
    '[a-b-c]',
    '[^',
    '[^bc',
    'a[',
    'a\\',
    'zz[',
  ])
    assert.throws(() => matchesPath(pattern, 'a'), { message: 'syntax error in pattern' }, pattern);
});
