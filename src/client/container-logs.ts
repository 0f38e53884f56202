/** Reads what a container has logged. */
import type { ApiClient } from './api-client.ts';
import { type CallControl, timestampOf } from './call-control.ts';
import { hasTerminal } from './framing.ts';
import { HijackedStream } from './hijacked-stream.ts';
import { type OutputChunk, outputChunks } from './output-chunks.ts';
import { segment } from './query.ts';

export interface LogOptions extends CallControl {
  /** True unless told. */
  stdout?: boolean;
  /** True unless told. */
  stderr?: boolean;
  /** Go on until the container ends. */
  follow?: boolean;
  /** A date, seconds since the epoch, or RFC 3339. */
  since?: Date | number | string;
  until?: Date | number | string;
  /** Each line begins with its time. */
  timestamps?: boolean;
  details?: boolean;
  /** The last lines only. */
  tail?: number;
}

export async function* readLogs(
  api: ApiClient,
  id: string,
  { signal, since, until, ...options }: LogOptions,
): AsyncGenerator<OutputChunk, void> {
  const query = {
    stdout: true,
    stderr: true,
    ...options,
    since: timestampOf(since),
    until: timestampOf(until),
  };
  const response = await api.open('GET', `/containers/${segment(id)}/logs`, { query, signal });
  try {
    const tty = await hasTerminal(api, id, response.headers.get('content-type'), signal);
    yield* outputChunks(new HijackedStream(response, !tty).frames());
  } finally {
    response.socket.destroy();
  }
}
