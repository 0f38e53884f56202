/** Serves gRPC over a connection that was taken over from HTTP/1.1. */
import { type IncomingHttpHeaders, performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import { grpcCode } from '../../wire/buildkit/grpc-codes.ts';
import type { Message } from '../../wire/buildkit/protobuf.ts';
import { type CallStatus, okStatus, statusOfError, trailersOf } from './grpc-status.ts';
import { endTogether, http2Settings, readMessages, windowSize, writeMessage } from './grpc-stream.ts';

export interface GrpcCall {
  headers: IncomingHttpHeaders;
  /** Aborts when the client cancels the call or goes away. */
  signal: AbortSignal;
  messages: AsyncGenerator<Buffer, void>;
  send: (message: Uint8Array) => Promise<void>;
}

/** Serves one method; what it throws becomes the call's status. */
export type GrpcMethod = (call: GrpcCall) => Promise<void>;

/** By path: `/package.Service/Method`. */
export type GrpcMethods = Readonly<Record<string, GrpcMethod>>;

/** A method of one message and one answer. */
export function unary<Request, Response>(
  request: Message<Request>,
  response: Message<Response>,
  serve: (value: Request, call: GrpcCall) => Promise<Partial<Response>> | Partial<Response>,
): GrpcMethod {
  return async (call) => {
    const value = await onlyMessage(request, call);
    await call.send(response.encode(await serve(value, call)));
  };
}

/** A method of one message and many answers. */
export function streaming<Request, Response>(
  request: Message<Request>,
  response: Message<Response>,
  serve: (value: Request, call: GrpcCall) => AsyncIterable<Partial<Response>>,
): GrpcMethod {
  return async (call) => {
    const value = await onlyMessage(request, call);
    for await (const one of serve(value, call)) await call.send(response.encode(one));
  };
}

async function onlyMessage<Request>(request: Message<Request>, call: GrpcCall): Promise<Request> {
  const first = await call.messages.next();
  if (first.done === true) throw new EngineError('invalid-argument', 'the call has no message');
  return request.decode(first.value);
}

/** Resolves when the connection has ended. Never rejects. */
export function serveGrpc(connection: Duplex, methods: GrpcMethods): Promise<void> {
  return new Promise((resolve) => {
    const session = performServerHandshake(connection, http2Settings);
    session.setLocalWindowSize(4 * windowSize);
    session.on('error', () => session.destroy());
    session.on('close', () => {
      connection.destroy();
      resolve();
    });
    session.on('stream', (stream, headers) => void serveStream(stream, headers, methods));
    connection.on('close', () => session.destroy());
    endTogether(connection);
  });
}

async function serveStream(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  methods: GrpcMethods,
): Promise<void> {
  stream.on('error', () => stream.destroy());
  const gone = new AbortController();
  stream.on('close', () => gone.abort(new EngineError('cancelled', 'the client has cancelled the call')));
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  let status: CallStatus = okStatus;
  stream.on('wantTrailers', () => stream.sendTrailers(trailersOf(status)));
  const messages = readMessages(stream);
  try {
    const path = headers[':path'] ?? '';
    const method = Object.hasOwn(methods, path) ? methods[path] : undefined;
    if (method === undefined) status = unknownMethod(path);
    else
      await method({
        headers,
        signal: gone.signal,
        messages,
        send: (message) => writeMessage(stream, message),
      });
  } catch (error) {
    status = statusOfError(error);
  } finally {
    if (!stream.destroyed) stream.end();
    stream.resume();
  }
}

function unknownMethod(path: string): CallStatus {
  return { code: grpcCode.unimplemented, message: `unknown method ${path}`, details: [] };
}
