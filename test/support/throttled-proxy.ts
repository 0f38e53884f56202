/** A TCP proxy that counts bytes each way and lets them through no faster than it is told. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export class ThrottledProxy {
  /** Bytes from clients. */
  up = 0;
  /** Bytes to clients. */
  down = 0;
  /** Bytes a second, over all connections; 0 for no limit. */
  rate = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** For `performance.now()`: when the next byte may pass. */
  #free = 0;

  private constructor(target: number) {
    // The end of one direction is not that of the other: a server that closes has its last words delivered.
    const allowHalfOpen = true;
    this.#server = createServer({ allowHalfOpen }, (client) =>
      this.#serve(client, connect({ port: target, host: '127.0.0.1', allowHalfOpen })),
    );
  }

  static async start(target: number): Promise<ThrottledProxy> {
    const proxy = new ThrottledProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get host(): string {
    const address = this.#server.address();
    return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  }

  /** Clients that are served. */
  get connections(): number {
    return this.#sockets.size / 2;
  }

  /** Waits until `condition` holds; it may look at `up` and `down`. Rejects after 20 s. */
  async until(condition: () => boolean): Promise<void> {
    for (let waited = 0; waited < 20_000; waited += 5) {
      if (condition()) return;
      await sleep(5);
    }
    throw new Error(`it did not come to that within 20 s: ${this.up} bytes up, ${this.down} down`);
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }

  #serve(client: Socket, target: Socket): void {
    for (const socket of [client, target]) {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    }
    const upward = this.#meter((bytes) => {
      this.up += bytes;
    });
    const downward = this.#meter((bytes) => {
      this.down += bytes;
    });
    // Either end may go away at any time: then both do.
    const both = Promise.all([pipeline(client, upward, target), pipeline(target, downward, client)]);
    both
      .catch(() => undefined)
      .finally(() => {
        client.destroy();
        target.destroy();
      });
  }

  #meter(count: (bytes: number) => void): Transform {
    return new Transform({
      transform: (chunk: Buffer, _, done) => {
        count(chunk.length);
        const now = performance.now();
        this.#free = Math.max(now, this.#free) + (this.rate === 0 ? 0 : (chunk.length / this.rate) * 1000);
        setTimeout(() => done(null, chunk), this.rate === 0 ? 0 : this.#free - now);
      },
    });
  }
}
