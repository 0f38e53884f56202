/** Listens for questions on one address, by UDP and TCP. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { NameProtocol } from './name-forwarder.ts';
import { NameFrames } from './name-frames.ts';
import { framed } from './name-message.ts';

/** Answers one question from `address`; undefined for no answer at all. Never rejects. */
export type AnswerQuery = (
  message: Buffer,
  address: string,
  protocol: NameProtocol,
) => Promise<Buffer | undefined>;

export interface Listening {
  port: number;
  close(): Promise<void>;
}

const idleMs = 10_000;
const mostConnections = 256;
/** Room for the questions of many containers that start at once. */
const receiveBuffer = 1 << 20;

/** Port 0 for any free one. Rejects with the system's error. */
export function listenUdp(address: string, port: number, answer: AnswerQuery): Promise<Listening> {
  const ipv6 = isIPv6(address);
  const socket = createSocket({ type: ipv6 ? 'udp6' : 'udp4', ipv6Only: ipv6 });
  socket.unref();
  const { promise, resolve, reject } = Promise.withResolvers<Listening>();
  socket.once('error', (error) => {
    socket.close();
    reject(error);
  });
  socket.bind({ address, port, exclusive: true }, () => {
    socket.removeAllListeners('error');
    resolve(serveUdp(socket, answer));
  });
  return promise;
}

/** Answers by a socket that is bound. */
export function serveUdp(socket: UdpSocket, answer: AnswerQuery): Listening {
  socket.on('error', () => undefined);
  socket.on('message', (message, peer) => void answerUdp(socket, message, peer, answer));
  trySetBuffer(socket);
  const close = (): Promise<void> => new Promise((closed) => socket.close(() => closed()));
  return { port: socket.address().port, close };
}

async function answerUdp(
  socket: UdpSocket,
  message: Buffer,
  peer: { address: string; port: number },
  answer: AnswerQuery,
): Promise<void> {
  const reply = await answer(message, peer.address, 'udp');
  if (reply === undefined) return;
  try {
    socket.send(reply, peer.port, peer.address, () => undefined);
  } catch {
    // The socket was closed meanwhile: the network is gone, or the daemon ends.
  }
}

function trySetBuffer(socket: UdpSocket): void {
  try {
    socket.setRecvBufferSize(receiveBuffer);
  } catch {
    // The kernel's own size will do.
  }
}

export function listenTcp(address: string, port: number, answer: AnswerQuery): Promise<Listening> {
  const server = createServer();
  server.unref();
  const { promise, resolve, reject } = Promise.withResolvers<Listening>();
  server.once('error', reject);
  server.listen({ host: address, port, exclusive: true, ipv6Only: isIPv6(address) }, () => {
    server.removeListener('error', reject);
    resolve(serveTcp(server, answer));
  });
  return promise;
}

/** Answers by a server that listens. */
export function serveTcp(server: Server, answer: AnswerQuery): Listening {
  const open = new Set<Socket>();
  server.maxConnections = mostConnections;
  server.on('error', () => undefined);
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    serve(socket, answer);
  });
  return { port: portOf(server), close: () => closeAll(server, open) };
}

function closeAll(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  return new Promise((closed) => {
    server.close(() => closed());
    for (const socket of open) socket.destroy();
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** One question after the other: nobody gets more of the daemon's time by asking faster. */
function serve(socket: Socket, answer: AnswerQuery): void {
  const frames = new NameFrames();
  let last = Promise.resolve();
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const messages = frames.push(chunk);
    if (messages.length === 0) return;
    socket.pause();
    last = last.then(async () => {
      for (const message of messages) {
        const reply = await answer(message, socket.remoteAddress ?? '', 'tcp');
        if (reply === undefined) socket.destroy();
        else if (!socket.destroyed) socket.write(framed(reply));
      }
      socket.resume();
    });
  });
}
