/** PAX extended headers (POSIX pax(1), "pax Extended Header"): records, and the values that Gantry reads of them. */
import { type Timestamp, tarError } from './tar-entry.ts';

/** In order; keys may repeat (GNU's sparse format 0.0 does). */
export type PaxRecords = ReadonlyArray<readonly [key: string, value: Buffer]>;

const space = 0x20;
const newline = 0x0a;
const equals = 0x3d;

/** Splits a body of `LENGTH KEY=VALUE\n` records. EngineError `invalid-argument` where a length or a key is wrong. */
export function parsePax(body: Buffer): PaxRecords {
  const records: Array<readonly [string, Buffer]> = [];
  let position = 0;
  while (position < body.length) {
    const gap = body.indexOf(space, position);
    const digits = gap === -1 ? '' : body.toString('latin1', position, gap);
    if (!/^[0-9]{1,9}$/.test(digits)) throw tarError();
    const end = position + Number(digits);
    const assign = body.indexOf(equals, gap + 1);
    if (end > body.length || body[end - 1] !== newline || assign === -1 || assign >= end) throw tarError();
    const key = body.toString('utf8', gap + 1, assign);
    if (key === '') throw tarError();
    records.push([key, Buffer.from(body.subarray(assign + 1, end - 1))]);
    position = end;
  }
  return records;
}

/** A whole number that is not negative. */
export function paxNumber(value: Buffer): number {
  const digits = value.toString('latin1');
  const number = Number(digits);
  if (!/^[0-9]{1,16}$/.test(digits) || !Number.isSafeInteger(number)) throw tarError();
  return number;
}

/** Seconds with any number of decimals, cut to nanoseconds. */
export function paxTime(value: Buffer): Timestamp {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(value.toString('latin1'));
  if (match === null) throw tarError();
  const whole = Number(match[2]);
  const nanoseconds = Number((match[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (match[1] === '') return { seconds: whole, nanoseconds };
  return nanoseconds === 0
    ? { seconds: -whole, nanoseconds: 0 }
    : { seconds: -whole - 1, nanoseconds: 1_000_000_000 - nanoseconds };
}

/** A path: without NUL, which no file system can hold. */
export function paxPath(value: Buffer): Buffer {
  if (value.includes(0)) throw tarError();
  return value;
}
