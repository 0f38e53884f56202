/** Signals parse in every spelling of Docker's clients and fail in its words. */
import assert from 'node:assert/strict';
import { constants } from 'node:os';
import { test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { parseSignal, signalName } from './signals.ts';

test('names parse with and without SIG, in any case, and agree with the system', () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    assert.equal(parseSignal(name), number, name);
    assert.equal(parseSignal(name.slice(3).toLowerCase()), number, name);
  }
});

test('numbers and real-time signals parse', () => {
  assert.equal(parseSignal('9'), 9);
  assert.equal(parseSignal('RTMIN'), 34);
  assert.equal(parseSignal('SIGRTMIN+3'), 37);
  assert.equal(parseSignal('RTMAX-14'), 50);
  assert.equal(parseSignal('RTMAX'), 64);
});

test('what is no signal is refused', () => {
  for (const text of ['FOO', '', '0', 'SIG', 'RTMIN+31', 'RTMAX-31', 'constructor', '9x'])
    assert.throws(
      () => parseSignal(text),
      (error) => isEngineError(error, 'invalid-argument') && error.message === `invalid signal: ${text}`,
      text,
    );
  for (const text of ['-1', '65'])
    assert.throws(() => parseSignal(text), { message: `The linux daemon does not support signal ${text}` });
});

test('a signal has a name again', () => {
  assert.equal(signalName(15), 'SIGTERM');
  assert.equal(signalName(6), 'SIGABRT');
  assert.equal(signalName(36), 'SIGRTMIN+2');
  assert.equal(signalName(200), '200');
});
