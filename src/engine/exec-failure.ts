/** What a client of an exec that could not be started gets: the reason, in the place of output. */
import type { AttachSession, OutputChunk } from './attach-session.ts';

/** A session that says `message` on the standard output and ends. */
export function failedExecSession(tty: boolean, message: string): AttachSession {
  async function* output(): AsyncGenerator<OutputChunk, void, undefined> {
    yield { stream: 'stdout', data: Buffer.from(`${message}\r\n`) };
  }
  return { tty, output: output(), close: () => undefined };
}
