import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../errors/engine-error.ts';
import { statusOf, textOf } from './http-status.ts';

test('codes become statuses, and what is no EngineError becomes 500', () => {
  assert.equal(statusOf(new EngineError('not-found', 'No such container: x')), 404);
  assert.equal(statusOf(new EngineError('conflict', 'x')), 409);
  assert.equal(statusOf(new EngineError('not-modified', 'x')), 304);
  assert.equal(statusOf(new TypeError('x')), 500);
});

test('the hint follows as a sentence of its own', () => {
  const hinted = new EngineError('conflict', 'port is already allocated', { hint: 'publish another port' });
  assert.equal(textOf(hinted), 'port is already allocated. Publish another port.');
  assert.equal(textOf(new EngineError('not-found', 'No such image: x')), 'No such image: x');
});
