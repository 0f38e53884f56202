/** TLS on the daemon's TCP sockets. Whom it turns away is told why, over HTTP, where the other side can read it. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import {
  createSecureContext,
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import { EngineError, messageOf } from '../errors/engine-error.ts';

export interface TlsSettings {
  /** undefined where the user said nothing: TCP is refused then. */
  enabled: boolean | undefined;
  /** Demand certificates of clients. */
  verify: boolean;
  caFile: string;
  certFile: string;
  keyFile: string;
}

/** First byte of a TLS record with a handshake (RFC 8446, 5.1). */
const handshakeRecord = 0x16;
/** How long a client may take to send its first byte, and to read why it was refused. */
const patienceMs = 10_000;

export function isSecure(tls: TlsSettings): boolean {
  return tls.enabled === true || tls.verify;
}

export interface Secured {
  accept: (socket: Socket) => void;
  /**
   * Reads the files again, for the connections that come from now on. EngineError `invalid-argument` for unusable ones: then everything stays as
   * it was.
   */
  renew: () => void;
}

/** Takes connections, and hands over those whose certificate it accepts. EngineError `invalid-argument` for unusable files. */
export function secured(
  tls: TlsSettings,
  accept: (socket: Socket) => void,
  warn: (text: string) => void,
): Secured {
  const secure = makeTlsServer(tls);
  secure.on('secureConnection', (socket: TLSSocket) => {
    // By then the handshake is over, so that the client can be told in words what TLS's alerts can't say.
    const refusal = tls.verify ? clientRefusal(socket) : undefined;
    if (refusal === undefined) accept(socket);
    else {
      warn(`refused a client at ${socket.remoteAddress ?? 'an unknown address'}: ${refusal}`);
      refuse(socket, '401 Unauthorized', refusal);
    }
  });
  secure.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    warn(
      `TLS handshake error from ${socket.remoteAddress ?? 'an unknown address'}: ${handshakeProblem(error)}`,
    );
    socket.destroy();
  });
  return { accept: (socket) => sortOut(socket, secure), renew: () => renew(secure, tls) };
}

/** OpenSSL's reason without its file names and numbers. */
function handshakeProblem({ message }: Error): string {
  return /:SSL routines:[^:]*:([^:]+)/.exec(message)?.[1] ?? message.trim();
}

function makeTlsServer(tls: TlsSettings): TlsServer {
  try {
    return createTlsServer(tlsOptions(tls));
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw unusable(messageOf(cause), cause);
  }
}

function renew(secure: TlsServer, tls: TlsSettings): void {
  const options = tlsOptions(tls);
  try {
    // Once for the error alone: the server is left as it was.
    createSecureContext(options);
  } catch (cause) {
    throw unusable(messageOf(cause), cause);
  }
  secure.setSecureContext(options);
}

function tlsOptions(tls: TlsSettings): TlsOptions & { allowHalfOpen: true } {
  const cert = readPem(tls.certFile);
  checkExpiry(cert, tls.certFile);
  return {
    allowHalfOpen: true,
    cert,
    key: readPem(tls.keyFile),
    minVersion: 'TLSv1.2',
    ...(tls.verify ? { ca: readPem(tls.caFile), requestCert: true, rejectUnauthorized: false } : {}),
  };
}

/** A daemon whose certificate nobody accepts had better say so at once. */
function checkExpiry(pem: Buffer, path: string): void {
  let end: string;
  try {
    end = new X509Certificate(pem).validTo;
  } catch (cause) {
    throw unusable(`${path}: ${messageOf(cause)}`, cause);
  }
  if (Date.parse(end) >= Date.now()) return;
  throw new EngineError('invalid-argument', `the certificate ${path} has expired (${end})`, {
    hint: 'renew it, or check the clock of this host',
  });
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unusable(messageOf(cause), cause);
  }
}

function unusable(why: string, cause: unknown): EngineError {
  return new EngineError('invalid-argument', `could not load X509 key pair or authority: ${why}`, {
    cause,
    hint: 'name the files with --tlscacert, --tlscert and --tlskey',
  });
}

/** TLS goes to the TLS server; a client that speaks plain HTTP hears that it should not. */
function sortOut(socket: Socket, secure: TlsServer): void {
  const giveUp = setTimeout(() => socket.destroy(), patienceMs);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => clearTimeout(giveUp));
  socket.once('end', () => {
    if (socket.bytesRead === 0) socket.destroy();
  });
  socket.once('readable', () => {
    const first: Buffer | null = socket.read();
    if (first === null) return;
    clearTimeout(giveUp);
    socket.unshift(first);
    if (first[0] === handshakeRecord) secure.emit('connection', socket);
    else refuse(socket, '400 Bad Request', 'Client sent an HTTP request to an HTTPS server.');
  });
}

/** Why a client may not come in; undefined where it may. */
function clientRefusal(socket: TLSSocket): string | undefined {
  if (socket.authorized) return undefined;
  const certificate = socket.getPeerCertificate();
  if (Object.keys(certificate).length === 0)
    return 'a client certificate that the daemon trusts is required: give one with --tlscert and --tlskey, or DOCKER_CERT_PATH';
  const code = String(socket.authorizationError ?? '');
  const name = JSON.stringify(certificate.subject.CN ?? '');
  if (code.includes('CERT_HAS_EXPIRED'))
    return `the client certificate of ${name} has expired (${certificate.valid_to})`;
  if (code.includes('CERT_NOT_YET_VALID'))
    return `the client certificate of ${name} is valid from ${certificate.valid_from} on`;
  if (code.includes('INVALID_PURPOSE'))
    return `the certificate of ${name} is not for clients (extendedKeyUsage clientAuth)`;
  return `the client certificate of ${name} is not signed by an authority that the daemon trusts (${code})`;
}

/** Answers the request that comes, whatever it is, and closes. Answering before it would confuse clients. */
function refuse(socket: Socket, status: string, message: string): void {
  const giveUp = setTimeout(() => socket.destroy(), patienceMs);
  socket.on('error', () => socket.destroy());
  socket.once('close', () => clearTimeout(giveUp));
  socket.once('data', () => {
    const body = `${JSON.stringify({ message })}\n`;
    socket.end(
      `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  });
  // What follows is read and dropped, so that the answer arrives before the connection is reset.
  socket.resume();
  socket.once('end', () => socket.destroySoon());
}
