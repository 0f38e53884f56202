import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { isOpenTo, isSource, parsePublishFrom, sourcesOf } from './publish-from.ts';

test('sources come out in their usual form, those within others left out', () => {
  assert.deepEqual(
    parsePublishFrom(['10.1.2.3/8', '10.4.0.0/16', '192.0.2.7', '10.0.0.0/8', 'FD00::1/8', ' ::1 ']),
    ['10.0.0.0/8', '192.0.2.7/32', 'fd00::/8', '::1/128'],
  );
});

test('what is no address is refused', () => {
  for (const word of [
    '',
    '10.0.0.0/33',
    'example.com',
    '10.0.0.0/8; flush ruleset',
    '1.2.3',
    '::/129',
    '10.0.0.0/',
  ]) {
    assert.throws(
      () => parsePublishFrom([word]),
      (error: unknown) => isEngineError(error, 'invalid-argument') && /invalid source/.test(error.message),
      word,
    );
  }
});

test('who is a source, by family', () => {
  const from = ['10.0.0.0/8', '192.0.2.7/32'];
  assert.equal(isSource(from, '10.9.9.9'), true);
  assert.equal(isSource(from, '192.0.2.8'), false);
  assert.equal(isSource(from, '::1'), false);
  assert.equal(isSource(undefined, '::1'), true);
  assert.equal(isSource(['0.0.0.0/0'], '203.0.113.1'), true);
  assert.equal(isOpenTo(['0.0.0.0/0'], '6'), false);
  assert.deepEqual(sourcesOf(from, '6'), []);
});
