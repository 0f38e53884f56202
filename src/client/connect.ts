/** Opens a connection to the daemon. */
import { readFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { EngineError, errnoOf, isEngineError, messageOf } from '../errors/engine-error.ts';
import type { Endpoint, TlsSettings } from './endpoint.ts';

/**
 * A connected stream, of which ending one direction leaves the other open. EngineError `unavailable` says how to
 * start the daemon or reach it, `forbidden` that the user may not. With `signal`, connecting ends with its reason.
 */
export async function connect(endpoint: Endpoint, signal?: AbortSignal): Promise<Duplex> {
  if (endpoint.kind === 'memory') return endpoint.open();
  // ssh needs a process, TLS time to load: each is loaded only where it is used.
  if (endpoint.kind === 'ssh') return (await import('./ssh-connection.ts')).connectSsh(endpoint.target);
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const socket = await openSocket(endpoint, () => resolve(socket));
  const fail = (error: Error) => reject(error);
  socket.once('error', fail);
  const abort = (): void => {
    socket.destroy();
    reject(abortError(signal));
  };
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await promise;
  } catch (error) {
    throw signal?.aborted === true ? abortError(signal) : await connectionError(endpoint, error);
  } finally {
    socket.off('error', fail);
    signal?.removeEventListener('abort', abort);
  }
}

/** What an aborted signal is thrown as. */
export function abortError(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}

type SocketEndpoint = Extract<Endpoint, { kind: 'unix' | 'tcp' }>;

async function openSocket(endpoint: SocketEndpoint, connected: () => void): Promise<Duplex> {
  const { connect: connectSocket } = await import('node:net');
  if (endpoint.kind === 'unix') return connectSocket({ path: endpoint.path, allowHalfOpen: true }, connected);
  const { host, port, tls } = endpoint;
  if (tls === undefined) return connectSocket({ host, port, allowHalfOpen: true, noDelay: true }, connected);
  const { connect: connectTls } = await import('node:tls');
  const servername = /^[\d.]+$|:/.test(host) ? '' : host;
  const options = {
    host,
    port,
    servername,
    rejectUnauthorized: tls.verify,
    allowHalfOpen: true,
    ...readPem(tls),
  };
  try {
    return connectTls(options, connected);
  } catch (error) {
    throw await connectionError(endpoint, error);
  }
}

function readPem(tls: TlsSettings): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  return {
    ...(tls.ca === undefined ? {} : { ca: readKeyFile(tls.ca) }),
    ...(tls.certificate === undefined ? {} : { cert: readKeyFile(tls.certificate) }),
    ...(tls.key === undefined ? {} : { key: readKeyFile(tls.key) }),
  };
}

function readKeyFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new EngineError('invalid-argument', `could not read TLS file ${path}: ${messageOf(error)}`, {
      cause: error,
      hint: 'Name the files with --tlscacert, --tlscert and --tlskey, or their folder with DOCKER_CERT_PATH.',
    });
  }
}

async function connectionError(endpoint: Endpoint, error: unknown): Promise<EngineError> {
  if (isEngineError(error)) return error;
  const errno = errnoOf(error);
  if (errno === 'EACCES' || errno === 'EPERM') {
    const message = `permission denied while trying to connect to the Gantry daemon socket at ${endpoint.label}`;
    return new EngineError('forbidden', message, {
      cause: error,
      hint: "Use root, or join the socket's group: usermod -aG docker $USER, then log in again.",
    });
  }
  return (await tlsError(endpoint, error)) ?? unreachable(endpoint, error);
}

/** What TLS has to say of a connection that could not be opened, or broke before its answer came; undefined for other errors. */
export async function tlsError(endpoint: Endpoint, error: unknown): Promise<EngineError | undefined> {
  if (endpoint.kind !== 'tcp' || endpoint.tls === undefined || !(error instanceof Error)) return undefined;
  const { tlsFailure } = await import('./tls-failure.ts');
  const failure = tlsFailure(error);
  if (failure === undefined) return undefined;
  const message = `error during connect to ${endpoint.label}: ${failure.message}`;
  return new EngineError('unavailable', message, { cause: error, hint: failure.hint });
}

function unreachable(endpoint: Endpoint, error: unknown): EngineError {
  const errno = errnoOf(error);
  const message = `Cannot connect to the Gantry daemon at ${endpoint.label}. Is the daemon running?`;
  const known = errno === 'ENOENT' || errno === 'ECONNREFUSED' || errno === undefined;
  return new EngineError('unavailable', known ? message : `${message} (${messageOf(error)})`, {
    cause: error,
    hint:
      endpoint.kind === 'unix'
        ? 'Start it with: gantryd (as root). For a daemon elsewhere: -H, GANTRY_HOST or DOCKER_HOST.'
        : `Check that gantryd listens there: gantryd -H ${endpoint.label} (without TLS also --tls=false).`,
  });
}
