/** Holds ports of the host with real sockets, so that no other program takes a published one, and finds those that one has. */
import { createSocket } from 'node:dgram';
import { createServer, isIPv6 } from 'node:net';
import type { PortProtocol } from './network-types.ts';

export interface HeldPort {
  close(): Promise<void>;
}

/** Binds `address`:`port` until closed. Rejects with the system's error (`EADDRINUSE`, `EADDRNOTAVAIL`, …). */
export function holdPort(protocol: PortProtocol, address: string, port: number): Promise<HeldPort> {
  if (protocol === 'tcp') return holdTcp(address, port);
  if (protocol === 'udp') return holdUdp(address, port);
  // Node.js has no SCTP sockets: conflicts are only seen between containers.
  return Promise.resolve({ close: () => Promise.resolve() });
}

function holdTcp(host: string, port: number): Promise<HeldPort> {
  return new Promise((resolve, reject) => {
    // The kernel redirects connections before they get here; one that does (an address without redirection) finds nobody.
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', reject);
    server.listen({ host, port, exclusive: true, ipv6Only: isIPv6(host), backlog: 1 }, () => {
      server.removeListener('error', reject);
      server.on('error', () => undefined);
      resolve({ close: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
}

function holdUdp(address: string, port: number): Promise<HeldPort> {
  return new Promise((resolve, reject) => {
    const ipv6 = isIPv6(address);
    const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', ipv6Only: ipv6 });
    socket.unref();
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      socket.on('error', () => undefined);
      resolve({ close: () => new Promise((closed) => socket.close(() => closed())) });
    });
  });
}
