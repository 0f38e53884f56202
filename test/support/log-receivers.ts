/** Receivers of logs, which decode what comes: UDP, TCP, TLS, UNIX stream and datagram sockets. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import type { CertificateFiles } from './certificates.ts';

/** Until `condition` gives something, at most `limit` milliseconds. */
export async function eventually<T>(
  what: string,
  condition: () => T | undefined | false | Promise<T | undefined | false>,
  limit = 15_000,
): Promise<T> {
  for (const until = Date.now() + limit; ; await sleep(20)) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error(`${what}: not within ${limit} ms`);
  }
}

export interface DatagramReceiver {
  address: string;
  datagrams: Buffer[];
  close(): Promise<void>;
}

export async function receiveUdp(port = 0): Promise<DatagramReceiver & { port: number }> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  const datagrams: Buffer[] = [];
  socket.on('message', (message) => datagrams.push(message));
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', resolve);
  });
  const bound = socket.address().port;
  return {
    port: bound,
    address: `udp://127.0.0.1:${bound}`,
    datagrams,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** Node.js has no UNIX datagram sockets: a little Python prints what comes, each in hexadecimal. */
export async function receiveUnixDatagrams(path: string): Promise<DatagramReceiver> {
  const script = [
    'import os, socket, sys',
    's = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)',
    's.bind(sys.argv[1])',
    'print("ready", flush=True)',
    'while True: print(s.recv(1 << 20).hex(), flush=True)',
  ].join('\n');
  const child: ChildProcess = spawn('python3', ['-c', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const datagrams: Buffer[] = [];
  let ready = false;
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'ready') ready = true;
      else datagrams.push(Buffer.from(line, 'hex'));
    }
  });
  await eventually('the datagram socket', () => ready);
  const close = async (): Promise<void> => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  };
  return { address: `unixgram://${path}`, datagrams, close };
}

export interface StreamReceiver {
  port: number;
  connections: number;
  sockets: Set<Socket>;
  /** What came over all connections, each from its beginning. */
  received(): Buffer[];
  close(): Promise<void>;
}

export interface StreamOptions {
  port?: number;
  path?: string;
  tls?: CertificateFiles & { authority: string };
  /** Called with what came over one connection so far; what it answers is sent back. */
  answer?: (bytes: Buffer) => { taken: number; reply: Buffer } | undefined;
  /** Never reads. */
  deaf?: boolean;
}

export async function receiveStream(options: StreamOptions = {}): Promise<StreamReceiver> {
  const chunks: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const receiver = { connections: 0 };
  const onConnection = (socket: Socket): void => {
    receiver.connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    if (options.deaf === true) return;
    const mine: Buffer[] = [];
    chunks.push(mine);
    let unanswered = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      mine.push(chunk);
      if (options.answer === undefined) return;
      unanswered = Buffer.concat([unanswered, chunk]);
      for (let next = options.answer(unanswered); next !== undefined; next = options.answer(unanswered)) {
        unanswered = unanswered.subarray(next.taken);
        socket.write(next.reply);
      }
    });
  };
  const server = serverOf(options, onConnection);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (options.path !== undefined) server.listen(options.path, resolve);
    else server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get connections() {
      return receiver.connections;
    },
    sockets,
    received: () => chunks.map((mine) => Buffer.concat(mine)),
    close: async () => {
      if (!server.listening) return;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function serverOf({ tls, deaf }: StreamOptions, onConnection: (socket: Socket) => void): Server {
  if (tls === undefined) return createServer({ pauseOnConnect: deaf === true }, onConnection);
  const files = {
    cert: readFileSync(tls.certificate),
    key: readFileSync(tls.key),
    ca: readFileSync(tls.authority),
  };
  return createTlsServer({ ...files, requestCert: true, rejectUnauthorized: true }, onConnection);
}

export type Unpacked =
  | string
  | number
  | Buffer
  | null
  | Unpacked[]
  | { [key: string]: Unpacked }
  | { seconds: number; nanoseconds: number };

/** One MessagePack value from `at` on; undefined where it isn't whole. */
export function unpack(bytes: Buffer, at: number): { value: Unpacked; end: number } | undefined {
  try {
    return unpackAt(bytes, at);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function unpackAt(bytes: Buffer, at: number): { value: Unpacked; end: number } {
  const code = bytes.readUInt8(at);
  if (code < 0x80) return { value: code, end: at + 1 };
  if (code < 0x90) return unpackMap(bytes, at + 1, code & 15);
  if (code < 0xa0) return unpackArray(bytes, at + 1, code & 15);
  if (code < 0xc0) return unpackText(bytes, at + 1, code & 31);
  switch (code) {
    case 0xc0:
      return { value: null, end: at + 1 };
    case 0xce:
      return { value: bytes.readUInt32BE(at + 1), end: at + 5 };
    case 0xcf:
      return { value: Number(bytes.readBigUInt64BE(at + 1)), end: at + 9 };
    case 0xd7: {
      if (bytes.readUInt8(at + 1) !== 0) throw new Error('not an EventTime');
      const value = { seconds: bytes.readUInt32BE(at + 2), nanoseconds: bytes.readUInt32BE(at + 6) };
      return { value, end: at + 10 };
    }
    case 0xd9:
      return unpackText(bytes, at + 2, bytes.readUInt8(at + 1));
    case 0xda:
      return unpackText(bytes, at + 3, bytes.readUInt16BE(at + 1));
    case 0xdb:
      return unpackText(bytes, at + 5, bytes.readUInt32BE(at + 1));
    case 0xdc:
      return unpackArray(bytes, at + 3, bytes.readUInt16BE(at + 1));
    case 0xdd:
      return unpackArray(bytes, at + 5, bytes.readUInt32BE(at + 1));
    case 0xde:
      return unpackMap(bytes, at + 3, bytes.readUInt16BE(at + 1));
    default:
      throw new Error(`unexpected MessagePack code ${code}`);
  }
}

function unpackText(bytes: Buffer, at: number, length: number): { value: string; end: number } {
  if (at + length > bytes.length) throw new RangeError('not whole');
  return { value: bytes.toString('utf8', at, at + length), end: at + length };
}

function unpackArray(bytes: Buffer, at: number, length: number): { value: Unpacked[]; end: number } {
  const value: Unpacked[] = [];
  let end = at;
  for (let index = 0; index < length; index += 1) {
    const next = unpackAt(bytes, end);
    value.push(next.value);
    end = next.end;
  }
  return { value, end };
}

function unpackMap(
  bytes: Buffer,
  at: number,
  length: number,
): { value: { [key: string]: Unpacked }; end: number } {
  const { value: flat, end } = unpackArray(bytes, at, length * 2);
  const value: { [key: string]: Unpacked } = {};
  for (let index = 0; index < flat.length; index += 2) value[String(flat[index])] = flat[index + 1] ?? null;
  return { value, end };
}

export interface FluentdRecord {
  tag: string;
  time: Unpacked;
  record: Record<string, string>;
}

/** Records of whole messages in the message and forward modes of fluentd's protocol. */
export function fluentdRecords(bytes: Buffer): FluentdRecord[] {
  const records: FluentdRecord[] = [];
  for (let next = unpack(bytes, 0); next !== undefined; next = unpack(bytes, next.end)) {
    const [tag, second, third] = next.value as [string, Unpacked, Record<string, string>];
    if (!Array.isArray(second)) records.push({ tag, time: second, record: third });
    else
      for (const [time, record] of second as Array<[Unpacked, Record<string, string>]>)
        records.push({ tag, time, record });
  }
  return records;
}

/** Confirms each whole chunk, as fluentd does. */
export function fluentdAck(bytes: Buffer): { taken: number; reply: Buffer } | undefined {
  const message = bytes.length === 0 ? undefined : unpack(bytes, 0);
  if (message === undefined) return undefined;
  const options = (message.value as Unpacked[])[2] as { chunk: string };
  const chunk = Buffer.from(options.chunk);
  const reply = Buffer.concat([
    Buffer.from([0x81, 0xa3]),
    Buffer.from('ack'),
    Buffer.from([0xa0 | chunk.length]),
    chunk,
  ]);
  return { taken: message.end, reply };
}
