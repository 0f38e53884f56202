/** One file of a log, whichever way it is on disk. */

export interface LogFile {
  /** Tells it from all others of this log, the same before and after it is compressed. */
  readonly identity: string;
  /** Bytes of text when it was opened. */
  readonly size: number;
  /** Reads text into `buffer`; returns how many bytes, 0 at the end. */
  read(buffer: Buffer, length: number, position: number): Promise<number>;
  /** Bytes of text now. */
  currentSize(): Promise<number>;
  close(): Promise<void>;
}
