/** Goes through a log line by line, from one file to the next as it is rotated. */
import { closeLogFiles, currentIdentity, openLogFiles, openSuccessor } from './files.ts';
import type { LogFile } from './log-file.ts';

/** Whole lines; the bytes are another's with the next call. */
export interface LogLines {
  bytes: Buffer;
  /** They end here, after a newline. */
  end: number;
}

/** A place between two lines. */
export interface LogPlace {
  /** Of the file. */
  identity: string;
  offset: number;
}

export interface CursorStart {
  /** Of the files that are there, from the oldest on. */
  file: number;
  position: number;
}

/** No line of a log is that long: whatever it is, it is dropped. */
const longestLine = 16 * 1024 * 1024;
const newline = 0x0a;

export class LogCursor {
  readonly #path: string;
  readonly #follows: boolean;
  readonly #later: LogFile[];
  #file: LogFile | undefined;
  #position: number;
  #chunk: Buffer;
  #gap = false;

  private constructor(
    path: string,
    follows: boolean,
    files: LogFile[],
    start: CursorStart,
    chunkSize: number,
  ) {
    this.#path = path;
    this.#follows = follows;
    this.#later = files.slice(start.file);
    this.#file = this.#later.shift();
    this.#position = start.position;
    this.#chunk = Buffer.allocUnsafeSlow(chunkSize);
  }

  /**
   * Opens the files that are there; `choose` tells where to begin. One that follows goes on to files that come later; one that does not
   * ends where the last one ended just now. `chunkSize` in bytes.
   */
  static async open(
    path: string,
    options: { follows: boolean; chunkSize: number },
    choose: (files: readonly LogFile[]) => Promise<CursorStart> | CursorStart,
  ): Promise<LogCursor> {
    const files = await openLogFiles(path);
    try {
      const start = await choose(files);
      await closeLogFiles(files.slice(0, start.file));
      return new LogCursor(path, options.follows, files, start, options.chunkSize);
    } catch (error) {
      await closeLogFiles(files);
      throw error;
    }
  }

  /** Just after the lines that came last; undefined where there is no file yet. */
  get place(): LogPlace | undefined {
    return this.#file === undefined ? undefined : { identity: this.#file.identity, offset: this.#position };
  }

  /** True once after lines were met no more: they were rotated away before they were read. */
  takeGap(): boolean {
    const gap = this.#gap;
    this.#gap = false;
    return gap;
  }

  /** The next whole lines, or undefined where there are none (yet). A last line that isn't whole is left out. */
  async next(): Promise<LogLines | undefined> {
    for (;;) {
      const lines = await this.#read();
      if (lines !== undefined) return lines;
      const successor = await this.#successor();
      if (successor === undefined) return undefined;
      /* Nobody writes to a file after it was rotated: now its end is its end. */
      const rest = await this.#read();
      if (rest !== undefined) {
        this.#later.unshift(successor);
        return rest;
      }
      await this.#file?.close();
      this.#file = successor;
      this.#position = 0;
    }
  }

  async close(): Promise<void> {
    await closeLogFiles(this.#file === undefined ? this.#later : [this.#file, ...this.#later]);
  }

  async #successor(): Promise<LogFile | undefined> {
    const next = this.#later.shift();
    if (next !== undefined || !this.#follows) return next;
    const identity = await currentIdentity(this.#path);
    if (identity === undefined || identity === this.#file?.identity) return undefined;
    const successor = await openSuccessor(this.#path, this.#file?.identity);
    if (successor?.gap === true) this.#gap = true;
    return successor?.file;
  }

  /** Somebody made the file shorter: it is read from its beginning. */
  async #wasEmptied(): Promise<boolean> {
    if (this.#file === undefined || (await this.#file.currentSize()) >= this.#position) return false;
    this.#position = 0;
    return true;
  }

  async #read(): Promise<LogLines | undefined> {
    const file = this.#file;
    const isLive = this.#follows && this.#later.length === 0;
    for (;;) {
      const left = isLive || file === undefined ? this.#chunk.length : file.size - this.#position;
      const wanted = Math.min(this.#chunk.length, left);
      const length =
        file === undefined || wanted <= 0 ? 0 : await file.read(this.#chunk, wanted, this.#position);
      if (length === 0 && isLive && (await this.#wasEmptied())) continue;
      if (length === 0) return undefined;
      const end = this.#chunk.lastIndexOf(newline, length - 1) + 1;
      if (end > 0) {
        this.#position += end;
        return { bytes: this.#chunk, end };
      }
      if (length < this.#chunk.length) return undefined;
      if (length >= longestLine) this.#position += length;
      else this.#chunk = Buffer.allocUnsafeSlow(this.#chunk.length * 4);
    }
  }
}
