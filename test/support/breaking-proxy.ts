/** A TCP proxy that breaks connections off in mid-upload. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface BreakingProxy {
  /** `127.0.0.1:PORT`. */
  host: string;
  /** Bytes from clients that went on so far. */
  up: number;
  /** Connections that were broken off. */
  broken: number;
  /** The next connections to send so many bytes are broken off, each one time. */
  breakAfter(...bytes: number[]): void;
  stop(): Promise<void>;
}

export async function startBreakingProxy(port: number): Promise<BreakingProxy> {
  const sockets = new Set<Socket>();
  let limits: number[] = [];
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1');
    let sent = 0;
    let isBroken = false;
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    const end = (): void => {
      client.destroy();
      target.destroy();
    };
    client.on('data', (chunk: Buffer) => {
      if (isBroken) return;
      sent += chunk.length;
      proxy.up += chunk.length;
      const isOver = limits[0] !== undefined && sent >= limits[0];
      if (!target.write(chunk)) {
        client.pause();
        target.once('drain', () => client.resume());
      }
      if (!isOver) return;
      limits = limits.slice(1);
      proxy.broken += 1;
      isBroken = true;
      // What came reaches the other side before it is cut off.
      target.end(() => setTimeout(end, 50));
    });
    target.on('data', (chunk: Buffer) => isBroken || client.write(chunk));
    client.on('close', end);
    target.on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const proxy: BreakingProxy = {
    host: `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    up: 0,
    broken: 0,
    breakAfter: (...bytes) => {
      limits = bytes;
    },
    stop: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
  return proxy;
}
