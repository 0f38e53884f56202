/** A client of a process's streams, on a connection of its own. */
import { Writable } from 'node:stream';
import { EngineError } from '../errors/engine-error.ts';
import { encodeFrame, type Frame } from '../host/frame.ts';
import type { Attachment, AttachOptions, ProcessStream } from './runtime-types.ts';
import { findShim, type ShimConnection, shimEvents, shimRequests } from './shim-connection.ts';

type Chunk = { stream: ProcessStream; data: Buffer };

/** Bytes that wait here before the socket is paused; the shim keeps the rest. */
const highWater = 1 << 20;
/** Bytes of one frame of input. */
const inputFrame = 256 << 10;

/** Attaches to the process of a shim's directory. Resolves once the shim has it: no output after that is missed. `not-found` where the process has ended. */
export async function attachTo(directory: string, options: AttachOptions): Promise<Attachment> {
  const connection = await findShim(directory);
  if (connection === undefined) throw new EngineError('not-found', 'cannot attach: the process has ended');
  const output = new OutputQueue(connection);
  await connection.request(shimRequests.attach, [
    [1, Number(options.stdin)],
    [2, Number(options.stdout)],
    [3, Number(options.stderr)],
  ]);
  const detach = (): void => {
    output.end();
    connection.close();
  };
  return options.stdin ? { output, input: inputOf(connection), detach } : { output, detach };
}

/** Output in order, read by one reader. Pauses the connection while the reader lags. */
class OutputQueue implements AsyncIterable<Chunk> {
  readonly #connection: ShimConnection;
  #chunks: Chunk[] = [];
  #waiting = 0;
  #ended = false;
  #failure: EngineError | undefined;
  #wake = Promise.withResolvers<void>();

  constructor(connection: ShimConnection) {
    this.#connection = connection;
    connection.onOutput = (frame) => this.#push(frame);
    void connection.exit.then(async (status) => {
      // A process that was never started ends its streams by being released.
      this.#finish(status !== undefined || (await connection.released));
    });
  }

  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Chunk> {
    for (;;) {
      const chunks = this.#chunks;
      this.#chunks = [];
      this.#waiting = 0;
      this.#connection.socket.resume();
      yield* chunks;
      if (this.#chunks.length > 0) continue;
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#ended) return;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers<void>();
    }
  }

  #push(frame: Frame): void {
    this.#chunks.push({ stream: frame.type === shimEvents.stdout ? 'stdout' : 'stderr', data: frame.body });
    this.#waiting += frame.body.length;
    if (this.#waiting > highWater) this.#connection.socket.pause();
    this.#wake.resolve();
  }

  /** A shim drops a client that lags by more than the limit; its connection closes without word of the process's end. */
  #finish(properly: boolean): void {
    if (!properly && !this.#ended)
      this.#failure = new EngineError('data-loss', "the rest of the process's output was lost", {
        hint: 'Read the output faster, or read it from the log.',
      });
    this.#ended = true;
    this.#wake.resolve();
    // All its output came before, and nobody writes to a process that has ended.
    this.#connection.close();
  }
}

/** What is written after the process's end is dropped, as a closed pipe would. */
function inputOf({ socket }: ShimConnection): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (socket.destroyed) return done();
      for (let at = 0; at < chunk.length; at += inputFrame) {
        const part = chunk.subarray(at, at + inputFrame);
        const last = at + inputFrame >= chunk.length;
        socket.write(encodeFrame(shimRequests.stdin, 0, part), last ? () => done() : undefined);
      }
      if (chunk.length === 0) done();
    },
    final(done) {
      if (socket.destroyed) return done();
      socket.write(encodeFrame(shimRequests.stdinEnd, 0), () => done());
    },
  });
}
