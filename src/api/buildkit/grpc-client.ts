/** Calls gRPC methods over a connection whose other end serves them: a build's client does, over its session. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import type { Message } from '../../wire/buildkit/protobuf.ts';
import { throwStatus } from './grpc-status.ts';
import { endTogether, http2Settings, readMessages, windowSize, writeMessage } from './grpc-stream.ts';

export type CallMetadata = Readonly<Record<string, string | readonly string[]>>;

/** A call whose messages go both ways. */
export interface ClientCall {
  messages: AsyncGenerator<Buffer, void>;
  send: (message: Uint8Array) => Promise<void>;
  /** Nothing more will be sent. */
  end: () => void;
  /** At any time; harmless after the call's end. */
  cancel: () => void;
}

export class GrpcClient {
  readonly #session: ClientHttp2Session;
  readonly #closed = new AbortController();

  constructor(connection: Duplex) {
    this.#session = connect('http://localhost', { ...http2Settings, createConnection: () => connection });
    this.#session.on('connect', () => this.#session.setLocalWindowSize(4 * windowSize));
    this.#session.on('error', () => this.#session.destroy());
    this.#session.on('close', () => {
      connection.destroy();
      this.#closed.abort(new EngineError('unavailable', "the build's client has closed its session"));
    });
    connection.on('close', () => this.#session.destroy());
    endTogether(connection);
  }

  /** Aborts when the connection ends. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  close(): void {
    this.#session.destroy();
  }

  /** EngineError with the code of the call's status, or `unavailable`. */
  async unary<Request, Response>(
    path: string,
    request: Message<Request>,
    response: Message<Response>,
    value: Partial<Request>,
    signal: AbortSignal,
    metadata: CallMetadata = {},
  ): Promise<Response> {
    const call = this.open(path, metadata, signal);
    await call.send(request.encode(value));
    call.end();
    let answer: Response | undefined;
    for await (const message of call.messages) answer = response.decode(message);
    if (answer === undefined) throw new EngineError('unavailable', `${path}: no answer`);
    return answer;
  }

  /** `messages` throws what the call's status says. */
  open(path: string, metadata: CallMetadata, signal: AbortSignal): ClientCall {
    if (this.#session.destroyed || this.#session.closed) throw this.#closed.signal.reason ?? gone(undefined);
    const headers: OutgoingHttpHeaders = {
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, [...[value].flat()]])),
    };
    const stream = this.#session.request(headers, { signal });
    let status: Parameters<typeof throwStatus>[0] = {};
    let failure: unknown;
    stream.on('response', (answer) => Object.assign(status, answer));
    stream.on('trailers', (trailers) => {
      status = trailers;
    });
    stream.on('error', (error) => {
      failure = error;
    });
    return {
      messages: answersOf(stream, () => {
        signal.throwIfAborted();
        throwStatus(status);
        if (failure !== undefined) throw gone(failure);
        if (status['grpc-status'] === undefined) throw gone(undefined);
      }),
      send: (message) => writeMessage(stream, message),
      end: () => stream.end(),
      cancel: () => stream.close(8),
    };
  }
}

async function* answersOf(stream: ClientHttp2Stream, check: () => void): AsyncGenerator<Buffer, void> {
  try {
    yield* readMessages(stream);
  } catch (error) {
    check();
    /* The other side has said that all went well, and did not wait for our end. */
    if (error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE') return;
    throw error;
  }
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
  check();
}

function gone(cause: unknown): EngineError {
  const why = cause === undefined ? '' : `: ${messageOf(cause)}`;
  return new EngineError('unavailable', `the build's client has gone${why}`);
}
