/** A request that must be refused, and how. */

export interface WrongRequest {
  method: string;
  /** With query; without a version it is asked for as 1.51. */
  path: string;
  /** Bytes or text go out as they are, anything else as JSON. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  status: number;
  /** What the message must say. */
  says: RegExp;
}

/** Things that are there, for requests whose fault is elsewhere. */
export const present = {
  /** A container that was created and never started. */
  idle: 'idle',
  /** One that runs. */
  busy: 'busy',
  paused: 'paused',
  volume: 'present-volume',
  image: 'busybox',
} as const;
