/** The command line's own input and output: descriptors 0, 1 and 2, and what they are. */
import { createReadStream, fstatSync, write, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { EngineError, errnoOf } from '../errors/engine-error.ts';

/** Where a command writes. */
export interface Output {
  readonly isTerminal: boolean;
  /** Columns of the terminal; 0 where it is none. */
  columns(): number;
  /** Writes at once. */
  write(text: string | Uint8Array): void;
  /** Writes when the reader takes it, for streams. */
  send(data: Uint8Array): Promise<void>;
}

export interface Io {
  /** The stream is opened when it is first used. */
  stdin: { isTerminal: boolean; open(): Readable };
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
}

/** The code of the error that says that the reader of an output has gone. */
export const brokenPipe = 'the reader of the output has gone';

/** The process's own. */
export function processIo(): Io {
  return {
    stdin: { isTerminal: isatty(0), open: () => openStdin() },
    stdout: descriptorOutput(1, () => process.stdout.columns ?? 0),
    stderr: descriptorOutput(2, () => process.stderr.columns ?? 0),
    env: process.env,
  };
}

/**
 * Loading `node:tty` costs a fifth of a short command's time, so it is loaded only for what may be a terminal and is none of Linux's usual ones: by
 * the kernel's list of devices, major 4 are consoles and serial lines, 136 to 143 pseudo-terminals, 1 is /dev/null and the like.
 */
function isatty(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isCharacterDevice()) return false;
    const major = (stat.rdev >> 8) & 0xfff;
    if (process.platform === 'linux' && major === 1) return false;
    if (process.platform === 'linux' && (major === 4 || (major >= 136 && major <= 143))) return true;
    return process.getBuiltinModule('node:tty').isatty(descriptor);
  } catch {
    // A descriptor that is closed.
    return false;
  }
}

/** A pipe or a file is read by its descriptor: Bun's `process.stdin` now and then never tells the end of one that was paused. */
function openStdin(): Readable {
  return isatty(0) ? process.stdin : createReadStream('', { fd: 0, autoClose: false });
}

function descriptorOutput(descriptor: number, columns: () => number): Output {
  const isTerminal = isatty(descriptor);
  return {
    isTerminal,
    columns: () => (isTerminal ? columns() : 0),
    write: (text) => writeAll(descriptor, typeof text === 'string' ? Buffer.from(text) : text),
    send: (data) => sendAll(descriptor, data),
  };
}

function writeAll(descriptor: number, data: Uint8Array): void {
  let offset = 0;
  while (offset < data.length) {
    try {
      offset += writeSync(descriptor, data, offset);
    } catch (error) {
      if (errnoOf(error) !== 'EAGAIN') throw outputError(error);
      // Someone else made the descriptor non-blocking, and its reader is slow.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}

async function sendAll(descriptor: number, data: Uint8Array): Promise<void> {
  let offset = 0;
  while (offset < data.length) {
    const written = await writeSome(descriptor, data, offset);
    if (written === 0) await new Promise((resolve) => setTimeout(resolve, 2));
    offset += written;
  }
}

function writeSome(descriptor: number, data: Uint8Array, offset: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  write(descriptor, data, offset, (error, written) => {
    if (error === null) resolve(written);
    else if (error.code === 'EAGAIN') resolve(0);
    else reject(outputError(error));
  });
  return promise;
}

function outputError(error: unknown): unknown {
  return errnoOf(error) === 'EPIPE' ? new EngineError('cancelled', brokenPipe, { cause: error }) : error;
}
