/** Moves bytes between a client and an attached process, in both directions, each at the pace of its reader. */
import type { Readable, Writable } from 'node:stream';
import type { AttachSession } from '../engine/attach-session.ts';
import { frameHeader, multiplexedContentType, rawContentType } from '../wire/raw-stream.ts';
import { type Call, speaks } from './call.ts';
import { writeThrough } from './stream-response.ts';

/** What a stream is called to the client: before 1.42 all of them were "raw". */
export function streamContentType(call: Pick<Call, 'version'>, tty: boolean): string {
  return tty || !speaks(call, '1.42') ? rawContentType : multiplexedContentType;
}

/** Hands `source` to the process. Its end closes the process's standard input, and leaves the output alone. */
export function pumpInput(source: Readable, session: AttachSession): void {
  const { input } = session;
  if (input === undefined) {
    source.resume();
    return;
  }
  /* A process that closed its standard input, or ended: what still comes is of no use. */
  const discard = (): void => {
    source.unpipe(input);
    source.resume();
  };
  input.on('error', discard).on('close', discard);
  source.pipe(input);
}

/** Hands the process's output to `target` until it ends or the client is gone. A terminal's bytes go unframed. */
export async function pumpOutput(session: AttachSession, target: Writable): Promise<void> {
  for await (const { stream, data } of session.output) {
    if (!(await writeChunk(target, session.tty, stream, data))) return;
  }
}

/** Writes one chunk, framed unless it is a terminal's. False once the reader is gone. */
export function writeChunk(
  target: Writable,
  tty: boolean,
  stream: 'stdin' | 'stdout' | 'stderr',
  data: Buffer,
): Promise<boolean> {
  if (tty) return writeThrough(target, data);
  target.cork();
  if (!target.writableEnded) target.write(frameHeader(stream, data.length));
  const written = writeThrough(target, data);
  target.uncork();
  return written;
}
