/** A connection to a receiver over TCP, TLS or a UNIX socket. */
import { readFile } from 'node:fs/promises';
import { connect, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { EngineError, messageOf } from '../../../errors/engine-error.ts';
import { type Address, describeAddress } from './address.ts';

export interface TlsFiles {
  /** Paths; '' for none: the system's authorities, no certificate of one's own. */
  ca: string;
  cert: string;
  key: string;
  skipVerify: boolean;
}

const connectTimeout = 10_000;
/** Milliseconds in which what was written may still leave. */
const farewell = 5000;

export class StreamConnection {
  readonly lost: AbortSignal;
  onData: (chunk: Buffer) => void = () => {};
  readonly #socket: Socket;
  readonly #writeTimeout: number;

  private constructor(socket: Socket, writeTimeout: number) {
    const lost = new AbortController();
    this.lost = lost.signal;
    this.#socket = socket;
    this.#writeTimeout = writeTimeout;
    const lose = (error?: Error): void =>
      lost.abort(new EngineError('unavailable', error?.message ?? 'the receiver closed the connection'));
    socket.on('error', lose);
    socket.on('close', () => lose());
    /* A receiver that ends its side takes nothing more. */
    socket.on('end', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.onData(chunk));
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
  }

  /** EngineError `unavailable` in Docker's words where nobody answers within ten seconds. `writeTimeout` in milliseconds, 0 for none. */
  static async open(address: Address, tls?: TlsFiles, writeTimeout = 0): Promise<StreamConnection> {
    try {
      return new StreamConnection(await connected(await dial(address, tls), address), writeTimeout);
    } catch (error) {
      throw new EngineError('unavailable', `dial ${describeAddress(address)}: ${messageOf(error)}`, {
        cause: error,
        hint: 'start the receiver, or mend its address in the log options',
      });
    }
  }

  /** Resolves when the kernel has taken all of it. */
  write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const lose = (): void => reject(this.lost.reason);
    if (this.lost.aborted) lose();
    this.lost.addEventListener('abort', lose, { once: true });
    const timer =
      this.#writeTimeout > 0
        ? setTimeout(() => this.#socket.destroy(new Error('i/o timeout')), this.#writeTimeout)
        : undefined;
    this.#socket.write(bytes, (error) => (error ? reject(error) : resolve()));
    return promise.finally(() => {
      clearTimeout(timer);
      this.lost.removeEventListener('abort', lose);
    });
  }

  /** What was written still arrives. */
  close(): void {
    this.#socket.end();
    this.#socket.unref();
    this.#socket.destroySoon();
    setTimeout(() => this.#socket.destroy(), farewell).unref();
  }
}

async function dial(address: Address, tls: TlsFiles | undefined): Promise<Socket> {
  if ('path' in address) return connect(address.path);
  if (address.transport !== 'tls') return connect(address.port, address.host);
  return connectTls({
    ...(await tlsOptions(tls)),
    ...serverName(address.host),
    host: address.host,
    port: address.port,
  });
}

function serverName(host: string): ConnectionOptions {
  return isIP(host) === 0 ? { servername: host } : {};
}

async function tlsOptions(files: TlsFiles | undefined): Promise<ConnectionOptions> {
  if (files === undefined) return {};
  const read = async (path: string): Promise<Buffer | undefined> =>
    path === '' ? undefined : await readFile(path);
  const [ca, cert, key] = await Promise.all([read(files.ca), read(files.cert), read(files.key)]);
  return {
    rejectUnauthorized: !files.skipVerify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
}

function connected(socket: Socket, address: Address): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  const timer = setTimeout(() => socket.destroy(new Error('i/o timeout')), connectTimeout);
  socket.once(address.transport === 'tls' ? 'secureConnect' : 'connect', () => resolve(socket));
  socket.once('error', reject);
  socket.once('close', () => reject(new Error('the receiver closed the connection')));
  return promise.finally(() => clearTimeout(timer));
}
