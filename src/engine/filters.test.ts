import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  booleanFilter,
  matchesExactly,
  matchesLabelFilters,
  matchesPrefix,
  patternFilter,
} from './filters.ts';

const given = (filters: Record<string, string[]>) => new Map(Object.entries(filters));

test('one name: any of its values; none given: everything', () => {
  assert.ok(matchesExactly(given({ driver: ['a', 'b'] }), 'driver', 'b'));
  assert.ok(!matchesExactly(given({ driver: ['a'] }), 'driver', 'ab'));
  assert.ok(matchesExactly(given({}), 'driver', 'x'));
  assert.ok(matchesPrefix(given({ id: ['ab'] }), 'id', 'xy', 'abc'));
});

test('patterns are regular expressions, or plain text where they are none', () => {
  const web = patternFilter(given({ name: ['^web-[0-9]+$'] }), 'name');
  assert.ok(web('web-12'));
  assert.ok(!web('web-x'));
  const odd = patternFilter(given({ name: ['a[', 'b'] }), 'name');
  assert.ok(odd('a['));
  assert.ok(odd('xbx'));
  assert.ok(!odd('a'));
});

test('labels: all of the wanted, none of the unwanted', () => {
  const labels = { a: '1', b: '', 'x=y': 'z' };
  assert.ok(matchesLabelFilters(given({ label: ['a=1', 'b'] }), labels));
  assert.ok(!matchesLabelFilters(given({ label: ['a=2'] }), labels));
  assert.ok(!matchesLabelFilters(given({ label: ['toString'] }), labels));
  assert.ok(!matchesLabelFilters(given({ 'label!': ['b'] }), labels));
  assert.ok(matchesLabelFilters(given({ 'label!': ['a=2'] }), labels));
});

test('yes or no', () => {
  assert.equal(booleanFilter(given({ dangling: ['1'] }), 'dangling', false), true);
  assert.equal(booleanFilter(given({}), 'dangling', true), true);
  for (const values of [['maybe'], ['true', 'false']]) {
    assert.throws(() => booleanFilter(given({ dangling: values }), 'dangling', false), {
      code: 'invalid-argument',
      message: `invalid filter 'dangling=${values.join(' ')}'`,
    });
  }
});
