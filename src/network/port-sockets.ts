/** Holds ports of the host with real sockets, so that no other program takes a published one, and finds those that one has. */
import { createSocket } from 'node:dgram';
import { connect, createServer, isIPv6, type Socket } from 'node:net';
import type { PortProtocol } from './network-types.ts';
import { isSource } from './publish-from.ts';
import { UdpRelay } from './udp-relay.ts';

export interface HeldPort {
  close(): Promise<void>;
}

export interface PortToHold {
  protocol: PortProtocol;
  address: string;
  port: number;
  /** Where the container listens: what nftables can't redirect is passed on by this process. */
  target: { address: string; port: number };
  /** The only sources that may; all unless told. */
  publishFrom?: readonly string[];
}

const loopback = '::1';

/** Binds the port until closed. Rejects with the system's error (`EADDRINUSE`, `EADDRNOTAVAIL`, …). */
export function holdPort(port: PortToHold): Promise<HeldPort> {
  if (port.protocol === 'tcp') return holdTcp(port);
  if (port.protocol === 'udp') return holdUdp(port);
  // Node.js has no SCTP sockets: conflicts are only seen between containers.
  return Promise.resolve({ close: () => Promise.resolve() });
}

function holdTcp({ address, port, target, publishFrom }: PortToHold): Promise<HeldPort> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      // The kernel redirects all others before they get here. It can't redirect ::1: no answer to it may come over a bridge.
      if (socket.localAddress === loopback && isSource(publishFrom, loopback)) passOn(socket, target);
      else socket.destroy();
    });
    server.unref();
    server.once('error', reject);
    server.listen({ host: address, port, exclusive: true, ipv6Only: isIPv6(address) }, () => {
      server.removeListener('error', reject);
      server.on('error', () => undefined);
      resolve({ close: () => new Promise((closed) => server.close(() => closed())) });
    });
  });
}

/** Joins a connection with one to the target; each side's end is passed on, a failure of one ends both. */
function passOn(client: Socket, target: PortToHold['target']): void {
  const server = connect({ host: target.address, port: target.port, allowHalfOpen: true });
  const pairs = [
    [client, server],
    [server, client],
  ] as const;
  for (const [from, to] of pairs) {
    from.pipe(to);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  }
}

function holdUdp({ address, port, target, publishFrom }: PortToHold): Promise<HeldPort> {
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
      const relay = new UdpRelay(socket, target);
      socket.on('message', (data, peer) => {
        if (peer.address === loopback && isSource(publishFrom, loopback)) relay.passOn(data, peer);
      });
      const close = async (): Promise<void> => {
        relay.close();
        await new Promise<void>((closed) => socket.close(() => closed()));
      };
      resolve({ close });
    });
  });
}
