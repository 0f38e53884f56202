/** `POST /grpc` and `POST /session`: connections that leave HTTP/1.1 for HTTP/2, in which the daemon serves, or is the client. */
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { EngineError } from '../../errors/engine-error.ts';
import type { Connection } from '../connection.ts';
import { statusOf, textOf } from '../http-status.ts';
import { checkVersion, splitVersion } from '../version-prefix.ts';
import type { BuildService } from './build-service.ts';
import { controlMethods } from './control-methods.ts';
import { serveGrpc } from './grpc-server.ts';

const paths = new Set(['/grpc', '/session']);

/** As old clients and new ones name it (moby, api/server/router/session). */
const headerPrefix = 'x-docker-expose-session-';

export function isBuildUpgrade(request: IncomingMessage): boolean {
  return request.method === 'POST' && paths.has(pathOf(request));
}

function pathOf(request: IncomingMessage): string {
  return splitVersion(request.url ?? '').path.split('?', 1)[0] ?? '';
}

/** Serves such a connection to its end. Never rejects. */
export function createBuildUpgrade(
  service: BuildService,
  headers: Readonly<Record<string, string>>,
  /** Throws where the connection may not do that. */
  permit: (request: IncomingMessage, path: string) => void,
) {
  const methods = controlMethods(service);
  return async (request: IncomingMessage, socket: Connection, head: Buffer): Promise<void> => {
    socket.on('error', () => socket.destroy());
    if (head.length > 0) socket.unshift(head);
    const path = pathOf(request);
    try {
      checkVersion(splitVersion(request.url ?? '').version);
      permit(request, path);
      const session = path === '/session' ? sessionHead(request) : undefined;
      if (session !== undefined && service.sessions.has(session.id)) {
        throw new EngineError('conflict', `session ${session.id} is open already`);
      }
      socket.setNoDelay(true);
      socket.write(
        headText('101 Switching Protocols', { Connection: 'Upgrade', Upgrade: 'h2c', ...headers }),
      );
      await (session === undefined ? serveGrpc(socket, methods) : service.sessions.serve(session, socket));
    } catch (error) {
      refuse(socket, headers, error);
    }
  };
}

/** EngineError `invalid-argument` where the request names no session. */
function sessionHead(request: IncomingMessage): {
  id: string;
  sharedKey: string;
  methods: ReadonlySet<string>;
} {
  const header = (name: string): string => {
    const value = request.headers[headerPrefix + name];
    return (Array.isArray(value) ? value.join(', ') : value) ?? '';
  };
  const id = header('uuid');
  if (id === '')
    throw new EngineError('invalid-argument', 'the session has no ID (X-Docker-Expose-Session-Uuid)');
  const methods = header('grpc-method').split(/,\s*/);
  return { id, sharedKey: header('sharedkey'), methods: new Set(methods.map(slashed)) };
}

/** Whatever the client writes before it. */
function slashed(method: string): string {
  return method.startsWith('/') ? method : `/${method}`;
}

function refuse(socket: Connection, headers: Readonly<Record<string, string>>, error: unknown): void {
  const body = JSON.stringify({ message: textOf(error) });
  const status = statusOf(error);
  const head = headText(`${status} ${STATUS_CODES[status] ?? ''}`, {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
    ...headers,
  });
  socket.write(head + body);
  socket.destroySoon();
}

function headText(status: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\n${lines.join('')}\r\n`;
}

/** The routes, where a client asks for no upgrade. */
export function needsUpgrade(): never {
  throw new EngineError('invalid-argument', 'no upgrade proto in request', {
    hint: 'build with docker buildx, or send Connection: Upgrade and Upgrade: h2c',
  });
}
