/** Times in log files, read and compared byte by byte: a log has millions of them. */

/** Seconds and nanoseconds since the epoch: one number can't hold both. */
export interface LogTime {
  seconds: number;
  nanoseconds: number;
}

export function logTimeOf(nanoseconds: bigint): LogTime {
  return { seconds: Number(nanoseconds / 1_000_000_000n), nanoseconds: Number(nanoseconds % 1_000_000_000n) };
}

/** Negative where `one` is earlier. */
export function compareLogTimes(one: LogTime, other: LogTime): number {
  return one.seconds - other.seconds || one.nanoseconds - other.nanoseconds;
}

/** `2026-01-31T12:00:00.123456789Z` */
export function printLogTime({ seconds, nanoseconds }: LogTime): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}Z`;
}

/** `2026-01-31T12:00:00.123456789Z` in `bytes[start, end)`; undefined for anything else, zones other than Z included. */
export function readLogTime(bytes: Buffer, start: number, end: number): LogTime | undefined {
  const number = (from: number, length: number): number => digits(bytes, start + from, start + from + length);
  if (end - start < 20 || bytes[end - 1] !== 0x5a) return undefined;
  const days = daysSinceEpoch(number(0, 4), number(5, 2), number(8, 2));
  const seconds = days * 86_400 + number(11, 2) * 3600 + number(14, 2) * 60 + number(17, 2);
  const fraction = Math.min(end - 1 - (start + 20), 9);
  const nanoseconds =
    fraction <= 0 ? 0 : digits(bytes, start + 20, start + 20 + fraction) * 10 ** (9 - fraction);
  return Number.isNaN(seconds + nanoseconds) ? undefined : { seconds, nanoseconds };
}

/** NaN where there is anything but digits. */
function digits(bytes: Buffer, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index += 1) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Of the Gregorian calendar, counted from March so that leap days come last (howardhinnant.github.io/date_algorithms.html). */
function daysSinceEpoch(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
