/** Opens a connection to the daemon. */
import { readFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import type { Endpoint, TlsSettings } from './endpoint.ts';

/**
 * A connected socket, on which ending one direction leaves the other open. EngineError `unavailable` says how to
 * start the daemon or reach it, `forbidden` that the user may not.
 */
export async function connect(endpoint: Endpoint): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const socket = await openSocket(endpoint, () => resolve(socket));
  const fail = (error: Error) => reject(connectionError(endpoint, error));
  socket.once('error', fail);
  const connected = await promise;
  connected.off('error', fail);
  return connected;
}

async function openSocket(endpoint: Endpoint, connected: () => void): Promise<Socket> {
  if (endpoint.kind === 'unix') return connectSocket({ path: endpoint.path, allowHalfOpen: true }, connected);
  const { host, port, tls } = endpoint;
  if (tls === undefined) return connectSocket({ host, port, allowHalfOpen: true, noDelay: true }, connected);
  // TLS costs start-up time, so it is loaded only where it is used.
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
  return connectTls(options, connected);
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

function connectionError(endpoint: Endpoint, error: Error): EngineError {
  const errno = errnoOf(error);
  if (errno === 'EACCES' || errno === 'EPERM') {
    const message = `permission denied while trying to connect to the Gantry daemon socket at ${endpoint.label}`;
    return new EngineError('forbidden', message, {
      cause: error,
      hint: "Use root, or join the socket's group: usermod -aG docker $USER, then log in again.",
    });
  }
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
