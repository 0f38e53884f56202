/** One HTTP/1.1 request on a connection of its own: light to load, and able to take the connection over. */
import type { Duplex, Readable } from 'node:stream';
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import { ByteSource } from './byte-source.ts';
import { abortError, connect, tlsError } from './connect.ts';
import type { Endpoint } from './endpoint.ts';
import { readBody } from './response-body.ts';
import { type ResponseHead, readResponseHead } from './response-head.ts';

export interface HttpRequest {
  method: string;
  /** With the query. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  /** A text goes with its length, a stream chunked. */
  body?: string | Readable;
  /** Ends the request, and reading the answer, with the signal's reason. */
  signal?: AbortSignal | undefined;
}

export interface HttpResponse extends ResponseHead {
  body: AsyncGenerator<Buffer, void>;
  socket: Duplex;
  source: ByteSource;
}

/** Sends `request` and reads the head of the answer; whoever calls reads the body, or destroys the socket. */
export async function exchange(endpoint: Endpoint, request: HttpRequest): Promise<HttpResponse> {
  checkAborted(request.signal);
  const socket = await connect(endpoint, request.signal);
  const source = new ByteSource(socket);
  endWith(request.signal, socket);
  let sourceError: Error | undefined;
  try {
    // What fails here is the body's own source: what the daemon does with the connection shows in its answer.
    sendRequest(socket, request).catch((error: unknown) => {
      sourceError = error instanceof Error ? error : new Error(messageOf(error));
      socket.destroy(sourceError);
    });
    const head = await readResponseHead(source);
    return { ...head, body: closing(socket, readBody(request.method, head, source)), socket, source };
  } catch (error) {
    socket.destroy();
    if (sourceError !== undefined) throw sourceError;
    throw isEngineError(error) || request.signal?.aborted === true
      ? error
      : await exchangeError(endpoint, error);
  }
}

/** TLS 1.3 tells of a certificate that the daemon refused only after the connection is open. */
async function exchangeError(endpoint: Endpoint, error: unknown): Promise<EngineError> {
  const known = await tlsError(endpoint, error);
  if (known !== undefined) return known;
  const usesTls = endpoint.kind === 'tcp' && endpoint.tls !== undefined;
  return new EngineError(
    'unavailable',
    `error during connect to ${endpoint.label}: ${messageOf(error).trim()}`,
    {
      cause: error,
      hint: usesTls
        ? 'Check the certificates: --tlscacert, --tlscert, --tlskey or DOCKER_CERT_PATH.'
        : "Look at the daemon's log: it may have stopped.",
    },
  );
}

function checkAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortError(signal);
}

/** A signal may outlive many connections: each lets go of it when it closes. */
function endWith(signal: AbortSignal | undefined, socket: Duplex): void {
  if (signal === undefined) return;
  const abort = (): void => {
    socket.destroy(abortError(signal));
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  socket.once('close', () => signal.removeEventListener('abort', abort));
}

/** Lets the socket go when the body was read, or when its reader stops. */
async function* closing(socket: Duplex, body: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
  try {
    yield* body;
  } finally {
    socket.destroy();
  }
}

async function sendRequest(socket: Duplex, request: HttpRequest): Promise<void> {
  const { body } = request;
  const headers: Record<string, string> = {
    Host: 'gantry',
    'User-Agent': 'gantry',
    Connection: 'close',
    ...request.headers,
  };
  if (typeof body === 'string') headers['Content-Length'] = String(Buffer.byteLength(body));
  else if (body !== undefined) headers['Transfer-Encoding'] = 'chunked';
  else if (request.method === 'POST') headers['Content-Length'] ??= '0';
  const fields = Object.entries(headers).map(
    ([name, value]) => `${name}: ${value.replace(/[\r\n]/g, ' ')}\r\n`,
  );
  const head = `${request.method} ${request.path} HTTP/1.1\r\n${fields.join('')}\r\n`;
  socket.write(typeof body === 'string' ? head + body : head);
  if (body !== undefined && typeof body !== 'string') await sendChunks(socket, body);
}

async function sendChunks(socket: Duplex, body: Readable): Promise<void> {
  for await (const piece of body) {
    const chunk: Buffer = typeof piece === 'string' ? Buffer.from(piece) : piece;
    if (chunk.length === 0) continue;
    socket.write(`${chunk.length.toString(16)}\r\n`);
    socket.write(chunk);
    if (!socket.write('\r\n')) await drained(socket);
    if (socket.destroyed) return;
  }
  socket.write('0\r\n\r\n');
}

/** Resolves when the stream takes more, or never will. */
export async function drained(stream: NodeJS.WritableStream): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const events = ['drain', 'close', 'error'] as const;
  const done = () => resolve();
  for (const event of events) stream.once(event, done);
  await promise;
  for (const event of events) stream.off(event, done);
}
