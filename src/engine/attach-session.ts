/** One client's connection with a process: its output as it comes, its input, until the process ends or the client leaves. */
import type { Writable } from 'node:stream';
import type { Attachment, AttachOptions } from '../runtime/runtime-types.ts';

export interface OutputChunk {
  stream: 'stdin' | 'stdout' | 'stderr';
  data: Buffer;
}

export interface AttachSession {
  readonly tty: boolean;
  /** Ends when the process's streams end, or the client detaches. */
  readonly output: AsyncIterable<OutputChunk>;
  /** Present where the client asked for standard input and the process has one. */
  readonly input?: Writable;
  close(): void;
}

/** A session whose process doesn't run yet. */
export interface WaitingSession {
  readonly options: AttachOptions;
  connect(attachment: Attachment): void;
  /** There will be no process: the session ends. */
  cancel(): void;
}
