/** `GET /containers/{id}/attach/ws`: attach over a WebSocket, whose messages are the process's input and output, unframed. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import { attachContainer } from '../engine/attach.ts';
import type { AttachSession } from '../engine/attach-session.ts';
import type { Engine } from '../engine/engine.ts';
import { EngineError } from '../errors/engine-error.ts';
import { type Call, param, speaks } from './call.ts';
import type { Connection } from './connection.ts';
import { Query } from './query.ts';
import { pumpInput } from './session-pump.ts';
import { writeThrough } from './stream-response.ts';

const route = /^\/containers\/([^/?]+)\/attach\/ws(?:\?|$)/;

/** Bytes of one message from a client. */
const maxPayload = 16 * 1024 * 1024;

export interface WebSocketAttach {
  engine: Engine;
  headers: Readonly<Record<string, string>>;
  request: IncomingMessage;
  socket: Connection;
  version: string;
  /** Without the version. */
  path: string;
}

/** Does the request want a WebSocket of this path (without its version)? */
export function isWebSocketAttach(request: IncomingMessage, path: string): boolean {
  const isUpgrade = (request.headers.upgrade ?? '').toLowerCase() === 'websocket';
  return request.method === 'GET' && isUpgrade && route.test(path);
}

/** For whoever comes to the path without a WebSocket. */
export function getAttachSocket(call: Call): never {
  call.engine.containers.resolve(param(call, 'id'));
  throw new EngineError('invalid-argument', 'not websocket protocol', {
    hint: 'ask for an upgrade to websocket, or attach by POST /containers/{id}/attach',
  });
}

/** Serves one to its end. What is refused before the connection switched is thrown. */
export async function serveWebSocketAttach(call: WebSocketAttach): Promise<void> {
  const session = await openSession(call);
  call.socket.on('close', () => session.close());
  if (call.socket.destroyed) session.close();
  const webSocket = await upgrade(call);
  if (webSocket === undefined) return;
  const stream = createWebSocketStream(webSocket, { decodeStrings: false });
  // A client that goes in the middle of a message is gone, and no more.
  stream.on('error', () => stream.destroy());
  stream.on('close', () => session.close());
  pumpInput(stream, session);
  try {
    await sendOutput(stream, session, speaks(call, '1.28'));
  } finally {
    session.close();
    stream.end();
  }
}

/** From 1.42 on, a client gets the streams that it asks for; before, all of them. */
function openSession({ engine, version, path }: WebSocketAttach): Promise<AttachSession> {
  const query = new Query(path);
  const wants = (name: string): boolean => !speaks({ version }, '1.42') || query.boolean(name);
  const detachKeys = query.optional('detachKeys');
  return attachContainer(engine, unescapeName(route.exec(path)?.[1] ?? ''), {
    stdin: wants('stdin'),
    stdout: wants('stdout'),
    stderr: wants('stderr'),
    logs: query.boolean('logs'),
    stream: query.boolean('stream'),
    ...(detachKeys === undefined ? {} : { detachKeys }),
  });
}

function unescapeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new EngineError('invalid-argument', `invalid URL escape: ${text}`, { cause });
  }
}

/** Undefined where the client's handshake is wrong: it has its answer then. */
async function upgrade({ request, socket, headers }: WebSocketAttach): Promise<WebSocket | undefined> {
  const server = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload });
  server.on('headers', (lines) => {
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  });
  const { promise, resolve } = Promise.withResolvers<WebSocket>();
  server.handleUpgrade(request, socket, Buffer.alloc(0), resolve);
  const refused = once(socket, 'close').then(() => undefined);
  return Promise.race([promise, refused]);
}

/** Binary messages; texts for clients from before 1.28. */
async function sendOutput(stream: Duplex, session: AttachSession, isBinary: boolean): Promise<void> {
  const utf8 = new StringDecoder();
  for await (const { data } of session.output) {
    if (!(await writeThrough(stream, isBinary ? data : utf8.write(data)))) return;
  }
}
