/** Answers that are streams: headers go out at once, a slow client is waited for, a client that is gone ends it. */

import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { encodeJsonLine } from '../wire/json-stream.ts';
import type { ProgressMessage } from '../wire/progress-message.ts';
import type { Call } from './call.ts';
import { textOf } from './http-status.ts';

/** Sends status 200 and the headers, before any data is there. */
export function openStream(call: Call, contentType: string): void {
  call.hijack();
  call.response.writeHead(200, { 'Content-Type': contentType });
  call.response.flushHeaders();
}

/** Writes and waits while the reader is behind. False once it is gone. */
export async function writeThrough(target: Writable, data: Uint8Array | string): Promise<boolean> {
  if (target.destroyed || target.writableEnded) return false;
  if (target.write(data)) return true;
  const gone = new AbortController();
  try {
    await Promise.race([once(target, 'drain', gone), once(target, 'close', gone)]);
  } finally {
    gone.abort();
  }
  return !target.destroyed;
}

/**
 * Answers with a tar, as fast as the client takes it. The headers go out with its first bytes, so that what fails before them gets a
 * status of its own; what fails later cuts the connection off.
 */
export async function sendArchive(call: Call, tar: Readable): Promise<void> {
  const giveUp = (): void => void tar.destroy(new EngineError('cancelled', 'the client went away'));
  call.signal.addEventListener('abort', giveUp, { once: true });
  let isOpen = false;
  try {
    for await (const chunk of tar) {
      if (!isOpen) openStream(call, 'application/x-tar');
      isOpen = true;
      if (!(await writeThrough(call.response, chunk))) return;
    }
    if (!isOpen) openStream(call, 'application/x-tar');
    call.response.end();
  } finally {
    call.signal.removeEventListener('abort', giveUp);
  }
}

/**
 * The stream of JSON lines that pull, load and import answer with. The headers go out with the first line, so that what
 * fails before it still gets a status of its own; what fails later is said in the last line.
 */
export class ProgressStream {
  readonly #call: Call;
  #open = false;

  constructor(call: Call) {
    this.#call = call;
  }

  /** Writes one line. Where the client is behind, lines that only move a bar are left out. */
  send(message: ProgressMessage): void {
    if (!this.#open) {
      openStream(this.#call, 'application/json');
      this.#open = true;
    }
    const { response } = this.#call;
    if (response.destroyed || (response.writableNeedDrain && message.progressDetail?.total !== undefined))
      return;
    response.write(encodeJsonLine(message));
  }

  /** Runs `work`, then ends the stream. Throws what `work` throws where no line was sent before. */
  async run(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (!this.#open) openStream(this.#call, 'application/json');
    } catch (error) {
      if (!this.#open) throw withoutLogin(error);
      const code = isEngineError(error) ? error.details['exitCode'] : undefined;
      const detail = typeof code === 'number' ? { code } : {};
      this.send({ errorDetail: { ...detail, message: textOf(error) }, error: textOf(error) });
    }
    this.#call.response.end();
  }
}

/** For a registry's 401 as the daemon's own, docker's client would ask for a password, also where nobody can answer. */
function withoutLogin(error: unknown): unknown {
  if (!isEngineError(error, 'unauthorized')) return error;
  const { message, hint } = error;
  return new EngineError('internal', message, { cause: error, ...(hint === undefined ? {} : { hint }) });
}
