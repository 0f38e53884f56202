/** How errors are shown, and what is suggested. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import type { SourceRange } from './ast.ts';
import { DockerfileError, locating, parseError, renderExcerpt } from './errors.ts';
import { didYouMean, suggestion, suggestionInAnyCase } from './suggest.ts';

const source = { name: 'web.Dockerfile', lines: ['one', 'two', 'three', 'four', 'five', 'six', 'seven'] };

function lines(first: number, last = first): SourceRange {
  return { start: { line: first, column: 1 }, end: { line: last, column: 4 } };
}

function shown(...ranges: SourceRange[]): string[] {
  return renderExcerpt(source, ranges)
    .split('\n')
    .filter((line) => line.includes(' | '))
    .map((line) => line.replace(/^ *(\d+) \| (...) (.*)$/, '$1$2$3').replaceAll(' ', ''));
}

test('two lines around one, and the bad one marked', () => {
  assert.deepEqual(shown(lines(4)), ['2two', '3three', '4>>>four', '5five', '6six']);
  assert.deepEqual(shown(lines(1)), ['1>>>one', '2two', '3three']);
  assert.deepEqual(shown(lines(7)), ['5five', '6six', '7>>>seven']);
});

test('one line around several; each range is marked', () => {
  assert.deepEqual(shown(lines(3, 4)), ['2two', '3>>>three', '4>>>four', '5five']);
  assert.deepEqual(shown(lines(2), lines(5)), ['1one', '2>>>two', '3three', '4four', '5>>>five', '6six']);
});

test('a place out of the file shows nothing', () => {
  assert.equal(renderExcerpt(source, [lines(9)]), '');
  assert.equal(renderExcerpt(source, [lines(0)]), '');
  assert.equal(renderExcerpt(source, []), '');
  assert.equal(renderExcerpt({ name: 'x', lines: ['a'] }, [lines(1, 5)]).split('\n').length, 5);
});

test('an error says where it is', () => {
  const error = parseError('odd', { source, range: lines(3), instruction: 'RUN' }, 'mend it');
  assert.ok(isEngineError(error, 'invalid-argument'));
  assert.equal(error.message, 'dockerfile parse error on line 3: odd');
  assert.equal(error.hint, 'mend it');
  assert.deepEqual(error.details, { file: 'web.Dockerfile', line: 3, instruction: 'RUN' });
  assert.match(error.excerpt, /^web\.Dockerfile:3\n-{20}\n/);
  assert.equal(new DockerfileError('whole', { source }).excerpt, '');
});

test('an error without a place gets one, once; others are left alone', () => {
  const place = { source, range: lines(2), instruction: 'ENV' };
  const fail = (error: unknown) => (): never => {
    throw error;
  };
  assert.throws(
    () => locating(place, fail(new EngineError('invalid-argument', 'x', { hint: 'h' }))),
    (error) => error instanceof DockerfileError && error.hint === 'h' && error.details['line'] === 2,
  );
  const inner = parseError('y', { source, range: lines(5) });
  assert.throws(
    () => locating(place, fail(inner)),
    (error) => error === inner,
  );
  const other = new TypeError('z');
  assert.throws(
    () => locating(place, fail(other)),
    (error) => error === other,
  );
});

test('the nearest name, at most two edits away', () => {
  const names = ['build', 'build-arm', 'test'];
  assert.equal(suggestion('biuld', names), 'build');
  assert.equal(suggestion('tes', names), 'test');
  assert.equal(suggestion('deploy', names), undefined);
  assert.equal(suggestion('test', names), undefined);
  assert.equal(suggestionInAnyCase('COPPY', ['copy']), 'COPY');
  assert.equal(suggestionInAnyCase('Coppy', ['COPY']), 'copy');
  assert.equal(didYouMean('A', '$'), ' (did you mean $A?)');
  assert.equal(didYouMean(undefined), '');
});
