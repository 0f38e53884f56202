/** Attach and exec over a connection that leaves HTTP: 101 for clients that ask for an upgrade, 200 for those that don't. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { AttachSession } from '../engine/attach-session.ts';
import type { Engine } from '../engine/engine.ts';
import { parseJson } from './body.ts';
import { openAttach } from './container-attach.ts';
import { openExec } from './exec.ts';
import type { Fields } from './fields.ts';
import { statusOf, textOf } from './http-status.ts';
import { plainMarker } from './plain-hijack.ts';
import { Query } from './query.ts';
import { pumpInput, pumpOutput, streamContentType } from './session-pump.ts';
import { checkVersion, splitVersion } from './version-prefix.ts';

const route = /^\/(?:containers\/(?<container>[^/?]+)\/attach|exec\/(?<exec>[^/?]+)\/start)(?:\?|$)/;

/** How long a client may keep its half open once the process's output has ended. */
const lingerMs = 10_000;

/** A request whose connection is taken over. */
interface Hijack {
  engine: Engine;
  /** What every answer carries. */
  headers: Readonly<Record<string, string>>;
  request: IncomingMessage;
  socket: Socket;
  /** Bytes that came after the request's head. */
  head: Buffer;
  version: string;
  path: string;
  /** The connection has left HTTP: no status can be sent any more. */
  switched: boolean;
}

/** True for the requests that `hijack` serves; all others that ask for an upgrade are answered as if they had not. */
export function isHijack(request: IncomingMessage): boolean {
  return request.method === 'POST' && route.test(splitVersion(request.url ?? '').path);
}

/** Serves hijacked requests to their end. Never rejects: what fails is said to the client. */
export function createHijack(engine: Engine, headers: Readonly<Record<string, string>>) {
  return async (request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> => {
    const { version, path } = splitVersion(request.url ?? '');
    const call: Hijack = { engine, headers, request, socket, head, version, path, switched: false };
    socket.on('error', () => socket.destroy());
    try {
      checkVersion(version);
      const session = await openSession(call);
      if (session === undefined) answer(call, 200, '');
      else await serve(call, session);
    } catch (error) {
      if (call.switched) socket.destroy();
      else answer(call, statusOf(error), JSON.stringify({ message: textOf(error) }));
    }
  };
}

/** Undefined for a detached exec. */
async function openSession(call: Hijack): Promise<AttachSession | undefined> {
  const names = route.exec(call.path)?.groups ?? {};
  const body = await readBody(call);
  const execId = names['exec'];
  if (execId !== undefined) return openExec(call.engine, decodeURIComponent(execId), body);
  return openAttach(call.engine, decodeURIComponent(names['container'] ?? ''), new Query(call.path));
}

async function serve(call: Hijack, session: AttachSession): Promise<void> {
  const { socket } = call;
  socket.on('close', () => session.close());
  socket.setNoDelay(true);
  call.switched = true;
  socket.write(switchHead(call, streamContentType(call, session.tty)));
  if (call.head.length > 0) socket.unshift(call.head);
  pumpInput(socket, session);
  try {
    await pumpOutput(session, socket);
  } finally {
    session.close();
    finish(socket);
  }
}

/** Ends our half, then waits a little for the client's: closing at once could cut off bytes on their way to it. */
function finish(socket: Socket): void {
  socket.end();
  socket.unpipe();
  socket.resume();
  if (socket.readableEnded) socket.destroySoon();
  else socket.on('end', () => socket.destroySoon());
  setTimeout(() => socket.destroy(), lingerMs).unref();
}

function switchHead(call: Hijack, contentType: string): string {
  const isPlain = call.request.headers[plainMarker] !== undefined;
  const status = isPlain ? '200 OK' : '101 UPGRADED';
  const headers = { 'Content-Type': contentType, ...call.headers };
  const upgrade = isPlain ? {} : { Connection: 'Upgrade', Upgrade: 'tcp' };
  return headText(status, { ...headers, ...upgrade });
}

/** An ordinary answer, after which the connection is closed. */
function answer(call: Hijack, status: number, body: string): void {
  const head = headText(`${status} ${STATUS_CODES[status] ?? ''}`, {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
    ...call.headers,
  });
  call.socket.write(head + body);
  finish(call.socket);
}

function headText(status: string, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\n${lines.join('')}\r\n`;
}

/** The JSON body, which Node leaves on the connection of an upgrade; `call.head` keeps what came after it. */
async function readBody(call: Hijack): Promise<Fields | undefined> {
  const length = Number(call.request.headers['content-length'] ?? 0);
  if (!(length > 0 && length < 1024 * 1024)) return undefined;
  while (call.head.length < length) {
    const chunk = await nextChunk(call.socket);
    if (chunk === undefined) break;
    call.head = Buffer.concat([call.head, chunk]);
  }
  const body = call.head.subarray(0, length);
  call.head = call.head.subarray(length);
  return parseJson(body.toString('utf8'));
}

/** The next bytes of the connection, or undefined at its end. */
function nextChunk(socket: Socket): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const settle = (chunk?: Buffer): void => {
      socket.pause().off('data', settle).off('end', settle).off('close', settle);
      resolve(Buffer.isBuffer(chunk) ? chunk : undefined);
    };
    socket.on('data', settle).on('end', settle).on('close', settle).resume();
  });
}
