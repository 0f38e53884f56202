/** Where the daemon listens: UNIX sockets, TCP, TCP with TLS. */
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';

export interface TlsSettings {
  /** undefined where the user said nothing: TCP is refused then. */
  enabled: boolean | undefined;
  /** Demand certificates of clients. */
  verify: boolean;
  caFile: string;
  certFile: string;
  keyFile: string;
}

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
  close(): void;
}

/** Listens everywhere, or nowhere: what was opened is closed again where one fails. */
export async function listenAll(options: ListenOptions): Promise<Listeners> {
  const opened: Array<{ server: Server; address: string; path?: string }> = [];
  const close = (): void => {
    for (const { server, path } of opened) {
      server.close();
      if (path !== undefined) rmSync(path, { force: true });
    }
  };
  try {
    for (const host of options.hosts) opened.push(await listen(host, options));
  } catch (error) {
    close();
    throw error;
  }
  return { addresses: opened.map((one) => one.address), close };
}

async function listen(
  host: string,
  options: ListenOptions,
): Promise<{ server: Server; address: string; path?: string }> {
  const match = /^(?:([a-z]+):\/\/)?(.*)$/.exec(host);
  const [scheme, rest] = [match?.[1] ?? 'tcp', match?.[2] ?? ''];
  if (scheme === 'unix') {
    const path = rest === '' ? '/run/gantry.sock' : rest;
    return { server: await listenUnix(path, options), address: `unix://${path}`, path };
  }
  if (scheme === 'tcp') return listenTcp(rest, options);
  const hint = 'use unix://PATH or tcp://HOST:PORT';
  if (scheme === 'fd') {
    throw new EngineError('invalid-argument', `${host}: sockets passed by systemd are not supported`, {
      hint,
    });
  }
  throw new EngineError('invalid-argument', `unable to parse docker host ${host}: unknown scheme`, { hint });
}

async function listenUnix(path: string, options: ListenOptions): Promise<Server> {
  const group = groupId(options);
  mkdirSync(dirname(path), { recursive: true });
  await removeStaleSocket(path);
  const server = createServer({ allowHalfOpen: true }, options.accept);
  const mask = process.umask(0o177);
  try {
    await listening(server, { path });
  } finally {
    process.umask(mask);
  }
  chownSync(path, 0, group);
  chmodSync(path, 0o660);
  return server;
}

/** Removes a socket that nobody listens on. EngineError `conflict` where somebody does. */
async function removeStaleSocket(path: string): Promise<void> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new EngineError('conflict', `can't listen on ${path}: a file that is no socket is there`);
  }
  if (await answers(path)) {
    throw new EngineError('conflict', `can't listen on ${path}: another daemon listens there`, {
      hint: 'stop it, or give this one another address with -H',
    });
  }
  rmSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    const settle = (alive: boolean): void => {
      probe.destroy();
      resolve(alive);
    };
    probe.on('connect', () => settle(true)).on('error', () => settle(false));
  });
}

/** The group `docker` counts only where it exists, unless the user named it. */
function groupId(options: ListenOptions): number {
  if (options.group === '') return 0;
  if (/^\d+$/.test(options.group)) return Number(options.group);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${options.group}:`));
  if (line !== undefined) return Number(line.split(':')[2] ?? 0);
  if (!options.groupGiven) return 0;
  throw new EngineError('invalid-argument', `group ${options.group} not found`, {
    hint: `make it with groupadd ${options.group}, or give another --group`,
  });
}

async function listenTcp(rest: string, options: ListenOptions): Promise<{ server: Server; address: string }> {
  const { tls } = options;
  const address = parseTcp(rest, tls);
  const secure = tls.enabled === true || tls.verify;
  if (!secure && tls.enabled === undefined) {
    throw new EngineError('invalid-argument', `tcp://${rest}: refusing to listen on TCP without TLS`, {
      hint: 'use --tlsverify with certificates, or --tls=false if everyone who reaches this port may be root on this host',
    });
  }
  if (!secure) {
    options.warn(
      `API is accessible on http://${address.host}:${address.port} WITHOUT ENCRYPTION OR AUTHENTICATION: everyone who reaches it is root on this host`,
    );
  }
  const server = secure
    ? createTlsServer({ ...tlsOptions(tls), allowHalfOpen: true }, options.accept)
    : createServer({ allowHalfOpen: true, noDelay: true }, options.accept);
  await listening(server, address);
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return {
    server,
    address: `tcp://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`,
  };
}

/** `HOST:PORT`, `[V6]:PORT`, `:PORT` or `HOST`; Docker's ports are 2375, and 2376 with TLS. */
function parseTcp(rest: string, tls: TlsSettings): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/]*))(?::(\d{1,5}))?\/?$/.exec(rest);
  if (match === null) throw new EngineError('invalid-argument', `invalid bind address format: tcp://${rest}`);
  const host = match[1] ?? match[2] ?? '';
  const port = match[3] === undefined ? (tls.enabled === true || tls.verify ? 2376 : 2375) : Number(match[3]);
  return { host: host === '' ? '127.0.0.1' : host, port };
}

function tlsOptions(tls: TlsSettings) {
  return {
    cert: readPem(tls.certFile),
    key: readPem(tls.keyFile),
    minVersion: 'TLSv1.2' as const,
    ...(tls.verify ? { ca: readPem(tls.caFile), requestCert: true, rejectUnauthorized: true } : {}),
  };
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new EngineError(
      'invalid-argument',
      `could not load X509 key pair or authority: ${messageOf(cause)}`,
      {
        cause,
        hint: 'name the files with --tlscacert, --tlscert and --tlskey',
      },
    );
  }
}

function listening(server: Server, where: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(listenError(error, where));
    server.once('error', fail).listen(where, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function listenError(error: Error, where: { path: string } | { host: string; port: number }): EngineError {
  const place = 'path' in where ? where.path : `${where.host}:${where.port}`;
  const taken = errnoOf(error) === 'EADDRINUSE';
  return new EngineError(taken ? 'conflict' : 'internal', `can't listen on ${place}: ${error.message}`, {
    cause: error,
  });
}
