import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import { attributesText, checkPatterns, extraAttributes } from './attributes.ts';

const config = { labels: { tier: 'front end', other: 'x' }, env: ['HOME=/root', 'EMPTY=', 'BARE', 'A=b=c'] };

function textOf(options: Record<string, string>): string {
  return attributesText(extraAttributes(config, options));
}

test('labels and variables that the log options name, ordered and escaped', () => {
  assert.equal(textOf({ labels: 'tier, nosuch', env: 'HOME,A' }), 'A=b%3Dc,HOME=%2Froot,tier=front+end');
  assert.equal(textOf({ 'env-regex': '^(EMPTY|BARE)$' }), 'BARE=,EMPTY=');
  assert.equal(textOf({ 'labels-regex': '(?i)^TIE' }), 'tier=front+end');
  assert.equal(textOf({}), '');
});

test('a pattern that is none is refused', () => {
  assert.throws(
    () => checkPatterns({ 'labels-regex': '[' }),
    (error: unknown) => isEngineError(error, 'invalid-argument'),
  );
});
