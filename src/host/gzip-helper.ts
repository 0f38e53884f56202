/** Gzip by the native helper: twice to four times as fast as zlib, in a process that may do nothing but read and write. */
import { randomBytes } from 'node:crypto';
import { accessSync, closeSync, constants, mkdirSync, openSync, writeSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, errnoOf, isEngineError, messageOf } from '../errors/engine-error.ts';
import type { CommandResult, Launcher } from './launcher-types.ts';

export type GzipMode = 'compress' | 'decompress';

/** What a helper writes. `stop`, then `close`, must be called in the end. */
export interface GzipStream {
  /** To be read in blocking mode, from its beginning to its end. */
  readonly output: FileHandle;
  /** Known before a reader sees the end. EngineErrors: `data-loss` for broken data, `cancelled`, `unavailable`. */
  failure: EngineError | undefined;
  /** Ends the process where it still runs; whoever reads sees the end then. */
  stop(): Promise<void>;
  /** Nobody may read any more. */
  close(): Promise<void>;
}

/** What decompresses a file that is still being written. */
export interface FollowingGzipStream extends GzipStream {
  /** So many bytes of the file are there. */
  advance(length: number): void;
  /** No byte follows. */
  complete(): void;
}

const flags: Record<GzipMode, string> = { compress: '-c', decompress: '-d' };
const fifoMode = 0o010600;
/** Milliseconds for one file; a reader that is slow holds the helper up. */
const timeLimit = 6 * 3600 * 1000;
const exitUsage = 1;
const exitBroken = 2;

export interface GzipHelperOptions {
  launcher: Pick<Launcher, 'run' | 'fileOperations'>;
  /** The gantry-gzip binary. */
  program: string;
  /** Where its FIFOs are made. */
  directory: string;
}

export class GzipHelper {
  readonly #options: GzipHelperOptions;
  #isUsable: Promise<boolean> | undefined;

  constructor(options: GzipHelperOptions) {
    this.#options = options;
  }

  /** Is the helper there, and does it start? It needs ISA-L's library, which a host may lack. */
  isUsable(): Promise<boolean> {
    this.#isUsable ??= this.#try();
    return this.#isUsable;
  }

  /** Starts to work on the file `input`. Rejects with EngineError where the FIFO cannot be made. */
  async start(mode: GzipMode, input: string, signal?: AbortSignal): Promise<GzipStream> {
    return await this.#start([flags[mode], input], [], signal);
  }

  /** Decompresses the file `input`, as far as it is there at a time. As `start`. */
  async follow(input: string, signal?: AbortSignal): Promise<FollowingGzipStream> {
    const lengths = await this.#makeFifo();
    // Non-blocking: what does not fit is made up for by the next length, and by the end.
    const writer = openSync(lengths, constants.O_RDWR | constants.O_NONBLOCK);
    let isOpen = true;
    const complete = (): void => {
      if (isOpen) closeSync(writer);
      isOpen = false;
    };
    const stream = await this.#start(['-f', input], [lengths], signal).catch(async (error: unknown) => {
      complete();
      await rm(lengths, { force: true });
      throw error;
    });
    return Object.assign(stream, {
      advance: (length: number) => void (isOpen && writeLength(writer, length)),
      complete,
      close: joined(stream.close, async () => {
        complete();
        await rm(lengths, { force: true });
      }),
    });
  }

  async #start(before: string[], behind: string[], signal?: AbortSignal): Promise<GzipStream> {
    const path = await this.#makeFifo();
    // Held open for writing until the helper has ended: a reader sees no end before it, and always one after it.
    // Closed at once and not in the pool of threads: those may all be waiting for this very end.
    const keeper = openSync(path, constants.O_RDWR);
    const output = await open(path, constants.O_RDONLY);
    const controller = new AbortController();
    const either = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
    const stream: GzipStream = {
      output,
      failure: undefined,
      stop: async () => {
        controller.abort();
        await ended;
      },
      close: async () => {
        await output.close();
        await rm(path, { force: true });
      },
    };
    const ended = this.#run([...before, path, ...behind], either)
      .catch((error: unknown) => {
        stream.failure = isEngineError(error) ? error : new EngineError('internal', messageOf(error));
      })
      .finally(() => closeSync(keeper));
    return stream;
  }

  async #try(): Promise<boolean> {
    const { launcher, program, directory } = this.#options;
    try {
      accessSync(program, constants.X_OK);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      const { exitCode } = await launcher.run({ argv: [program] });
      return exitCode === exitUsage;
    } catch {
      return false;
    }
  }

  async #makeFifo(): Promise<string> {
    const { launcher, directory } = this.#options;
    const name = randomBytes(8).toString('hex');
    const failure = await launcher.fileOperations(directory, [
      { kind: 'mknod', path: name, mode: fifoMode, major: 0, minor: 0 },
    ]);
    if (failure === undefined) return join(directory, name);
    throw new EngineError('unavailable', `cannot make a FIFO in ${directory}: errno ${failure.errno}`);
  }

  async #run(args: readonly string[], signal?: AbortSignal): Promise<void> {
    const { launcher, program } = this.#options;
    const result = await launcher.run({
      argv: [program, ...args],
      timeoutMs: timeLimit,
      ...(signal === undefined ? {} : { signal }),
    });
    if (result.exitCode !== 0) throw failureOf(result);
  }
}

function joined(...ends: Array<() => Promise<void>>): () => Promise<void> {
  return async () => {
    for (const end of ends) await end();
  };
}

/** In the byte order of the host, which the helper shares. */
function writeLength(descriptor: number, length: number): void {
  try {
    writeSync(descriptor, new BigUint64Array([BigInt(length)]));
  } catch (error) {
    if (errnoOf(error) !== 'EAGAIN') throw error;
  }
}

function failureOf({ exitCode, signal, stderr }: CommandResult): EngineError {
  const text = stderr.toString().trim();
  if (exitCode === exitBroken) return new EngineError('data-loss', `broken gzip stream: ${text}`);
  const how = signal === null ? `status ${exitCode}` : `signal ${signal}`;
  return new EngineError('unavailable', `the gzip helper ended with ${how}${text === '' ? '' : `: ${text}`}`);
}
