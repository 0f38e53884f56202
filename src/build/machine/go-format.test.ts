import assert from 'node:assert/strict';
import { test } from 'node:test';
import { goDuration, goList, goQuoted, goQuotedList } from './go-format.ts';

test('strings are quoted as Go does', () => {
  assert.equal(goQuoted('a "b" \\ \n\t\x01 é'), '"a \\"b\\" \\\\ \\n\\t\\x01 é"');
  assert.equal(goQuoted('\u0085'), '"\\u0085"');
  assert.equal(goQuotedList(['a', 'b c']), '["a" "b c"]');
  assert.equal(goList(['a', 'b c']), '[a b c]');
});

test('durations are printed as Go does', () => {
  const expected: Array<[number, string]> = [
    [0, '0s'],
    [5, '5ns'],
    [1500, '1.5µs'],
    [2e6, '2ms'],
    [1.5e9, '1.5s'],
    [30e9, '30s'],
    [90e9, '1m30s'],
    [3600e9, '1h0m0s'],
    [3661.25e9, '1h1m1.25s'],
  ];
  for (const [nanoseconds, text] of expected) assert.equal(goDuration(nanoseconds), text);
});
