/** Datagrams to a receiver over UDP. */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError, messageOf } from '../../../errors/engine-error.ts';

/** Bytes sent in one go: a receiver has some 200 KB for what it has not read yet. */
const burst = 32 * 1024;

export class UdpConnection {
  readonly lost: AbortSignal;
  readonly #socket: Socket;
  #sinceRest = 0;
  #closed = false;

  private constructor(socket: Socket) {
    const lost = new AbortController();
    this.lost = lost.signal;
    this.#socket = socket;
    /* The kernel tells of receivers that are not there, where their host says so. */
    socket.on('error', (error) => lost.abort(new EngineError('unavailable', error.message)));
    socket.unref();
  }

  /** EngineError `unavailable` for a name that does not resolve. Whether somebody listens, UDP can't tell. */
  static async open(host: string, port: number): Promise<UdpConnection> {
    try {
      const { address, family } = await lookup(host);
      const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      socket.once('error', reject);
      socket.connect(port, address, () => resolve());
      await promise;
      socket.off('error', reject);
      return new UdpConnection(socket);
    } catch (error) {
      throw new EngineError('unavailable', `dial udp ${host}:${port}: ${messageOf(error)}`, {
        cause: error,
        hint: 'mend the address in the log options',
      });
    }
  }

  async send(datagram: Uint8Array): Promise<void> {
    if (this.lost.aborted) throw this.lost.reason;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#socket.send(datagram, (error) => (error ? reject(error) : resolve()));
    await promise;
    this.#sinceRest += datagram.length;
    if (this.#sinceRest < burst) return;
    this.#sinceRest = 0;
    await sleep(1);
  }

  close(): void {
    if (!this.#closed) this.#socket.close();
    this.#closed = true;
  }
}
