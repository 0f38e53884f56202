import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logAttributes } from './attributes.ts';

const config = { labels: { tier: 'front end', other: 'x' }, env: ['HOME=/root', 'EMPTY=', 'BARE', 'A=b=c'] };

test('labels and variables that the log options name, ordered and escaped', () => {
  assert.equal(
    logAttributes(config, { labels: 'tier, nosuch', env: 'HOME,A' }),
    'A=b%3Dc,HOME=%2Froot,tier=front+end',
  );
  assert.equal(logAttributes(config, { 'env-regex': '^(EMPTY|BARE)$' }), 'BARE=,EMPTY=');
  assert.equal(logAttributes(config, { 'labels-regex': '[' }), '');
  assert.equal(logAttributes(config, {}), '');
});
