/** Sizes, durations, processors and times parse as docker's flags do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { toTimestamp } from './timestamps.ts';
import { parseBytes, parseDuration, parseNanoCpus } from './units.ts';

test('sizes are powers of 1024', () => {
  const sizes: ReadonlyArray<readonly [string, number]> = [
    ['512', 512],
    ['1k', 1024],
    ['64m', 64 * 1024 ** 2],
    ['64MB', 64 * 1024 ** 2],
    ['64MiB', 64 * 1024 ** 2],
    ['1.5g', 1.5 * 1024 ** 3],
    ['2 t', 2 * 1024 ** 4],
    ['7b', 7],
    ['.5k', 512],
  ];
  for (const [text, size] of sizes) assert.equal(parseBytes(text), size, text);
  for (const text of ['', 'x', '5z', '5kk', '5bb', '-1', '--5', '1..2m', '5kib b'])
    assert.throws(() => parseBytes(text), text);
});

test('durations are nanoseconds', () => {
  assert.equal(parseDuration('1h2m3.5s'), 3723.5e9);
  assert.equal(parseDuration('300ms'), 3e8);
  assert.equal(parseDuration('-1.5h'), -5400e9);
  assert.equal(parseDuration('0'), 0);
  assert.equal(parseDuration('2µs'), 2000);
  assert.throws(() => parseDuration('5'), { message: 'time: missing unit in duration "5"' });
  for (const text of ['', 's', '1x', '1h2', '1 s']) assert.throws(() => parseDuration(text), text);
});

test('processors are billionths', () => {
  assert.equal(parseNanoCpus('1.5'), 1.5e9);
  assert.equal(parseNanoCpus('3/2'), 1.5e9);
  assert.throws(() => parseNanoCpus('abc'), { message: 'failed to parse abc as a rational number' });
  assert.throws(() => parseNanoCpus('0.1234567891'), { message: 'value is too precise' });
});

test('times: ages, dates with and without a zone, numbers', () => {
  const now = Date.UTC(2025, 0, 1, 12, 0, 0);
  assert.equal(toTimestamp('10m', '', now), `${now / 1000 - 600}.000000000`);
  assert.equal(toTimestamp('1700000000.5', '', now), '1700000000.5');
  assert.equal(toTimestamp('2025-01-01T12:00:00Z'), `${now / 1000}.000000000`);
  assert.equal(toTimestamp('2025-01-01T13:00:00.000000123+01:00'), `${now / 1000}.000000123`);
  assert.equal(toTimestamp('2025-01-01T12Z'), `${now / 1000}.000000000`);
  assert.equal(toTimestamp(''), '');
  assert.throws(() => toTimestamp('zork'), { message: 'failed to parse value as time or duration: "zork"' });
});

test('no text makes them give anything but a whole number', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[-+0-9.]{0,6}[a-zA-Z ]{0,3}$/)), (text) => {
      for (const parse of [parseBytes, parseDuration, parseNanoCpus]) {
        try {
          assert.ok(Number.isInteger(parse(text)), `${parse.name} ${text}`);
        } catch (error) {
          assert.equal(error instanceof Error ? error.name : '', 'EngineError', String(error));
        }
      }
    }),
  );
});
