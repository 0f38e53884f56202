/** Messages from lines of a log: text, time, stream, and pieces of long ones. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageReader } from './message-reader.ts';
import type { LogMessage } from './remote/sink.ts';

function read(entries: ReadonlyArray<readonly [log: string, stream?: string]>): LogMessage[] {
  const text = entries.map(
    ([log, stream = 'stdout']) => `${JSON.stringify({ log, stream, time: '2026-01-31T12:00:00.5Z' })}\n`,
  );
  const bytes = Buffer.from(text.join(''));
  return new MessageReader().read({ bytes, end: bytes.length });
}

test('texts come without their newline, with stream and time', () => {
  const messages = read([['one\n'], ['two', 'stderr'], ['\n'], ['']]);
  assert.deepEqual(
    messages.map(({ stream, text }) => [stream, text.toString()]),
    [
      ['stdout', 'one'],
      ['stderr', 'two'],
      ['stdout', ''],
      ['stdout', ''],
    ],
  );
  assert.deepEqual(messages[0]?.time, {
    seconds: Date.UTC(2026, 0, 31, 12) / 1000,
    nanoseconds: 500_000_000,
  });
  assert.ok(messages.every(({ partial }) => partial === undefined));
});

test('pieces of one message have an ID and ordinals, each stream its own', () => {
  const piece = 'x'.repeat(16_384);
  const messages = read([
    [piece],
    ['short\n', 'stderr'],
    [`${'€'.repeat(5461)}`],
    [piece, 'stderr'],
    ['end\n'],
    ['\n', 'stderr'],
    ['next\n'],
  ]);
  const told = messages.map(({ stream, partial }) => [stream, partial?.ordinal, partial?.last]);
  assert.deepEqual(told, [
    ['stdout', 1, false],
    ['stderr', undefined, undefined],
    ['stdout', 2, false],
    ['stderr', 1, false],
    ['stdout', 3, true],
    ['stderr', 2, true],
    ['stdout', undefined, undefined],
  ]);
  const ids = messages.map(({ partial }) => partial?.id);
  assert.ok(ids[0] === ids[2] && ids[2] === ids[4] && ids[3] === ids[5] && ids[0] !== ids[3]);
});
