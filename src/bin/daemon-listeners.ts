/** Where the daemon listens: UNIX sockets, TCP, TCP with TLS, sockets that systemd passes on. */
import { rmSync } from 'node:fs';
import { createServer, isIP, type Server, type Socket } from 'node:net';
import type { OpenSocket, SocketOpener, SocketScope } from '../engine/sockets.ts';
import { EngineError } from '../errors/engine-error.ts';
import { listening } from './daemon-listeners-bind.ts';
import { passedDescriptors } from './daemon-listeners-fd.ts';
import { isSecure, secured, type TlsSettings } from './daemon-listeners-tls.ts';
import { groupId, listenUnix, requiredGroupId } from './daemon-listeners-unix.ts';

export interface ListenOptions {
  hosts: readonly string[];
  /** Name of the group that may use UNIX sockets; '' for root alone. */
  group: string;
  /** The user named the group, so it must exist. */
  groupGiven: boolean;
  tls: TlsSettings;
  accept: (socket: Socket) => void;
  warn: (text: string) => void;
}

export interface Listeners {
  /** As the user wrote them, with ports that were 0 filled in. */
  addresses: string[];
  /** Reads the certificates again. EngineError `invalid-argument` where they are unusable: those that were read before serve on. */
  renewCertificates(): void;
  close(): void;
}

/** While listeners are opened. */
interface Opening extends ListenOptions {
  renewals: Array<() => void>;
}

interface Listener {
  server: Server;
  address: string;
  path?: string;
}

/** Listens everywhere, or nowhere: what was opened is closed again where one fails. */
export async function listenAll(asked: ListenOptions): Promise<Listeners> {
  const options: Opening = { ...asked, renewals: [] };
  const opened: Listener[] = [];
  const close = (): void => {
    for (const { server, path } of opened) {
      server.close();
      if (path !== undefined) rmSync(path, { force: true });
    }
  };
  try {
    for (const host of options.hosts) opened.push(...(await listen(host, options)));
  } catch (error) {
    close();
    throw error;
  }
  const renewCertificates = (): void => {
    for (const renew of options.renewals) renew();
  };
  return { addresses: opened.map((one) => one.address), renewCertificates, close };
}

async function listen(host: string, options: Opening): Promise<Listener[]> {
  const match = /^(?:([a-z]+):\/\/)?(.*)$/.exec(host);
  const [scheme, rest] = [match?.[1] ?? (host.startsWith('/') ? 'unix' : 'tcp'), match?.[2] ?? ''];
  switch (scheme) {
    case 'unix': {
      const path = rest === '' ? '/run/gantry.sock' : rest;
      const { accept } = options;
      const server = await listenUnix({ path, mode: 0o660, group: ownGroup(options), accept });
      return [{ server, address: `unix://${path}`, path }];
    }
    case 'tcp':
      return [await listenTcp(rest, options)];
    case 'fd': {
      const descriptors = passedDescriptors(rest, process.env, process.pid);
      return Promise.all(descriptors.map((descriptor) => listenDescriptor(descriptor, options)));
    }
    default:
      throw new EngineError(
        'invalid-argument',
        `unable to parse docker host ${host}: ${schemeProblem(scheme)}`,
        {
          hint: 'use unix://PATH, tcp://HOST:PORT or fd://',
        },
      );
  }
}

function schemeProblem(scheme: string): string {
  if (scheme === 'npipe') return 'named pipes are for Windows';
  return scheme === 'ssh' ? 'clients alone use ssh, and need no listener for it' : 'unknown scheme';
}

/** The group `docker` counts only where it exists, unless the user named it. */
function ownGroup({ group, groupGiven }: ListenOptions): number {
  if (group === '') return 0;
  return groupGiven ? requiredGroupId(group) : (groupId(group) ?? 0);
}

async function listenTcp(rest: string, options: Opening): Promise<Listener> {
  const address = parseTcp(rest, options.tls);
  const accept = tcpAcceptor(address.host, address.port, options);
  const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
  await listening(server, address);
  return { server, address: tcpAddress(server, address.host) };
}

/** EngineErrors `invalid-argument` for TCP without TLS that nobody asked for, and for unusable certificates. */
function tcpAcceptor(host: string, port: number, options: Opening): (socket: Socket) => void {
  const { tls, accept, warn } = options;
  if (isSecure(tls)) {
    const { accept: handshake, renew } = secured(tls, accept, warn);
    options.renewals.push(renew);
    return handshake;
  }
  allowPlain({ host, port }, options);
  return accept;
}

/** Whoever reaches a TCP socket without TLS is root here: the user must have said so. */
function allowPlain({ host, port }: { host: string; port: number }, { tls, warn }: ListenOptions): void {
  if (tls.enabled === undefined) {
    throw new EngineError(
      'invalid-argument',
      `tcp://${host}:${port}: refusing to listen on TCP without TLS`,
      {
        hint: 'use --tlsverify with certificates, or --tls=false if everyone who reaches this port may be root on this host',
      },
    );
  }
  const where = `API is accessible on http://${host}:${port} WITHOUT ENCRYPTION OR AUTHENTICATION`;
  if (isLoopback(host))
    warn(`${where}: everyone on this host, and every page in its browsers, may be root on it`);
  else
    warn(
      `${where}: everyone who reaches this address is root on this host. Bind it to 127.0.0.1, or use --tlsverify`,
    );
}

/** Names are taken for foreign: they may lead anywhere. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

function tcpAddress(server: Server, host: string): string {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** `HOST:PORT`, `[V6]:PORT`, `:PORT` or `HOST`; Docker's ports are 2375, and 2376 with TLS. */
function parseTcp(rest: string, tls: TlsSettings): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]*))(?::(\d{1,5}))?\/?$/.exec(rest);
  if (match === null || Number(match[3] ?? 0) > 65_535)
    throw new EngineError('invalid-argument', `invalid bind address format: tcp://${rest}`);
  const host = match[1] ?? match[2] ?? '';
  const port = match[3] === undefined ? (isSecure(tls) ? 2376 : 2375) : Number(match[3]);
  return { host: host === '' ? '127.0.0.1' : host, port };
}

/** systemd made the socket, its mode and its group. One of TCP is under the same rules as our own. */
async function listenDescriptor(fd: number, options: Opening): Promise<Listener> {
  let accept = options.accept;
  const server = createServer({ allowHalfOpen: true }, (socket) => accept(socket));
  await listening(server, { fd });
  const bound = server.address();
  if (typeof bound !== 'object' || bound === null) return { server, address: `fd://${fd}` };
  try {
    accept = tcpAcceptor(bound.address, bound.port, options);
    return { server, address: tcpAddress(server, bound.address) };
  } catch (error) {
    server.close();
    throw error;
  }
}

/** Opens scoped sockets. What they may do is up to `accept`. */
export function scopedSocketOpener(accept: (socket: Socket, scope: SocketScope) => void): SocketOpener {
  return {
    open: async ({ path, mode, group: name }, scope): Promise<OpenSocket> => {
      const connections = new Set<Socket>();
      const group = name === '' ? 0 : requiredGroupId(name);
      const server = await listenUnix({
        path,
        mode,
        group,
        accept: (socket) => {
          connections.add(socket);
          socket.on('close', () => connections.delete(socket));
          accept(socket, scope);
        },
      });
      return {
        connections: () => connections.size,
        close: () => {
          server.close();
          for (const socket of connections) socket.destroy();
          rmSync(path, { force: true });
        },
      };
    },
  };
}
