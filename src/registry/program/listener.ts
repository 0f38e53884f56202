/** The registry's HTTP listener: plain or TLS, TCP or UNIX, ended without cutting off what is under way. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';
import type { ListenAddress, TlsConfig } from '../config/registry-config.ts';
import { registryServerOptions } from '../registry-server.ts';
import { readTls, type TlsWatch, watchTls } from './tls-files.ts';

export interface ListenerOptions {
  listen: ListenAddress;
  handle: RequestListener;
  tls?: TlsConfig;
  log: { info(message: string): void; error(message: string): void };
}

export interface Listener {
  server: Server;
  /** `127.0.0.1:5000`, `[::]:5000`, or a path. */
  address: string;
  /** Where TLS is spoken. */
  tls?: TlsWatch;
  /** Takes no new connections, lets requests under way end within `milliseconds`, then cuts off the rest. */
  close(milliseconds: number): Promise<void>;
}

/** A layer may take hours to come; a connection on which nothing moves for ten minutes is dead. */
const serverOptions: ServerOptions = {
  ...registryServerOptions,
  // Tokens that grant many repositories are long.
  maxHeaderSize: 64 << 10,
};
const idleLimit = 600_000;
const drainStep = 20;

/** EngineErrors `conflict` where the address is taken, `failed-precondition` where the certificate cannot be used. */
export async function openListener(options: ListenerOptions): Promise<Listener> {
  const { listen, handle, tls, log } = options;
  const server = tls === undefined ? createServer(serverOptions, handle) : await createTls(tls, handle);
  server.setTimeout(idleLimit);
  await bind(server, listen);
  const watch = tls === undefined || !('setSecureContext' in server) ? undefined : watchTls(server, tls, log);
  return {
    server,
    address: addressOf(server),
    ...(watch === undefined ? {} : { tls: watch }),
    close: async (milliseconds) => {
      watch?.close();
      await drain(server, milliseconds);
    },
  };
}

async function createTls(
  tls: TlsConfig,
  handle: RequestListener,
): Promise<ReturnType<typeof createTlsServer>> {
  const asks = tls.clientCas.length > 0;
  return createTlsServer(
    {
      ...serverOptions,
      ...(await readTls(tls)),
      requestCert: asks,
      rejectUnauthorized: asks,
      ALPNProtocols: ['http/1.1'],
    },
    handle,
  );
}

async function bind(server: Server, listen: ListenAddress): Promise<void> {
  if ('path' in listen) rmSync(listen.path, { force: true });
  try {
    server.listen(listen);
    await once(server, 'listening');
  } catch (cause) {
    const where = 'path' in listen ? listen.path : `${listen.host ?? ''}:${listen.port}`;
    const code = errnoOf(cause) === 'EADDRINUSE' ? 'conflict' : 'failed-precondition';
    throw new EngineError(code, `cannot listen on ${where}: ${messageOf(cause)}`, {
      cause,
      hint: 'Set another http.addr (REGISTRY_HTTP_ADDR).',
    });
  }
}

function addressOf(server: Server): string {
  const address = server.address();
  if (address === null) return '';
  if (typeof address === 'string') return address;
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}

async function drain(server: Server, milliseconds: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const until = performance.now() + milliseconds;
  let ended = false;
  void closed.then(() => {
    ended = true;
  });
  while (!ended && performance.now() < until) {
    server.closeIdleConnections();
    await Promise.race([closed, sleep(drainStep)]);
  }
  server.closeAllConnections();
  await closed;
}
