/** Reads a log for clients, from a place in it to its end, and follows it from there. */

import { nowInNanoseconds } from '../time-bound.ts';
import { LogChanges } from './changes.ts';
import { LogCursor } from './cursor.ts';
import { type DecodeOptions, type LogBatch, LogDecoder } from './decoder.ts';
import { tailStart } from './tail-start.ts';

export interface ReadLogOptions extends DecodeOptions {
  /** Messages from the end; undefined for all. */
  tail: number | undefined;
  /**
   * Where given, goes on with what is written later, until the promise that this returns settles and all was read. Its signal aborts
   * when the reader is done, so that nobody remembers readers that are gone.
   */
  follow?: ((over: AbortSignal) => Promise<unknown>) | undefined;
}

const chunkSize = 256 * 1024;

/** Batches in order, at the pace of the reader. Ends when `signal` aborts. A last line that isn't whole (yet) is left out. */
export async function* readLog(
  path: string,
  options: ReadLogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogBatch, void, undefined> {
  const changes = options.follow === undefined ? undefined : new LogChanges(path);
  let cursor: LogCursor | undefined;
  try {
    const { tail } = options;
    cursor = await LogCursor.open(path, { follows: changes !== undefined, chunkSize }, (files) =>
      tail === undefined ? { file: 0, position: 0 } : tailStart(files, tail),
    );
    const decoder = new LogDecoder(options);
    if (changes === undefined) yield* readOn(cursor, decoder, signal);
    else yield* follow(cursor, decoder, options, changes, signal);
  } finally {
    changes?.close();
    await cursor?.close();
  }
}

/** What is there now. */
async function* readOn(
  cursor: LogCursor,
  decoder: LogDecoder,
  signal: AbortSignal,
): AsyncGenerator<LogBatch, void, undefined> {
  while (!signal.aborted && !decoder.done) {
    const lines = await cursor.next();
    if (lines === undefined) return;
    yield* decoder.decode(lines.bytes, 0, lines.end);
  }
}

async function* follow(
  cursor: LogCursor,
  decoder: LogDecoder,
  options: ReadLogOptions,
  changes: LogChanges,
  signal: AbortSignal,
): AsyncGenerator<LogBatch, void, undefined> {
  let ended = false;
  const end = (): void => {
    ended = true;
    changes.notify();
  };
  const wake = (): void => changes.notify();
  const over = new AbortController();
  options.follow?.(over.signal).then(end, end);
  signal.addEventListener('abort', wake, { once: true });
  try {
    while (!signal.aborted && !decoder.done) {
      /* Asked before reading: what was written before the end is read after it. */
      const wasEnded = ended;
      yield* readOn(cursor, decoder, signal);
      if (wasEnded || timeLeft(options) <= 0) return;
      await changes.wait(timeLeft(options));
    }
  } finally {
    signal.removeEventListener('abort', wake);
    over.abort();
  }
}

/** Milliseconds until `until`. */
function timeLeft({ until }: ReadLogOptions): number {
  if (until === undefined) return Number.POSITIVE_INFINITY;
  return until.seconds * 1000 + until.nanoseconds / 1e6 - Number(nowInNanoseconds() / 1_000_000n) + 1;
}
