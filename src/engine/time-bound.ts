/** `since` and `until` as clients write them: seconds of the epoch with up to nine decimals, or a date. */
import { EngineError } from '../errors/engine-error.ts';

const second = 1_000_000_000n;

/**
 * Nanoseconds since the epoch for `1136073845`, `1136073845.000000001`, a date in RFC 3339 (to the nanosecond), or a duration such as `10m` (before now).
 * Undefined for undefined, '' and 0. EngineError `invalid-argument` names the parameter.
 */
export function parseTimeBound(name: string, text: string | undefined): bigint | undefined {
  if (text === undefined || text === '' || text === '0') return undefined;
  const time = fromSeconds(text) ?? fromDate(text) ?? fromDuration(text);
  if (time !== undefined) return time;
  throw new EngineError(
    'invalid-argument',
    `invalid value for "${name}": failed to parse value as time: ${text}`,
    {
      hint: 'use seconds since the epoch, a date such as 2026-01-31T12:00:00Z, or a duration such as 10m',
    },
  );
}

function fromSeconds(text: string): bigint | undefined {
  const match = /^(-?\d{1,15})(?:\.(\d+))?$/.exec(text);
  if (match === null) return undefined;
  return BigInt(match[1] ?? 0) * second + nanosecondsOf(match[2]);
}

/** The fraction of a second as nanoseconds: digits beyond nine are dropped. */
function nanosecondsOf(digits: string | undefined): bigint {
  return BigInt((digits ?? '').padEnd(9, '0').slice(0, 9));
}

function fromDate(text: string): bigint | undefined {
  const match = /^(\d{4}-\d{2}-\d{2}(?:T\d{2}(?::\d{2}(?::\d{2})?)?)?)(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})?$/.exec(
    text,
  );
  if (match === null) return undefined;
  const milliseconds = Date.parse(`${completeDate(match[1] ?? '')}${match[3] ?? 'Z'}`);
  return Number.isNaN(milliseconds) ? undefined : BigInt(milliseconds) * 1_000_000n + nanosecondsOf(match[2]);
}

/** A date without a time, or without minutes or seconds, as Docker takes it too. */
function completeDate(text: string): string {
  return `${text}${'0000-00-00T00:00:00'.slice(text.length)}`;
}

const units: Readonly<Record<string, number>> = { h: 3600e9, m: 60e9, s: 1e9, ms: 1e6, us: 1e3, ns: 1 };

function fromDuration(text: string): bigint | undefined {
  if (!/^(\d+(\.\d+)?(h|ms|m|s|us|ns))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s|us|ns)/g)];
  const length = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0);
  return nowInNanoseconds() - BigInt(Math.round(length));
}

/** What the steady clock lacks to the wall clock, in nanoseconds. */
let offset = BigInt(Math.round(performance.timeOrigin * 1e6)) - (process.hrtime.bigint() - steadyNow());

function steadyNow(): bigint {
  return BigInt(Math.round(performance.now() * 1e6));
}

/** Nanoseconds since the epoch: the wall clock, refined by the steady clock below a millisecond. */
export function nowInNanoseconds(): bigint {
  const wall = BigInt(Date.now()) * 1_000_000n;
  const refined = process.hrtime.bigint() + offset;
  const apart = refined - wall;
  if (apart > -1_000_000n && apart < 2_000_000n) return refined;
  /* Somebody set the clock. */
  offset += wall - refined;
  return wall;
}
