/** What a log driver that sends messages elsewhere is to the forwarder. */
import type { ProcessStream } from '../../../runtime/runtime-types.ts';
import type { LogTime } from '../time.ts';

/** Where a message that was cut stands among its pieces. */
export interface PartialMessage {
  /** The same for all pieces of a message. */
  id: string;
  /** From 1. */
  ordinal: number;
  last: boolean;
}

export interface LogMessage {
  stream: ProcessStream;
  /** UTF-8, without the newline at its end. */
  text: Buffer;
  time: LogTime;
  /** Only on messages longer than 16 KiB. */
  partial?: PartialMessage;
}

/** One connection to a receiver. */
export interface LogSink {
  /** Resolves when the receiver, or the kernel on its way there, has all of them. A failure says nothing of what has arrived: all are sent again. */
  send(messages: readonly LogMessage[]): Promise<void>;
  /** Aborts when the connection is lost. */
  readonly lost: AbortSignal;
  /** Milliseconds for which messages that were sent may still turn out to be lost; 0 where the receiver has confirmed them. */
  readonly doubtMs: number;
  close(): void;
}

/** Where and how the messages of one container are sent. */
export interface RemoteDriver {
  /** For messages to people: `syslog at tcp://…`. */
  readonly description: string;
  /** EngineError `unavailable` where there is no receiver. */
  open(): Promise<LogSink>;
  /** Milliseconds until the first attempt after a failure. */
  readonly retryMs: number;
  /** Attempts for one lot of messages before they are given up; Infinity for never. */
  readonly maxRetries: number;
  /** Milliseconds after which a connection is replaced by a new one; Infinity for never. */
  readonly reconnectMs: number;
  /** A start fails where there is no receiver. */
  readonly neededAtStart: boolean;
}

export const patientDriver = {
  retryMs: 1000,
  maxRetries: Number.POSITIVE_INFINITY,
  reconnectMs: Number.POSITIVE_INFINITY,
  neededAtStart: true,
} as const;
