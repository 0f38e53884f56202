/** Turns lines of a log into messages for receivers elsewhere. */
import { randomBytes } from 'node:crypto';
import type { ProcessStream } from '../../runtime/runtime-types.ts';
import type { LogLines } from './cursor.ts';
import { type LogBatch, LogDecoder } from './decoder.ts';
import type { LogMessage, PartialMessage } from './remote/sink.ts';
import { type LogTime, logTimeOf, readLogTime } from './time.ts';

/** `2026-01-31T12:00:00.123456789Z ` */
const timeLength = 31;
/** Pieces of long messages have 16 KiB, less up to three bytes of a character that was not to be cut. */
const shortestPiece = 16 * 1024 - 3;
const newline = 0x0a;

export class MessageReader {
  readonly #decoder = new LogDecoder({
    stdout: true,
    stderr: true,
    timestamps: true,
    prefix: '',
    headRoom: 0,
  });
  readonly #open = new Map<ProcessStream, PartialMessage>();

  read({ bytes, end }: LogLines): LogMessage[] {
    return this.#decoder.decode(bytes, 0, end).flatMap((batch) => this.#messages(batch));
  }

  #messages({ stream, data, ends }: LogBatch): LogMessage[] {
    return ends.map((end, index) => {
      const start = index === 0 ? 0 : (ends[index - 1] ?? 0);
      const time = readLogTime(data, start, start + timeLength - 1) ?? now();
      const isWhole = data[end - 1] === newline && end > start + timeLength;
      const text = data.subarray(start + timeLength, isWhole ? end - 1 : end);
      const partial = this.#partialOf(stream, isWhole, text.length);
      return { stream, text, time, ...(partial === undefined ? {} : { partial }) };
    });
  }

  #partialOf(stream: ProcessStream, isWhole: boolean, length: number): PartialMessage | undefined {
    const before = this.#open.get(stream);
    const last = isWhole || length < shortestPiece;
    if (before === undefined && last) return undefined;
    const partial = {
      id: before?.id ?? randomBytes(32).toString('hex'),
      ordinal: (before?.ordinal ?? 0) + 1,
      last,
    };
    if (last) this.#open.delete(stream);
    else this.#open.set(stream, partial);
    return partial;
  }
}

function now(): LogTime {
  return logTimeOf(BigInt(Date.now()) * 1_000_000n);
}
