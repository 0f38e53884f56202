/** Reads a json-file log from a place in it to its end, across rotated files, and follows it from there. */

import { nowInNanoseconds } from '../time-bound.ts';
import { LogChanges } from './changes.ts';
import { type DecodeOptions, type LogBatch, LogDecoder } from './decoder.ts';
import { closeLogFiles, inodeOf, type LogFile, openLogFiles, openSuccessor, tailStart } from './files.ts';

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
/** No line of a log is that long: whatever it is, it is dropped. */
const longestLine = 16 * 1024 * 1024;
const newline = 0x0a;

/** Batches in order, at the pace of the reader. Ends when `signal` aborts. A last line that isn't whole (yet) is left out. */
export async function* readLog(
  path: string,
  options: ReadLogOptions,
  signal: AbortSignal,
): AsyncGenerator<LogBatch, void, undefined> {
  const changes = options.follow === undefined ? undefined : new LogChanges(path);
  let files: LogFile[] = [];
  try {
    files = await openLogFiles(path);
    const decoder = new LogDecoder(options);
    const start = await startOf(files, options.tail);
    let last: Cursor | undefined;
    for (const [index, file] of files.entries()) {
      if (index < start.file) continue;
      last = new Cursor(file, index === start.file ? start.position : 0);
      const limit =
        changes !== undefined && index === files.length - 1 ? Number.POSITIVE_INFINITY : file.size;
      yield* last.read(decoder, limit, signal);
    }
    if (changes !== undefined) yield* follow(path, last, decoder, options, changes, signal);
  } finally {
    changes?.close();
    await closeLogFiles(files);
  }
}

async function startOf(
  files: readonly LogFile[],
  tail: number | undefined,
): Promise<{ file: number; position: number }> {
  return tail === undefined ? { file: 0, position: 0 } : await tailStart(files, tail);
}

async function* follow(
  path: string,
  start: Cursor | undefined,
  decoder: LogDecoder,
  options: ReadLogOptions,
  changes: LogChanges,
  signal: AbortSignal,
): AsyncGenerator<LogBatch, void, undefined> {
  const opened: LogFile[] = [];
  let cursor = start;
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
      if (cursor !== undefined) yield* cursor.read(decoder, Number.POSITIVE_INFINITY, signal);
      const next = await successor(path, cursor);
      if (next !== undefined) {
        /* Nobody writes to a file after it was rotated: now its end is its end. */
        if (cursor !== undefined) yield* cursor.read(decoder, Number.POSITIVE_INFINITY, signal);
        await closeLogFiles(opened.splice(0));
        opened.push(next);
        cursor = new Cursor(next, 0);
      } else if (wasEnded || timeLeft(options) <= 0) return;
      else await changes.wait(timeLeft(options));
    }
  } finally {
    signal.removeEventListener('abort', wake);
    over.abort();
    await closeLogFiles(opened);
  }
}

async function successor(path: string, cursor: Cursor | undefined): Promise<LogFile | undefined> {
  const inode = await inodeOf(path);
  if (inode === undefined || inode === cursor?.file.inode) return undefined;
  return openSuccessor(path, cursor?.file.inode ?? -1);
}

/** Milliseconds until `until`. */
function timeLeft({ until }: ReadLogOptions): number {
  if (until === undefined) return Number.POSITIVE_INFINITY;
  return until.seconds * 1000 + until.nanoseconds / 1e6 - Number(nowInNanoseconds() / 1_000_000n) + 1;
}

/** A place in one file, always at the beginning of a line. */
class Cursor {
  readonly file: LogFile;
  #position: number;

  constructor(file: LogFile, position: number) {
    this.file = file;
    this.#position = position;
  }

  /** The whole lines from here to the end of the file, or to `limit`. */
  async *read(
    decoder: LogDecoder,
    limit: number,
    signal: AbortSignal,
  ): AsyncGenerator<LogBatch, void, undefined> {
    let chunk = Buffer.allocUnsafeSlow(chunkSize);
    while (!signal.aborted && !decoder.done && this.#position < limit) {
      const wanted = Math.min(chunk.length, limit - this.#position);
      const { bytesRead } = await this.file.handle.read(chunk, 0, wanted, this.#position);
      if (bytesRead === 0) return;
      const end = chunk.lastIndexOf(newline, bytesRead - 1) + 1;
      if (end > 0) {
        this.#position += end;
        yield* decoder.decode(chunk, 0, end);
      } else if (bytesRead < chunk.length) return;
      else if (chunk.length >= longestLine) this.#position += bytesRead;
      else chunk = Buffer.allocUnsafeSlow(chunk.length * 4);
    }
  }
}
