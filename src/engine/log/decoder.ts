/** Turns Docker's json-file format into messages for clients: a pass over the bytes, without an object for each line. */
import type { ProcessStream } from '../../runtime/runtime-types.ts';
import { decodeOddLine } from './odd-line.ts';
import { compareLogTimes, type LogTime, readLogTime } from './time.ts';
import { copyUnescaped } from './unescape.ts';

/** Whole messages of one stream, one after the other. */
export interface LogBatch {
  stream: ProcessStream;
  data: Buffer;
  /** Offset in `data` just after each message (and before the room for the next one's header). */
  ends: number[];
}

export interface DecodeOptions {
  stdout: boolean;
  stderr: boolean;
  /** Put the time before each message, with nine decimals. */
  timestamps: boolean;
  /** Put before each message, after the time. */
  prefix: string;
  /** What stands before the time of each line, as the shim was told; '' or undefined for nothing. */
  attributes?: string;
  /** Bytes left free before each message, for a header that the reader writes there. */
  headRoom: number;
  since?: LogTime | undefined;
  until?: LogTime | undefined;
}

const opening = Buffer.from('{"log":"');
/** What stands between message and time. */
interface Middle {
  stream: ProcessStream;
  bytes: Buffer;
}

function middlesOf(attributes: string): Middle[] {
  return (['stdout', 'stderr'] as const).map((stream) => ({
    stream,
    bytes: Buffer.from(`","stream":"${stream}",${attributes}"time":"`),
  }));
}

const plainMiddles = middlesOf('');
const longestTime = 40;
/** `2026-01-31T12:00:00.123456789Z ` */
const printedTime = 31;
const batchSize = 64 * 1024;
const [newline, quote, brace, zero, dot] = [0x0a, 0x22, 0x7d, 0x30, 0x2e];

/** Where the parts of a line are. */
interface LineParts {
  stream: ProcessStream;
  logStart: number;
  logEnd: number;
  timeStart: number;
  timeEnd: number;
}

export class LogDecoder {
  readonly #options: DecodeOptions;
  readonly #prefix: Buffer;
  readonly #middles: readonly Middle[];
  #batches: LogBatch[] = [];
  #stream: ProcessStream = 'stdout';
  #out: Buffer = Buffer.alloc(0);
  #length = 0;
  #ends: number[] = [];
  #done = false;

  constructor(options: DecodeOptions) {
    this.#options = options;
    this.#prefix = Buffer.from(options.prefix);
    const attributes = options.attributes ?? '';
    this.#middles = attributes === '' ? plainMiddles : [...middlesOf(attributes), ...plainMiddles];
  }

  /** A message later than `until` was met: there is no more to come. */
  get done(): boolean {
    return this.#done;
  }

  /** Decodes whole lines: `bytes[start, end)` ends after a newline. */
  decode(bytes: Buffer, start: number, end: number): LogBatch[] {
    for (let from = start; from < end && !this.#done; ) {
      const to = bytes.indexOf(newline, from);
      this.#decodeLine(bytes, from, to);
      from = to + 1;
    }
    this.#flush();
    const batches = this.#batches;
    this.#batches = [];
    return batches;
  }

  /** `end` is the newline's own place. */
  #decodeLine(bytes: Buffer, start: number, end: number): void {
    const parts = partsOf(bytes, start, end, this.#middles);
    if (parts === undefined) {
      this.#decodeOdd(bytes.subarray(start, end));
      return;
    }
    if (!this.#options[parts.stream] || !this.#isInTime(bytes, parts)) return;
    this.#makeRoom(parts.stream, parts.logEnd - parts.logStart);
    const before = this.#length;
    this.#writeHead(bytes, parts);
    const length = copyUnescaped(bytes, parts.logStart, parts.logEnd, this.#out, this.#length);
    if (length < 0) {
      /* A quote within the message: two lines that a crash made one. */
      this.#length = before;
      this.#decodeOdd(bytes.subarray(start, end));
      return;
    }
    this.#length = length;
    this.#ends.push(length);
  }

  /** A line of another shape, such as one with attributes, written anew in the usual one. */
  #decodeOdd(line: Buffer): void {
    const usual = decodeOddLine(line);
    if (usual !== undefined) this.#decodeLine(usual, 0, usual.length - 1);
  }

  #isInTime(bytes: Buffer, { timeStart, timeEnd }: LineParts): boolean {
    const { since, until } = this.#options;
    if (since === undefined && until === undefined) return true;
    const time = readLogTime(bytes, timeStart, timeEnd);
    if (time === undefined) return true;
    if (until !== undefined && compareLogTimes(time, until) > 0) this.#done = true;
    return !this.#done && (since === undefined || compareLogTimes(time, since) >= 0);
  }

  #makeRoom(stream: ProcessStream, messageLength: number): void {
    const needed = this.#options.headRoom + printedTime + this.#prefix.length + messageLength;
    if (stream !== this.#stream || this.#length + needed > this.#out.length) this.#flush();
    this.#stream = stream;
    if (this.#out.length === 0) this.#out = Buffer.allocUnsafeSlow(Math.max(batchSize, needed));
  }

  #writeHead(bytes: Buffer, { timeStart, timeEnd }: LineParts): void {
    this.#length += this.#options.headRoom;
    if (this.#options.timestamps)
      this.#length = writeTime(bytes, timeStart, timeEnd, this.#out, this.#length);
    this.#length += this.#prefix.copy(this.#out, this.#length);
  }

  #flush(): void {
    if (this.#ends.length === 0) return;
    this.#batches.push({ stream: this.#stream, data: this.#out.subarray(0, this.#length), ends: this.#ends });
    this.#out = Buffer.alloc(0);
    this.#length = 0;
    this.#ends = [];
  }
}

/** The parts of a line of the usual shape: `{"log":"…","stream":"stdout","time":"…"}`, perhaps with attributes before the time. */
function partsOf(
  bytes: Buffer,
  start: number,
  end: number,
  middles: readonly Middle[],
): LineParts | undefined {
  const timeEnd = end - 2;
  if (bytes[end - 1] !== brace || bytes[timeEnd] !== quote || !hasAt(bytes, opening, start)) return undefined;
  let timeStart = timeEnd;
  while (timeEnd - timeStart < longestTime && bytes[timeStart - 1] !== quote) timeStart -= 1;
  const logStart = start + opening.length;
  for (const { stream, bytes: middle } of middles) {
    const logEnd = timeStart - middle.length;
    if (logEnd >= logStart && hasAt(bytes, middle, logEnd))
      return { stream, logStart, logEnd, timeStart, timeEnd };
  }
  return undefined;
}

function hasAt(bytes: Buffer, text: Buffer, at: number): boolean {
  for (let index = text.length - 1; index >= 0; index -= 1) {
    if (bytes[at + index] !== text[index]) return false;
  }
  return true;
}

/** Writes the time with nine decimals and a space; returns the place after it. A time of an odd shape is copied as it is. */
function writeTime(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
  let length = at;
  const whole = Math.min(start + 19, end);
  for (let index = start; index < whole; index += 1) out[length++] = bytes[index] ?? zero;
  out[length++] = dot;
  const hasFraction = bytes[whole] === dot;
  let index = hasFraction ? whole + 1 : whole;
  for (let decimals = 0; decimals < 9; decimals += 1) {
    const byte = bytes[index] ?? 0;
    const isDigit = index < end && byte >= zero && byte <= zero + 9;
    out[length++] = isDigit ? byte : zero;
    if (isDigit) index += 1;
  }
  out[length++] = 0x5a;
  out[length++] = 0x20;
  return length;
}
