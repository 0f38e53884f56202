import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import { compileGlob, compileHolder } from './glob.ts';

const cases: Array<[pattern: string, matching: string[], other: string[]]> = [
  ['app', ['app'], ['app/x', 'apps', 'my/app']],
  ['*', ['app', 'a.b-c_d'], ['a/b']],
  ['team/*', ['team/app'], ['team', 'team/app/x', 'team2/app']],
  ['team/**', ['team', 'team/app', 'team/app/x'], ['team2', 'team2/app', 'my/team']],
  ['**', ['app', 'a/b/c'], []],
  ['**/cache', ['cache', 'a/cache', 'a/b/cache'], ['acache', 'cache/a']],
  ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z'], ['az', 'a/bz']],
  ['v?.*', ['v1.0', 'v2.'], ['v10.0', 'v1x0']],
  ['release-*', ['release-', 'release-1.2'], ['prerelease-1']],
];

for (const [pattern, matching, other] of cases) {
  test(`${pattern} matches what it says`, () => {
    const glob = compileGlob(pattern);
    assert.deepEqual(
      [...matching, ...other].filter((name) => glob.test(name)),
      matching,
    );
  });
}

test('what stands before ** is counted together', () => {
  assert.equal(compileHolder('team/**')('team/a/b'), 'team');
  assert.equal(compileHolder('*/**')('team/a/b'), 'team');
  assert.equal(compileHolder('*/**')('alone'), 'alone');
  assert.equal(compileHolder('team/*')('team/a'), 'team/a');
  assert.equal(compileHolder('**')('team/a'), '');
  assert.equal(compileHolder('team/**')('other/a'), undefined);
});

test('what is no pattern is refused', () => {
  for (const pattern of ['', 'a**', 'a/**b', '[a-z]', '(a|b)', 'a b', 'x'.repeat(300)]) {
    assert.throws(
      () => compileGlob(pattern),
      (error) => isEngineError(error, 'invalid-argument'),
      pattern,
    );
  }
});
