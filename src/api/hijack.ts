/** Attach and exec over a connection that leaves HTTP: 101 for clients that ask for an upgrade, 200 for those that don't. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Builder } from '../build/build-types.ts';
import type { AttachSession } from '../engine/attach-session.ts';
import type { Engine } from '../engine/engine.ts';
import { inspectExec } from '../engine/exec.ts';
import { EngineError } from '../errors/engine-error.ts';
import { buildSessionPath } from '../wire/build-session.ts';
import { rawContentType } from '../wire/raw-stream.ts';
import { isWebSocketAttach, serveWebSocketAttach } from './attach-ws.ts';
import { parseJson } from './body.ts';
import { serveBuildSession } from './build-session.ts';
import type { ContextStore } from './buildkit/context-store.ts';
import type { Connection } from './connection.ts';
import { openAttach } from './container-attach.ts';
import { openExec } from './exec.ts';
import type { Fields } from './fields.ts';
import { statusOf, textOf } from './http-status.ts';
import { plainMarker } from './plain-hijack.ts';
import { Query } from './query.ts';
import { pumpInput, pumpOutput, streamContentType, writeChunk } from './session-pump.ts';
import { checkVersion, splitVersion } from './version-prefix.ts';

const route = /^\/(?:containers\/(?<container>[^/?]+)\/attach|exec\/(?<exec>[^/?]+)\/start)(?:\?|$)/;

/** How long a client may keep its half open once the process's output has ended. */
const lingerMs = 10_000;

/** No document of the hijacked routes comes near this. */
const maxBody = 1024 * 1024;

/** A request whose connection is taken over. */
interface Hijack {
  engine: Engine;
  builder: Builder;
  /** Copies of clients' files, kept between builds. */
  contexts: ContextStore;
  /** What every answer carries. */
  headers: Readonly<Record<string, string>>;
  request: IncomingMessage;
  socket: Connection;
  version: string;
  path: string;
  /** The connection has left HTTP: no status can be sent any more. */
  switched: boolean;
}

/** True for the requests that `hijack` serves; all others that ask for an upgrade are answered as if they had not. */
export function isHijack(request: IncomingMessage): boolean {
  const { path } = splitVersion(request.url ?? '');
  return (
    (request.method === 'POST' && (route.test(path) || path === buildSessionPath)) ||
    isWebSocketAttach(request, path)
  );
}

/** Serves hijacked requests to their end. Never rejects: what fails is said to the client. */
export function createHijack(
  served: Pick<Hijack, 'engine' | 'builder' | 'contexts'>,
  headers: Readonly<Record<string, string>>,
  /** Throws where the connection may not do that. */
  permit: (request: IncomingMessage, path: string) => void = () => undefined,
) {
  return async (request: IncomingMessage, socket: Connection, head: Buffer): Promise<void> => {
    const { version, path } = splitVersion(request.url ?? '');
    const call: Hijack = { ...served, headers, request, socket, version, path, switched: false };
    socket.on('error', () => socket.destroy());
    /* At once: what is put back after the client's half has ended would be lost. */
    if (head.length > 0) socket.unshift(head);
    try {
      checkVersion(version);
      permit(request, path);
      if (isWebSocketAttach(request, path)) {
        await serveWebSocketAttach(call);
        return;
      }
      if (path === buildSessionPath) {
        await serveBuild(call);
        return;
      }
      const opening = await openSession(call);
      if (opening === undefined) answer(call, 200, '');
      else await serve(call, opening);
    } catch (error) {
      if (call.switched) socket.destroy();
      else answer(call, statusOf(error), JSON.stringify({ message: textOf(error) }));
    }
  };
}

async function serveBuild(call: Hijack): Promise<void> {
  call.switched = true;
  call.socket.write(switchHead(call, rawContentType));
  await serveBuildSession(call, call.socket);
  finish(call.socket);
}

/** A session that may still be on its way while the client is told already that the connection has switched. */
interface Opening {
  tty: boolean;
  session: Promise<AttachSession | undefined>;
}

/** Undefined for a detached exec. */
async function openSession(call: Hijack): Promise<Opening | undefined> {
  const names = route.exec(call.path)?.groups ?? {};
  const body = await readBody(call);
  const execId = names['exec'];
  if (execId !== undefined) return openExecSession(call.engine, unescapeName(execId), body);
  const session = await openAttach(call.engine, unescapeName(names['container'] ?? ''), new Query(call.path));
  return { tty: session.tty, session: Promise.resolve(session) };
}

/**
 * The head of the answer goes out before the process writes anything, as Docker's does: docker-py loses what comes in one
 * piece with it. What is refused is refused at once, so an error still gets a status of its own.
 */
async function openExecSession(
  engine: Engine,
  id: string,
  body: Fields | undefined,
): Promise<Opening | undefined> {
  const { config } = inspectExec(engine, id);
  const session = openExec(engine, id, body);
  if (body?.boolean('Detach') === true) {
    await session;
    return undefined;
  }
  await Promise.race([session, new Promise((resolve) => setImmediate(resolve))]);
  return { tty: config.tty, session };
}

function unescapeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new EngineError('invalid-argument', `invalid URL escape: ${text}`, { cause });
  }
}

async function serve(call: Hijack, opening: Opening): Promise<void> {
  const { socket } = call;
  socket.setNoDelay(true);
  call.switched = true;
  socket.write(switchHead(call, streamContentType(call, opening.tty)));
  try {
    const session = await opening.session;
    if (session !== undefined) await pump(socket, session);
  } catch (error) {
    await writeChunk(socket, opening.tty, 'stdout', Buffer.from(`${textOf(error)}\r\n`));
  } finally {
    finish(socket);
  }
}

async function pump(socket: Connection, session: AttachSession): Promise<void> {
  socket.on('close', () => session.close());
  if (socket.destroyed) session.close();
  pumpInput(socket, session);
  try {
    await pumpOutput(session, socket);
  } finally {
    session.close();
  }
}

/** Ends our half, then waits a little for the client's: closing at once could cut off bytes on their way to it. */
function finish(socket: Connection): void {
  socket.end();
  socket.unpipe();
  socket.resume();
  if (socket.readableEnded) socket.destroySoon();
  else socket.on('end', () => socket.destroySoon());
  const linger = setTimeout(() => socket.destroy(), lingerMs).unref();
  socket.on('close', () => clearTimeout(linger));
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

/** The JSON body, which Node leaves on the connection of an upgrade. */
async function readBody({ request, socket }: Hijack): Promise<Fields | undefined> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (!(length > 0 && length <= maxBody)) return undefined;
  const body = await readExactly(socket, length);
  return parseJson(body.toString('utf8'));
}

/** That many bytes, or what there is where the connection ends before. The rest stays on it. */
function readExactly(socket: Connection, length: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const attempt = (): void => {
      const bytes: Buffer | null = socket.read(length);
      if (bytes === null && !socket.readableEnded && !socket.destroyed) return;
      socket.off('readable', attempt).off('end', attempt).off('close', attempt);
      resolve(bytes ?? Buffer.alloc(0));
    };
    socket.on('readable', attempt).on('end', attempt).on('close', attempt);
    attempt();
  });
}
